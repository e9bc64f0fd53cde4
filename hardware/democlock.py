"""The clock of a demonstration site, moved forward on purpose (architecture, section 8).

One audited act says from, to and why. While process values are recorded the clock moves in steps
of at most 10 s: the simulators advance and publish, the gateway has stored the values, then the
caller's tick runs; otherwise it moves from due time to due time. It never goes back.

Where the caller says whose values are recorded, a step stores only those and every `EVERYTHING`
the rest, so that a look at the others costs the process no time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE
from core import jobs, sites
from core.actors import Actor
from core.house import House, moment

STEP = timedelta(seconds=10)
EVERYTHING = timedelta(seconds=30)
"""No tag of the plant stays unseen for longer, in time of the process."""


class Simulators(Protocol):
    """The simulated plant, as its control client offers it."""

    def advance(
        self, to: datetime, *, offset: timedelta | None = None, until_change: bool = False
    ) -> object:
        """Step the models to this site time and publish their values."""


class Sweeper(Protocol):
    """The gateway, as its control client offers it."""

    def begin_steps(self, site_time: datetime) -> None:
        """Background samples do not count from now on."""

    def sweep(self, site_time: datetime, devices: Iterable[str] | None = None) -> object:
        """Read and store everything (or these devices) with this site time; return when it is
        committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where the clock stands after one step, and whether the values of all devices are of now."""

    at: datetime
    number: int
    everything: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Where an advance came to, in how many steps, and whether the caller's tick ended it."""

    reached: datetime
    steps: int
    stopped: bool


Tick = Callable[[Step], bool]
"""Called after each step, outside any transaction; True ends the advance there."""
Recording = bool | Callable[[], Collection[str] | bool]
"""Whether process values are recorded now: of nothing, of everything, or of some devices."""


def advance(
    house: House,
    simulators: Simulators | None,
    gateway: Sweeper | None,
    to: datetime,
    *,
    reason: str,
    by: Actor,
    recording: Recording = True,
    until: Tick | None = None,
    most: timedelta = STEP,
) -> Advance:
    """Move the site's clock to `to`, or until `until` says so.

    `recording` tells before each step whether process values are recorded: then a step is at most
    `most` long, else it reaches to the next due job. Each step ends at due times exactly. Where
    `recording` names devices, their values are stored at each step, those of all others at least
    every `EVERYTHING` and at the end. Raises ClockNotMovable in a GMP site or when `to` lies in
    the past; what was reached is audited however it ends.
    """
    start = house.perform(_begin, to, reason=reason, by=by)
    at, number, stopped = start, 0, False
    looks = _Looks(gateway, start)
    with ExitStack() as ending:
        ending.callback(lambda: house.perform(_end, start, number, stopped, reason=reason, by=by))
        if gateway is not None:
            gateway.begin_steps(start)
        recorded = _asked(recording)
        if recorded:
            looks.at(start, True)  # else a trend waits for its first point too long
        while at < to and not stopped:
            at, offset = _step(house, to, at + most if recorded else None)
            number += 1
            if simulators is not None:
                simulators.advance(at, offset=offset)
            everything = looks.at(at, recorded)
            stopped = until is not None and until(Step(at=at, number=number, everything=everything))
            recorded = not stopped and _asked(recording)
        looks.at(at, True)
    return Advance(reached=at, steps=number, stopped=stopped)


class _Looks:
    """The looks of the gateway at the plant, each as wide as it has to be."""

    def __init__(self, gateway: Sweeper | None, start: datetime) -> None:
        self._gateway = gateway
        self._seen_all = start - EVERYTHING

    def at(self, moment: datetime, recorded: Collection[str] | bool) -> bool:
        """Have the values of this moment stored; answers whether those of everything are."""
        if self._gateway is None or self._seen_all == moment:
            return True
        if not isinstance(recorded, bool) and moment - self._seen_all < EVERYTHING:
            self._gateway.sweep(moment, recorded)
            return False
        self._gateway.sweep(moment)
        self._seen_all = moment
        return True


def _asked(recording: Recording) -> Collection[str] | bool:
    return recording if isinstance(recording, bool) else recording()


def _begin(session: Session, to: datetime, *, reason: str, by: Actor, at: datetime) -> datetime:
    if to < at:
        raise sites.ClockNotMovable(
            "the site clock only moves forward", resolver="nobody: choose a later time"
        )
    facts = {"from": at.isoformat(), "to": to.isoformat()}
    with trail.act(session, "clock.advanced", stream=SITE, by=by, reason=reason, facts=facts):
        sites.move_clock(session, timedelta(0))
    return at


def _end(
    session: Session,
    start: datetime,
    steps: int,
    stopped: bool,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    facts = {"from": start.isoformat(), "reached": at.isoformat(), "steps": steps}
    facts["ended_by"] = "the condition that was waited for" if stopped else "its end"
    with trail.act(session, "clock.stopped", stream=SITE, by=by, reason=reason, facts=facts):
        pass


def _step(house: House, to: datetime, latest: datetime | None) -> tuple[datetime, timedelta]:
    """One transaction: move the clock by one step; answers new site time and its offset.

    `latest` is when the next point of a trend is due, counted from the last one: real time that
    passed meanwhile does not stretch the step.
    """
    with house.transaction() as session:
        now, real = moment(session).site, moment(session).real
        goals = [to]
        if latest is not None:
            goals.append(latest)
        due = jobs.next_due(session)
        if due is not None and due > now:
            goals.append(due)
        goal = max(min(goals), now)
        sites.move_clock(session, goal - now)
        return goal, goal - real
