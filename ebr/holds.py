"""Hold times: started and ended by steps, watched by jobs in the site's clock (URS-EXE-070)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core import jobs
from core.actors import Actor
from core.clock import show
from core.house import House, moment
from ebr import queries, rules
from ebr.context import StepContext, raise_exception
from ebr.models import HoldTime, ProcedureRun, StepRecord
from workflows.durations import duration
from workflows.step import Hold
from workflows.words import HoldAct, Severity

JOB_KIND = "ebr.hold_time_due"
AFTER = timedelta(milliseconds=1)
"""The limit itself is still kept: a hold time of 24 h is exceeded after it, not at it."""


def start_named(context: StepContext) -> None:
    """Start the hold times that the completed step starts."""
    for hold in context.spec.holds:
        if hold.act is HoldAct.STARTS:
            start(context, hold)


def end_named(context: StepContext) -> None:
    """End the hold times that the starting step ends; a late end raises its exception."""
    for hold in context.spec.holds:
        if hold.act is HoldAct.ENDS:
            end(context, hold.name)


def start(context: StepContext, hold: Hold) -> HoldTime:
    """Start one hold time; without limit it is only a mark in time."""
    count = context.session.scalar(
        select(func.count()).where(HoldTime.run_id == context.run.id, HoldTime.name == hold.name)
    )
    return start_row(
        context,
        hold.name,
        ordinal=(count or 0) + 1,
        limit=hold.limit,
        severity=hold.severity,
        equipment=context.bound(hold.requirement) if hold.requirement else None,
    )


def start_row(
    context: StepContext,
    name: str,
    *,
    ordinal: int,
    limit: str | None,
    severity: Severity | None,
    equipment: str | None = None,
) -> HoldTime:
    """Start a time of that name, inside the current act; with a limit a job finds it over."""
    session, run = context.session, context.run
    due = context.at + duration(limit) if limit else None
    row = HoldTime(
        run_id=run.id,
        name=name,
        ordinal=ordinal,
        equipment=equipment,
        started_at=context.at,
        due_at=due,
        severity=(severity or Severity.MAJOR).value,
    )
    session.add(row)
    session.flush()
    if due is not None:
        row.job_id = jobs.enqueue_at_site_time(
            session,
            JOB_KIND,
            {"record": run.stream, "name": row.name, "ordinal": row.ordinal},
            due_at=due + AFTER,
            dedupe=f"{JOB_KIND}:{run.stream}:{row.name}:{row.ordinal}",
        )
    return row


def end(context: StepContext, name: str) -> None:
    """End every running hold time of that name (a repeated step has started several)."""
    for row in open_holds(context.session, context.run.id, name):
        end_row(context.session, row, step=context.step, by=context.by, at=context.at)


def end_row(
    session: Session, row: HoldTime, *, step: StepRecord | None, by: Actor, at: datetime
) -> None:
    """End one hold time, inside the current act; when it is over already, its exception comes."""
    row.ended_at = at
    if row.job_id is not None:
        jobs.cancel(session, row.job_id)
    if row.due_at is not None and at > row.due_at and not row.exceeded:
        _exceed(session, row, step=step, by=by, at=at)


def end_of_unit(session: Session, unit: str, *, by: Actor, at: datetime) -> int:
    """End the running hold times of a unit, which was cleaned, in the records that started them;
    answers how many. One that is over already raises its exception there."""
    rows = session.scalars(
        select(HoldTime)
        .where(HoldTime.equipment == unit, HoldTime.ended_at.is_(None))
        .order_by(HoldTime.started_at, HoldTime.id)
    )
    ended = 0
    for row in rows:
        stream = Stream.parse(queries.run_by_id(session, row.run_id).stream)
        with trail.act(session, "hold_time.ended", stream=stream, by=by, object=row.name):
            end_row(session, row, step=None, by=by, at=at)
        ended += 1
    return ended


def open_holds(session: Session, run_id: object, name: str) -> list[HoldTime]:
    """The running hold times of that name, oldest first."""
    return list(
        session.scalars(
            select(HoldTime)
            .where(HoldTime.run_id == run_id, HoldTime.name == name, HoldTime.ended_at.is_(None))
            .order_by(HoldTime.ordinal)
        )
    )


def running(session: Session, run: ProcedureRun) -> list[HoldTime]:
    """Every time of a record that runs, the one that runs out first before the others."""
    rows = session.scalars(
        select(HoldTime)
        .where(HoldTime.run_id == run.id, HoldTime.ended_at.is_(None))
        .order_by(HoldTime.started_at, HoldTime.name, HoldTime.ordinal)
    )
    return sorted(rows, key=lambda row: (row.due_at is None, row.due_at or row.started_at))


def on_due(house: House, claimed: jobs.Claim) -> None:
    """Job: the limit of a hold time has passed; raise its exception, nobody need be logged in."""
    record, name = claimed.payload["record"], claimed.payload["name"]
    with house.transaction() as session:
        run = queries.run_of(session, record)
        ordinal = claimed.payload["ordinal"]
        by = Actor.service("hold times", trigger=f"{name} due {claimed.due_at}")
        for row in open_holds(session, run.id, name):
            if row.ordinal == ordinal and not row.exceeded:
                with trail.act(
                    session, "hold_time.exceeded", stream=Stream.parse(record), by=by, object=name
                ):
                    _exceed(session, row, step=None, by=by, at=moment(session).site)
        jobs.finish(session, claimed)


def _exceed(
    session: Session, row: HoldTime, *, step: StepRecord | None, by: Actor, at: datetime
) -> None:
    row.exceeded = True
    run = queries.run_by_id(session, row.run_id)
    due = row.due_at or at
    facts = {"name": row.name, "due_at": due.isoformat(), "found_at": at.isoformat()}
    raise_exception(
        session,
        run,
        step,
        "hold_time",
        Severity(row.severity),
        f"Hold time “{row.name.replace('_', ' ')}” was over at {show(due, moment(session).zone)}",
        facts=facts | (rules.lateness(due, at) if step is None else {}),
        by=by,
        at=at,
    )
