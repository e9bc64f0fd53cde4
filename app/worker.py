"""The worker: jobs, waits and watched conditions, and the sequencer of the audit log."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session

from app import scheduledverification, wiring
from app.anchoring import Anchoring
from app.backup import scheduled
from app.backup.beside import Beside
from app.clockwatch import ClockWatch
from audit import searchindex
from audit.restored import Restored, is_restored, keys_now
from audit.sequencer import oldest_pending_age, sequence_pending
from core import logs
from core.house import House
from core.jobs import JobHandler, Worker
from ebr import automatic

IDLE_SECONDS = 0.2
log = logs.logger(__name__)


class SiteWorker:
    """Everything that a site does in the background, one round at a time.

    Entries may wait `lag` of real time for the log, so that one checkpoint serves several; it stays
    well below the second that the log may be behind.
    """

    def __init__(
        self,
        house: House,
        *,
        owner: str,
        more: Mapping[str, JobHandler] | None = None,
        lag: timedelta = timedelta(0),
    ) -> None:
        self._house = house
        self._lag = lag
        self._clock = ClockWatch(house)
        here = {kind: do for kind, do in wiring.jobs().items() if kind not in scheduled.JOBS}
        self._jobs = Worker(house, {**here, **(more or {})}, owner=owner)
        self._owner = owner

    def round(self) -> int:
        """Do what is due now; answers how much was done."""
        try:
            self._clock.look()
        except Restored:
            return 0  # told when the restoration is signed
        with self._house.reading() as session:
            if is_restored(session) or not self.is_needed(session):
                return 0
        done = self._jobs.run_pending()
        done += automatic.watch(self._house)
        if done:
            done += self._jobs.run_pending()
        return done + self._sequence()

    def _sequence(self) -> int:
        with self._house.reading() as session:
            if not self._log_is_due(session):
                return 0
            # After a restoration the log goes on under another name.
            keys = keys_now(session, self._house.services["site_keys"])
            self._house.services["site_keys"] = keys
        done = sequence_pending(self._house, keys)
        if done:
            searchindex.catch_up(self._house)
        return done

    def _log_is_due(self, session: Session) -> bool:
        age = oldest_pending_age(session)
        # Entries that seem to come from the future were written before the clock was set back.
        return age is not None and (age >= self._lag or age < timedelta(0))

    def is_needed(self, session: Session) -> bool:
        """Whether a round would find anything to do: a look in a reading session."""
        return (
            self._jobs.has_work(session)
            or self._log_is_due(session)
            or automatic.anything_over(session)
        )

    def settle(self, *, most: int = 50) -> None:
        """Rounds until nothing is left to do now."""
        for _ in range(most):
            if not self.round():
                return

    def _schedule(self) -> bool:
        """Ask for the next verification of the site; a restored one is not written to yet."""
        with self._house.reading() as session:
            if is_restored(session):
                return False
        with self._house.transaction() as session:
            scheduledverification.schedule(session)
        return True

    def run(self, stop: threading.Event) -> None:
        """Rounds until told to stop; a failing round is logged and the next one tried.

        Anchoring goes on beside it: whoever vouches for the log may be slow to answer.
        """
        anchoring = Anchoring(self._house, self._house.services["settings"])
        if anchoring.is_needed:
            anchoring.safe_round()
            beside = threading.Thread(target=anchoring.run, args=(stop,), name="anchoring")
            beside.daemon = True  # an answer that does not come must not keep the process
            beside.start()
        backups = Beside(self._house, self._house.services["settings"], owner=self._owner)
        if backups.is_needed:
            threading.Thread(target=backups.run, args=(stop,), name="backups", daemon=True).start()
        asked = False
        while not stop.is_set():
            try:
                asked = asked or self._schedule()
                busy = self.round()
            except Exception:
                log.error("worker.round_failed", exc_info=True)
                busy = 0
            if not busy:
                stop.wait(IDLE_SECONDS)
