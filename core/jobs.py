"""Jobs: work outside the transaction that asked for it, done exactly once in effect.

A job is enqueued in the business transaction. A worker claims it with a lease and a fencing
token; the handler's own transaction marks it done under that token, so that an effect in the
database happens once even when workers are killed. Effects outside the database are at least once
and carry the job's id. Process timers are jobs that wait for the site's clock (`due_at`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    String,
    Table,
    Text,
    bindparam,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import logs
from core.clock import Moment
from core.db import Base, Unaudited
from core.errors import BrokenPromise
from core.house import House, moment
from core.types import JsonText, UtcDateTime

LEASE = timedelta(seconds=60)
LONGEST_DELAY = timedelta(minutes=5)
MOST_ATTEMPTS = 8
OPEN = "state IN ('ready','running')"
DUE = "state = 'waiting'"
log = logs.logger(__name__)


class Job(Unaudited, Base):
    """One piece of work; waits for `run_at` (steady time) or for `due_at` (site time)."""

    __tablename__ = "job"
    __why_unaudited__ = "plumbing; what a job does is audited where it does it"
    __table_args__ = (
        CheckConstraint(
            "state IN ('ready','waiting','running','done','dead','cancelled')", name="state"
        ),
        Index("ux_job_dedupe", "site_id", "dedupe", unique=True),
        Index("ix_job_open", "run_at", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
        Index("ix_job_due", "due_at", sqlite_where=text(DUE), postgresql_where=text(DUE)),
    )

    kind: Mapped[str] = mapped_column(String(60))
    payload: Mapped[Any] = mapped_column(JsonText())
    state: Mapped[str] = mapped_column(String(12))
    run_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    dedupe: Mapped[str | None] = mapped_column(String(200))
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    progress: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None] = mapped_column(Text())


# Asked at each step of the clock and by each idle worker: worked out once, without objects.
_JOB = cast(Table, Job.__table__)
_NEXT_DUE = select(_JOB.c.due_at).where(_JOB.c.state == "waiting").order_by(_JOB.c.due_at).limit(1)
_OPEN = (
    select(_JOB.c.id)
    .where(
        _JOB.c.kind.in_(bindparam("kinds", expanding=True)),
        or_(
            _JOB.c.state.in_(("ready", "running")) & (_JOB.c.run_at <= bindparam("steady")),
            (_JOB.c.state == "waiting") & (_JOB.c.due_at <= bindparam("site")),
        ),
    )
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this worker may do until the lease ends."""

    id: UUID
    kind: str
    payload: Any
    fence: int
    due_at: datetime | None


JobHandler = Callable[[House, Claim], None]
"""Does the work; must call `finish` in the transaction of its effect."""


class LeaseLost(BrokenPromise):
    """Another worker took the job over; the effect of this one must not be committed."""


def enqueue(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    *,
    dedupe: str | None = None,
    delay: timedelta = timedelta(0),
) -> UUID:
    """A job to be done as soon as this transaction is committed (or `delay` of steady time later).

    With `dedupe`, a second job of that key is not made; the first one's id is returned. One that
    was cancelled is asked for anew.
    """
    return _add(session, kind, payload, dedupe, "ready", moment(session).steady + delay, None)


def enqueue_at_site_time(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    *,
    due_at: datetime,
    dedupe: str | None = None,
) -> UUID:
    """A job that becomes ready when the site's clock has reached `due_at`."""
    return _add(session, kind, payload, dedupe, "waiting", moment(session).steady, due_at)


def _add(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    dedupe: str | None,
    state: str,
    run_at: datetime,
    due_at: datetime | None,
) -> UUID:
    if dedupe is not None:
        known = session.scalars(
            select(Job).where(Job.dedupe == dedupe).with_for_update()
        ).one_or_none()
        if known is not None:
            if known.state == "cancelled":
                known.kind, known.payload, known.attempts = kind, dict(payload), 0
                known.state, known.run_at, known.due_at = state, run_at, due_at
                session.flush()
            return known.id
    job = Job(
        kind=kind, payload=dict(payload), state=state, run_at=run_at, due_at=due_at, dedupe=dedupe
    )
    session.add(job)
    session.flush()
    return job.id


def cancel(session: Session, job_id: UUID) -> bool:
    """Withdraw a job that has not run; False when it already ran or runs."""
    done = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(("ready", "waiting")))
        .values(state="cancelled")
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]  # a CursorResult for UPDATE


def next_due(session: Session) -> datetime | None:
    """Site time of the earliest waiting job, or None."""
    found: datetime | None = session.execute(_NEXT_DUE).scalar_one_or_none()
    return found


