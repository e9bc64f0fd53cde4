"""Watching the clock of this machine (URS-TIM-020): a jump is an event and an incident.

Wall clock and steady time (`core.steady`) part when somebody or a time server sets the clock, by a
jump or little by little; and a machine may lose its time server. Order never comes from the clock,
so nothing is repaired in records: those that run are marked, and the quality unit decides
(`app.clockincident`). All processes of an installation on one machine tell one step once.
"""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app import clockincident
from audit import trail
from audit.streams import SITE
from core import jobs, logs
from core.actors import Actor
from core.house import House, moment
from core.sites import SiteMode, the_site

LIMIT = timedelta(seconds=2)
ASK_SECONDS = 10.0
"""How often the kernel is asked for its time server; it needs hours itself to miss one."""
WATCH = Actor.service("clock watch", trigger="the clock of this machine")
log = logs.logger(__name__)


class ClockWatch:
    """Watches the clock for one process; `look` is asked at least every few seconds."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._machine = socket.gethostname()
        self._asked_at: float | None = None

    def look(self) -> timedelta | None:
        """How far the clock has gone since the last step that is told, once this is recorded; None
        if it has not, or another process of this machine was faster."""
        self._ask_for_time_server()
        if abs(self._house.steady.parted()) <= LIMIT:
            return None
        with self._house.steady.telling() as known:
            jump = self._house.steady.parted()
            if abs(jump) <= LIMIT:
                return None
            self._tell_step(jump)
            self._house.steady.tell(told=known.told + jump)
        return jump

    def _tell_step(self, jump: timedelta) -> None:
        found = self._house.clock.now()
        facts = {
            "machine": self._machine,
            "expected": (found - jump).isoformat(),
            "found": found.isoformat(),
            "seconds": f"{jump.total_seconds():.3f}",
        }
        log.error("clock.stepped", **facts)
        with (
            self._house.transaction() as session,
            trail.act(session, "clock.stepped", stream=SITE, by=WATCH, facts=facts),
        ):
            clockincident.open_for_step(session, self._machine, jump, by=WATCH, at=_at(session))

    def _ask_for_time_server(self) -> None:
        now = self._house.clock.monotonic()
        if self._asked_at is None:
            self._after_restart()
        elif now - self._asked_at < ASK_SECONDS:
            return
        self._asked_at = now
        kept = self._house.clock.synchronised()
        if kept is None or kept is self._house.steady.trusted:
            return
        with self._house.steady.telling() as known:
            if kept is not known.trusted:
                self._tell_time_server(kept, before=known.trusted)
                self._house.steady.tell(trusted=kept)

    def _after_restart(self) -> None:
        # The machine may have come up with another time than it went down with.
        with self._house.transaction() as session:
            jobs.after_restart(session)

    def _tell_time_server(self, kept: bool, *, before: bool | None) -> None:
        with self._house.transaction() as session:
            gmp = the_site(session).mode == SiteMode.GMP
            if before is None and (kept or not gmp):
                return  # a laptop that shows a demonstration need not have one
            action = "clock.synchronised" if kept else "clock.unsynchronised"
            log.error(action, machine=self._machine)
            facts = {"machine": self._machine}
            with trail.act(session, action, stream=SITE, by=WATCH, facts=facts):
                if not kept:
                    clockincident.open_for_loss(session, self._machine, by=WATCH, at=_at(session))


def _at(session: Session) -> datetime:
    return moment(session).site
