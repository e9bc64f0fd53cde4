"""The running plant: cell, lines and both servers under one clock.

Model time is site time = real time + offset. The offset only grows (architecture, section 8);
between advances the models follow real time in ticks.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hardware.simulators import memory
from hardware.simulators.cell import Cell, Change
from hardware.simulators.errors import ArgumentRefused
from hardware.simulators.lines import MODBUS_SERVER, OPCUA_SERVER, Lines
from hardware.simulators.modbus_server import ModbusLine
from hardware.simulators.opcua_server import GranServer

TICK = 0.4
TICKS_PER_SAVE = 10
# One piece of a long advance; the sockets live in between.
PIECE = timedelta(minutes=10)
# A moment that the tick has just passed is not an error of the caller, and neither is an offset
# that was worked out a moment before it arrived.
GRACE = timedelta(seconds=5)


def real_now() -> datetime:
    """Aware UTC now of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantConfig:
    """Where the plant listens and where its time begins; ports of 0 are chosen by the system.

    With a `state_file` the machines go on where they stood when the plant last stopped.
    """

    pki: Path
    opcua_port: int = 0
    modbus_port: int = 0
    offset: timedelta = timedelta(0)
    seed: int = 1
    state_file: Path | None = None


class Plant:
    """The simulated cell on the wire."""

    def __init__(self, config: PlantConfig, real: Callable[[], datetime] = real_now) -> None:
        self._real = real
        self.offset = config.offset
        self.cell = Cell(real() + config.offset, config.seed)
        self._state_file = config.state_file
        if config.state_file is not None:
            memory.load(self.cell, config.state_file)
        self.lines = Lines(self.cell.units)
        self.opcua = GranServer(
            self.cell,
            self.lines,
            port=config.opcua_port,
            pki=config.pki,
            changed=self._changed,
        )
        self.modbus = ModbusLine(
            self.cell, self.lines, port=config.modbus_port, changed=self._changed
        )
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Open both servers."""
        await self.opcua.start()
        await self.modbus.start()

    async def stop(self) -> None:
        """Close both servers."""
        self.save()
        await self.modbus.stop()
        await self.opcua.stop()

    def save(self) -> None:
        """Remember the states of the machines, when a state file is given."""
        if self._state_file is not None:
            memory.save(self.cell, self._state_file)

    def now(self) -> datetime:
        """Site time now; never before the time of the models."""
        return max(self.cell.now, self._real() + self.offset)

    async def run(self) -> None:
        """Follow real time until cancelled, and remember the machines every few seconds."""
        for tick in itertools.count(1):
            await asyncio.sleep(TICK)
            async with self._turn:
                await self._move(self.now())
            if tick % TICKS_PER_SAVE == 0:
                self.save()

    async def follow(self) -> None:
        """Bring the models to the present moment and publish."""
        async with self._turn:
            await self._move(self.now())

    async def advance(
        self, to: datetime, *, offset: timedelta | None = None, until_change: bool = False
    ) -> list[Change]:
        """Move site time to `to`, step the models and publish; then real time goes on from there.

        `offset` sets the site offset exactly (for the owner of the site clock); without it the
        offset grows so that now is `to`. With `until_change` time stops where a unit changes its
        state. Refused when time or offset would go back.
        """
        async with self._turn:
            self._check(to, offset)
            changes = await self._move(to, until_change)
            stopped_early = self.cell.now < to
            exact = offset if not stopped_early else None
            wanted = self.cell.now - self._real() if exact is None else exact
            self.offset = max(self.offset, wanted)
            return changes

    def _check(self, to: datetime, offset: timedelta | None) -> None:
        if to < self.now() - GRACE:
            raise ArgumentRefused(
                f"site time only moves forward: it is {self.now().isoformat()},"
                f" after {to.isoformat()}"
            )
        if offset is not None and offset < self.offset - GRACE:
            raise ArgumentRefused(f"the offset only grows: it is {self.offset}, not {offset}")

    async def _move(self, to: datetime, until_change: bool = False) -> list[Change]:
        changes: list[Change] = []
        while self.cell.now < to and not (until_change and changes):
            piece = min(to, self.cell.now + PIECE)
            changes += self.cell.advance(piece, until_change=until_change)
            if piece < to:
                await asyncio.sleep(0)
        await self._mend()
        self.modbus.publish()
        await self.opcua.publish()
        return changes

    async def _mend(self) -> None:
        """End the cuts whose time is over and open or close the servers accordingly."""
        self.lines.expire(self.cell.now)
        if self.lines.is_cut(OPCUA_SERVER):
            await self.opcua.close_socket()
        else:
            await self.opcua.open_socket()
        if self.lines.is_cut(MODBUS_SERVER):
            await self.modbus.stop()
        else:
            await self.modbus.open_socket()

    async def _changed(self) -> None:
        """A client has written: show what follows from it."""
        await self.opcua.publish()