def claim(session: Session, *, owner: str, kinds: list[str], limit: int = 1) -> list[Claim]:
    """Take up to `limit` jobs that are ready or due, or whose lease has run out.

    A job that took its worker down again and again is laid aside as dead instead.
    """
    now = moment(session)
    open_jobs = (
        select(Job)
        .where(Job.kind.in_(kinds), _to_be_done(now))
        .order_by(Job.due_at.nulls_first(), Job.run_at, Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claims = []
    for job in session.scalars(open_jobs):
        if job.state == "running" and job.attempts >= MOST_ATTEMPTS:
            job.state, job.problem = "dead", "its worker ended without a word, every time"
            log.error("job.dead", kind=job.kind, job=str(job.id))
            continue
        job.state, job.owner = "running", owner
        job.fence, job.attempts = job.fence + 1, job.attempts + 1
        job.lease_until = job.run_at = now.steady + LEASE
        claims.append(Claim(job.id, job.kind, job.payload, job.fence, job.due_at))
    session.flush()
    return claims


def _to_be_done(now: Moment) -> ColumnElement[bool]:
    return or_(
        Job.state.in_(("ready", "running")) & (Job.run_at <= now.steady),
        (Job.state == "waiting") & (Job.due_at <= now.site),
    )


def finish(session: Session, claimed: Claim) -> None:
    """Mark done, in the transaction of the effect; `LeaseLost` when the fence has moved on."""
    done = session.execute(
        update(Job)
        .where(Job.id == claimed.id, Job.fence == claimed.fence, Job.state == "running")
        .values(state="done", progress=100, lease_until=None)
    )
    if not done.rowcount:  # type: ignore[attr-defined]  # a CursorResult for UPDATE
        raise LeaseLost(f"job {claimed.kind} was taken over")


def report_progress(house: House, claimed: Claim, percent: int) -> None:
    """Show how far it is (0 to 99) and extend the lease; `LeaseLost` when another took it over."""
    with house.transaction() as session:
        job = _held(session, claimed)
        if job is None:
            raise LeaseLost(f"job {claimed.kind} was taken over")
        job.progress = percent
        job.lease_until = job.run_at = moment(session).steady + LEASE


def give_back(house: House, claimed: Claim, problem: str) -> None:
    """After a failure: try again later with growing delay, or lay aside as dead."""
    with house.transaction() as session:
        job = _held(session, claimed)
        if job is None:
            return
        job.problem = problem[:2000]
        job.state = "dead" if job.attempts >= MOST_ATTEMPTS else "ready"
        if job.state == "dead":
            log.error("job.dead", kind=job.kind, job=str(job.id))
        job.run_at = moment(session).steady + min(timedelta(seconds=2**job.attempts), LONGEST_DELAY)


def postpone(house: House, claimed: Claim, why: str, delay: timedelta) -> None:
    """What the job needs is not there yet: look again after `delay`, without counting a failure."""
    with house.transaction() as session:
        job = _held(session, claimed)
        if job is None:
            return
        job.state, job.problem, job.attempts = "ready", why[:2000], job.attempts - 1
        job.run_at = moment(session).steady + delay


def after_restart(session: Session) -> None:
    """The machine was started anew, perhaps with another time: nothing waits for the former one.

    No delay and no lease is longer than five minutes, so what seems to wait longer is due now.
    Doing this again changes nothing.
    """
    now = moment(session).steady
    session.execute(
        update(Job)
        .where(Job.state.in_(("ready", "running")), Job.run_at > now + LONGEST_DELAY)
        .values(run_at=now, lease_until=None)
    )


def _held(session: Session, claimed: Claim) -> Job | None:
    """The job, locked, while this claim still holds it."""
    return session.scalars(
        select(Job)
        .where(Job.id == claimed.id, Job.fence == claimed.fence, Job.state == "running")
        .with_for_update()
    ).one_or_none()


class Worker:
    """Claims and does jobs of the kinds it has handlers for."""

    def __init__(self, house: House, handlers: Mapping[str, JobHandler], *, owner: str) -> None:
        self._house = house
        self._handlers = dict(handlers)
        self._owner = owner

    def run_pending(self, *, most: int = 100) -> int:
        """Do what is ready or due now, at most `most` jobs; answers how many were done."""
        done = 0
        while done < most and (claimed := self._claim_one()) is not None:
            self._do(claimed)
            done += 1
        return done

    def has_work(self, session: Session) -> bool:
        """Whether a job of its kinds is ready or due now; asking needs no writer's turn."""
        now = moment(session)
        kinds = list(self._handlers)
        asked = {"kinds": kinds, "steady": now.steady, "site": now.site}
        return session.execute(_OPEN, asked).first() is not None

    def _claim_one(self) -> Claim | None:
        if not self._anything_open():
            return None
        with self._house.transaction() as session:
            claims = claim(session, owner=self._owner, kinds=list(self._handlers))
        return claims[0] if claims else None

    def _anything_open(self) -> bool:
        # An idle worker must not queue with the operators.
        with self._house.reading() as session:
            return self.has_work(session)

    def _do(self, claimed: Claim) -> None:
        try:
            self._handlers[claimed.kind](self._house, claimed)
        except LeaseLost:
            log.warning("job.lease_lost", kind=claimed.kind, job=str(claimed.id))
        except Exception as error:
            log.error("job.failed", kind=claimed.kind, job=str(claimed.id), exc_info=True)
            give_back(self._house, claimed, f"{type(error).__name__}: {error}")
