"""Watching the clock of this machine (URS-TIM-020): a jump is an event of the site.

Wall clock and monotonic time are compared between two looks. They part when somebody or a time
server sets the clock, and when the machine slept. Order never comes from the clock, so nothing is
repaired in records; what waits by real time is told that the clock is another now.
"""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from audit import trail
from audit.streams import SITE
from core import jobs, logs
from core.actors import Actor
from core.house import House

LIMIT = timedelta(seconds=2)
WATCH = Actor.service("clock watch", trigger="wall clock and monotonic time have parted")
log = logs.logger(__name__)


class ClockWatch:
    """Compares the clocks of one process; `look` is asked at least every few seconds."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._before = self._both()

    def look(self) -> timedelta | None:
        """How far the clock has jumped since the last look, once it is recorded; None if it has
        not."""
        real, seconds = self._both()
        expected = self._before[0] + timedelta(seconds=seconds - self._before[1])
        jump = real - expected
        if abs(jump) <= LIMIT:
            self._before = real, seconds
            return None
        self._record(expected, real)
        self._before = real, seconds
        return jump

    def _both(self) -> tuple[datetime, float]:
        return self._house.clock.now(), self._house.clock.monotonic()

    def _record(self, expected: datetime, real: datetime) -> None:
        facts = {
            "machine": socket.gethostname(),
            "expected": expected.isoformat(),
            "found": real.isoformat(),
            "seconds": f"{(real - expected).total_seconds():.3f}",
        }
        log.error("clock.stepped", **facts)
        with (
            self._house.transaction() as session,
            trail.act(session, "clock.stepped", stream=SITE, by=WATCH, facts=facts),
        ):
            jobs.after_clock_step(session)
