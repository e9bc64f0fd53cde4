"""Backups and drills run beside the worker, so that one of minutes holds no wait or step up."""

from __future__ import annotations

import threading
from datetime import timedelta

from app.backup import scheduled
from app.backup.plan import Scheduled
from core import logs
from core.house import House
from core.jobs import Worker
from core.settings import Settings

EVERY_SECONDS = 5.0
ASKED_EVERY = timedelta(hours=1)
log = logs.logger(__name__)


class Beside:
    """The jobs of backups and drills of one site, a round at a time in a thread of its own."""

    def __init__(self, house: House, settings: Settings, *, owner: str) -> None:
        self._house = house
        self._jobs = Worker(house, scheduled.JOBS, owner=f"{owner} beside")
        self.is_needed = Scheduled.of(settings) is not None
        self._rounds = 0

    def round(self) -> int:
        """Ask for what the schedule wants and do what is due; answers how much was done."""
        asks = self._rounds % (ASKED_EVERY // timedelta(seconds=EVERY_SECONDS)) == 0
        if asks and not scheduled.schedule(self._house):
            return 0
        self._rounds += 1
        with self._house.reading() as session:
            if not self._jobs.has_work(session):
                return 0
        return self._jobs.run_pending()

    def run(self, stop: threading.Event) -> None:
        """Rounds until told to stop; a failing round is logged and the next one tried."""
        while not stop.is_set():
            try:
                self.round()
            except Exception:
                log.error("backup.round_failed", exc_info=True)
            stop.wait(EVERY_SECONDS)
