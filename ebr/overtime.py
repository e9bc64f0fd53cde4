"""Maximum times of steps: watched by jobs in the site's clock (URS-EXE-070)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from core import jobs
from core.actors import Actor
from core.house import House, moment
from ebr import queries, rules
from ebr.context import StepContext
from ebr.models import ExceptionCase, StepRecord, StepState
from ebr.opening import context_of
from workflows.durations import duration
from workflows.words import AtMaximum, Severity

OVERTIME_JOB = "ebr.step_overtime"
WATCHER = Actor.service("watcher", trigger="maximum time of the recipe")


def watch_maximum(context: StepContext) -> None:
    """At the start of a step with a maximum time: a job that finds it exceeded."""
    timing = context.spec.timing
    if timing is None or timing.maximum is None or timing.at_maximum is AtMaximum.END:
        return
    jobs.enqueue_at_site_time(
        context.session,
        OVERTIME_JOB,
        {"record": context.run.stream, "path": context.step.path},
        due_at=context.at + duration(timing.maximum) + timedelta(milliseconds=1),
        dedupe=f"{OVERTIME_JOB}:{context.run.stream}:{context.step.path}",
    )


def on_overtime(house: House, claimed: jobs.Claim) -> None:
    """Job: the maximum time of a step has passed; if it still runs, raise the exception."""
    record, path = claimed.payload["record"], claimed.payload["path"]
    with house.transaction() as session:
        run = queries.run_of(session, record)
        step = queries.step_of(session, run, path, lock=True)
        context = context_of(session, run, step, by=WATCHER, at=moment(session).site)
        if step.state == StepState.STARTED and not _already_over_time(session, step):
            with trail.act(
                session, "step.over_time", stream=context.stream, by=WATCHER, object=path
            ):
                _raise_over_time(context, watched=True)
        jobs.finish(session, claimed)


def note_when_over(context: StepContext) -> None:
    """At the performance: the maximum time has passed, and the job has not come yet."""
    timing, started = context.spec.timing, context.step.started_at
    if timing is None or timing.maximum is None or timing.at_maximum is AtMaximum.END:
        return
    over = started is not None and context.at > started + duration(timing.maximum)
    if over and not _already_over_time(context.session, context.step):
        _raise_over_time(context)


def _already_over_time(session: Session, step: StepRecord) -> bool:
    found = session.scalars(
        select(ExceptionCase.id).where(
            ExceptionCase.step_id == step.id, ExceptionCase.type == "over_time"
        )
    ).first()
    return found is not None


def _raise_over_time(context: StepContext, *, watched: bool = False) -> None:
    timing = context.spec.timing
    severity = timing.severity if timing and timing.severity else Severity.MAJOR
    limit = (timing.maximum if timing else None) or "PT0S"
    due = (context.step.started_at or context.at) + duration(limit)
    context.raise_exception(
        "over_time",
        severity,
        f"{context.spec.name} takes longer than {limit}",
        facts={"maximum": limit, "due_at": due.isoformat(), "found_at": context.at.isoformat()}
        | (rules.lateness(due, context.at) if watched else {}),
    )
