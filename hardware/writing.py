"""Carrying out write requests: claim, write once, read back, report (URS-PRO-050)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID

from core.actors import Actor
from core.house import House
from hardware import commands, queries, rules
from hardware.commands import WriteOutcome
from hardware.drivers.base import Point
from hardware.link import Link
from hardware.words import WriteState

READ_BACK_SECONDS = 2.0
READ_BACK_EVERY = 0.05
T = TypeVar("T")


class InDatabase(Protocol):
    """Runs blocking work in the gateway's database thread."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """The answer of the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A write request as the event loop needs it."""

    id: UUID
    tag: str
    value: Any
    tolerance: Any
    state: WriteState
    claimed_by: str | None


class Writer:
    """Carries out the requests for the lines of one gateway, one after the other.

    `find` gives link and point of a tag when the line is ours.
    """

    def __init__(
        self,
        house: House,
        *,
        owner: str,
        by: Actor,
        find: Callable[[str], tuple[Link, Point] | None],
        in_database: InDatabase,
    ) -> None:
        self._house = house
        self._owner = owner
        self._by = by
        self._find = find
        self._in_database = in_database
        self._turn = asyncio.Lock()

    async def carry_out(self) -> int:
        """Carry out what was asked for on our lines; answers how many requests were ended."""
        async with self._turn:
            wanted = await self._in_database(self._open_writes)
            ended = 0
            for request in wanted:
                place = self._find(request.tag)
                if place is not None:
                    await self._carry_out(request, *place)
                    ended += 1
            return ended

    async def _carry_out(self, request: Wanted, link: Link, point: Point) -> None:
        outcome: WriteOutcome | None
        if request.state is WriteState.CLAIMED:
            outcome = await self._settle_inherited(request, link, point)
        elif not link.attempted:
            return
        elif not link.online:
            outcome = WriteOutcome(
                result=WriteState.REFUSED, problem=f"not sent: {link.problem or 'no connection'}"
            )
        else:
            outcome = await self._write(request, link, point)
        if outcome is not None:
            await self._perform(commands.report_write, request.id, outcome)

    async def _write(self, request: Wanted, link: Link, point: Point) -> WriteOutcome | None:
        old = await link.read_one(point)
        claimed = await self._perform(commands.claim_write, request.id, gateway=self._owner)
        if not claimed:
            return None
        answer = await link.write(point, request.value)
        if answer.answered and not answer.taken:
            return WriteOutcome(
                result=WriteState.REFUSED,
                old_value=_number(old.value),
                status=answer.status,
                problem=f"the device refused the write: {answer.status}",
            )
        shown = await self._read_back(request, link, point)
        result = rules.read_back_result(request.value, shown, request.tolerance)
        if not answer.answered and result is WriteState.MISMATCH:
            # It may still take effect: nobody knows, so nobody sends it again.
            result = WriteState.UNKNOWN
        return WriteOutcome(
            result=result,
            old_value=_number(old.value),
            read_back=shown,
            status=answer.status,
            problem=_problem(result, answer.status, shown),
        )

    async def _settle_inherited(self, request: Wanted, link: Link, point: Point) -> WriteOutcome:
        """A request that an earlier run had claimed: it may have been sent."""
        shown = _number((await link.read_one(point)).value)
        return WriteOutcome(
            result=WriteState.UNKNOWN,
            read_back=shown,
            problem=f"the gateway ({request.claimed_by}) ended between sending and answer",
        )

    async def _read_back(self, request: Wanted, link: Link, point: Point) -> Any:
        """What the device itself shows, within 2 s; the last good value seen, or None."""
        deadline = self._house.clock.monotonic() + READ_BACK_SECONDS
        shown = None
        while True:
            sample = await link.read_one(point)
            shown = _number(sample.value) if sample.reached else shown
            result = rules.read_back_result(request.value, shown, request.tolerance)
            if result is WriteState.VERIFIED or self._house.clock.monotonic() > deadline:
                return shown
            await asyncio.sleep(READ_BACK_EVERY)

    def _open_writes(self) -> list[Wanted]:
        with self._house.reading() as session:
            return [
                Wanted(
                    id=row.id,
                    tag=row.tag,
                    value=row.value,
                    tolerance=row.tolerance,
                    state=WriteState(row.state),
                    claimed_by=row.claimed_by,
                )
                for row in queries.open_writes(session)
            ]

    async def _perform(self, command: Callable[..., T], *args: Any, **keywords: Any) -> T:
        return await self._in_database(
            partial(self._house.perform, command, *args, by=self._by, **keywords)
        )


def _number(value: Any) -> Any:
    return None if isinstance(value, str) else value


def _problem(result: WriteState, status: str, shown: Any) -> str | None:
    if result is WriteState.VERIFIED:
        return None
    if result is WriteState.MISMATCH:
        return f"the device took the write ({status}) and shows {shown}"
    return f"nobody knows whether it took effect ({status}); read before anything is sent again"
