"""Moving the clock of a demonstration site as a job of the worker, with progress.

While the job runs, the clock moves in steps, and a worker of its own does in step what falls due:
so that a page may ask for hours and show how far it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app import clock
from app.worker import SiteWorker
from core import jobs
from core.actors import Actor
from core.errors import Invalid
from core.house import House, moment
from core.settings import Settings
from ebr.issuing import actor_from_json, actor_to_json
from personnel import permissions

ADVANCE_JOB = "demonstration.advance"
LONGEST = timedelta(days=3)
SILENT_SECONDS = 10.0


def request_advance(session: Session, minutes: int, reason: str, *, by: Actor, at: datetime) -> str:
    """Ask for the clock to be moved by whole minutes; answers the id of the job.

    Raises NotPermitted (also at a GMP site), Invalid for nothing, more than three days, no reason.
    """
    permissions.require(session, by, "clock.advance")
    if not timedelta(0) < timedelta(minutes=minutes) <= LONGEST:
        raise Invalid("the clock moves by one minute to three days", resolver="the presenter")
    if not reason.strip():
        raise Invalid("moving the clock needs a reason", resolver="the presenter", field="reason")
    start = moment(session).site
    payload = {
        "from": start.isoformat(),
        "to": (start + timedelta(minutes=minutes)).isoformat(),
        "reason": reason.strip(),
        "by": actor_to_json(by),
    }
    return str(jobs.enqueue(session, ADVANCE_JOB, payload))


def on_advance(house: House, claimed: jobs.Claim) -> None:
    """Job: move the clock to where it was asked for; what is reached already is not moved again."""
    settings: Settings = house.services["settings"]
    start = datetime.fromisoformat(claimed.payload["from"])
    to = datetime.fromisoformat(claimed.payload["to"])
    if clock.site_now(house) < to:
        clock.advance(
            house,
            settings,
            to,
            reason=claimed.payload["reason"],
            by=actor_from_json(claimed.payload["by"]),
            worker=SiteWorker(house, owner="worker in step with the clock"),
            telling=_Progress(house, claimed, start, to).tell,
        )
    with house.transaction() as session:
        jobs.finish(session, claimed)


class _Progress:
    """Tells how far the clock is: often enough to keep the lease, not at each of its steps."""

    def __init__(self, house: House, claimed: jobs.Claim, start: datetime, to: datetime) -> None:
        self._house = house
        self._claimed = claimed
        self._start = start
        self._length = to - start
        self._told = (-1, 0.0)

    def tell(self) -> None:
        """Report what is done, when it is worth a report."""
        done = (clock.site_now(self._house) - self._start) / self._length
        percent, now = min(99, max(0, int(done * 100))), self._house.clock.monotonic()
        if percent != self._told[0] or now - self._told[1] >= SILENT_SECONDS:
            jobs.report_progress(self._house, self._claimed, percent)
            self._told = (percent, now)


JOBS: dict[str, jobs.JobHandler] = {ADVANCE_JOB: on_advance}
"""Only the worker process has this one: the worker inside the job must not start another."""
