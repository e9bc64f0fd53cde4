"""The gateway without a process of its own: for a plant whose cell lives in this process.

It is the same gateway (lines, recorder, writer, leases, news), driven step by step by its owner
in the owner's thread, instead of by loops in the background: nothing happens between calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any, Self, TypeVar

from core.house import House
from hardware.drivers.inprocess import InProcessDriver
from hardware.errors import LinkProblem
from hardware.gateway import RENEW_SECONDS, Gateway
from hardware.historian import Historian
from hardware.pki import Pki
from hardware.simulators.local import LocalCell

TURNS_TO_CONNECT = 200
T = TypeVar("T")


class LocalGateway:
    """A context manager with the methods of `GatewayClient`; not for several threads."""

    def __init__(self, house: House, historian: Historian, pki: Pki, cell: LocalCell) -> None:
        self._house = house
        self._loop = asyncio.new_event_loop()
        self._tended = 0.0
        self._gateway = Gateway(
            house,
            historian,
            pki,
            name="in-process gateway",
            drivers=lambda _device: InProcessDriver(cell.cell, cell.lines),
        )

    def __enter__(self) -> Self:
        self._do(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._gateway.close())
        self._loop.close()

    def begin_steps(self, site_time: datetime) -> None:
        """The demonstration clock is about to move in steps from this site time."""
        self._gateway.begin_steps(site_time)

    def sweep(self, site_time: datetime, devices: Iterable[str] | None = None) -> dict[str, str]:
        """Read and store every tag (or those of some devices) with this site time; answers the
        state of each line that was asked."""
        return self._do(self._swept(site_time, devices))

    def write_now(self) -> int:
        """Carry out open write requests; how many were ended."""
        return self._do(self._written())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _open(self) -> None:
        """Raises LinkProblem when a line does not come up."""
        await self._gateway.open()
        self._tended = self._house.clock.monotonic()
        for _ in range(TURNS_TO_CONNECT):
            await asyncio.sleep(0)
            if all(line["state"] == "ONLINE" for line in self._gateway.status()):
                return
        problems = [line["problem"] for line in self._gateway.status() if line["problem"]]
        raise LinkProblem(f"the lines did not come up: {'; '.join(problems) or 'no line'}")

    async def _swept(self, at: datetime, devices: Iterable[str] | None) -> dict[str, str]:
        await self._tend()
        return await self._gateway.sweep(at, devices)

    async def _written(self) -> int:
        await self._tend()
        return await self._gateway.writer.carry_out()

    async def _tend(self) -> None:
        now = self._house.clock.monotonic()
        if now - self._tended >= RENEW_SECONDS:
            self._tended = now
            await self._gateway.tend()
