"""Shortest times of steps, and times between steps (URS-EXE-070).

- A step with a minimum time is not performed before it has passed; a wait looks at its own.
- A step does not start before the minimum since the end (or start) of an earlier one has passed.
- Where the recipe has a severity for `too_early` at the step, too early is recorded with that
  exception instead of refused: what has happened at the machine cannot be refused.
- A maximum between two steps is a hold time of the record: a job finds it over with nobody logged
  in, and it stands in the record with its start, due and actual end.

Moments are counted in UTC, so that a length is the same across a change of summer time. The end of
a step is the moment it was performed, not that of its last signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.actors import Actor
from core.clock import show
from core.house import moment
from ebr import definitions, holds, queries
from ebr.context import StepContext
from ebr.errors import TooEarly
from ebr.models import HoldTime, ProcedureRun, StepRecord
from ebr.names import shared_levels
from workflows.durations import duration
from workflows.model import Procedure
from workflows.step import Interval
from workflows.words import Occasion, Since, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """A time of the recipe before a step, from when it counts, and its ends in site time."""

    interval: Interval
    since: datetime
    earliest: datetime | None
    latest: datetime | None


def earliest_end(context: StepContext) -> datetime | None:
    """When a started step may be performed at the earliest; None without a minimum."""
    timing, started = context.spec.timing, context.step.started_at
    if timing is None or timing.minimum is None or started is None:
        return None
    return started + duration(timing.minimum)


def before(context: StepContext) -> list[Between]:
    """The times before a step whose earlier step has been there, in the order of the recipe."""
    found = []
    for interval in context.spec.intervals:
        since = _since(context, interval)
        if since is not None:
            found.append(
                Between(
                    interval=interval,
                    since=since,
                    earliest=since + duration(interval.minimum) if interval.minimum else None,
                    latest=since + duration(interval.maximum) if interval.maximum else None,
                )
            )
    return found


def require_performable(context: StepContext) -> None:
    """The minimum time of the step has passed. Raises TooEarly, or opens the recipe's exception."""
    due = earliest_end(context)
    if context.spec.kind is StepKind.WAIT or due is None or context.at >= due:
        return
    too_early = TooEarly(
        f"{context.spec.name} takes until {_shown(context, due)} at least",
        resolver="wait until then",
    )
    _refuse_or_note(context, due, too_early)


def require_startable(context: StepContext) -> None:
    """Every minimum before the step has passed. Raises TooEarly, or opens the exception."""
    for each in before(context):
        if each.earliest is None or context.at >= each.earliest:
            continue
        too_early = TooEarly(
            f"{context.spec.name} starts at {_shown(context, each.earliest)} at the earliest,"
            f" {each.interval.minimum} after the {each.interval.since} of {each.interval.after}",
            resolver="wait until then",
        )
        _refuse_or_note(context, each.earliest, too_early)


def _refuse_or_note(context: StepContext, due: datetime, too_early: TooEarly) -> None:
    policies = context.policy_for(Occasion.TOO_EARLY)
    if not policies:
        raise too_early
    context.raise_exception(
        "too_early",
        policies[0].severity,
        too_early.fact,
        facts={"due_at": due.isoformat(), "found_at": context.at.isoformat()},
    )


def start_counting(context: StepContext, since: Since) -> None:
    """The step has begun (ended): the maximum times that count from here start running."""
    definition = definitions.of(context.run.file_digest, context.procedure)
    for name, interval in definition.limited_from(context.spec.key, since):
        _start(context, interval, name)


def _start(context: StepContext, interval: Interval, name: str) -> None:
    for row, step in _running(context, interval, name):
        if _level(step) == _level(context.step):
            holds.end_row(context.session, row, step=context.step, by=context.by, at=context.at)
    holds.start_row(
        context,
        name,
        ordinal=context.step.occurrence,
        limit=interval.maximum,
        severity=interval.severity,
    )


def end_counting(context: StepContext) -> None:
    """The step begins: the maximum times before it end; a late start raises its exception."""
    for interval in context.spec.intervals:
        earlier = _nearest(context, interval)
        for row, step in _running(context, interval, interval.name_before(context.spec.key)):
            if earlier is not None and step.id == earlier.id:
                holds.end_row(context.session, row, step=context.step, by=context.by, at=context.at)


def end_all(
    session: Session, run: ProcedureRun, procedure: Procedure, *, by: Actor, at: datetime
) -> None:
    """The run has ended: no step starts any more, so no time before one runs on."""
    names = definitions.of(run.file_digest, procedure).limited
    for row in holds.running(session, run) if names else ():
        if row.name in names:
            holds.end_row(session, row, step=None, by=by, at=at)


def _running(
    context: StepContext, interval: Interval, name: str
) -> Iterator[tuple[HoldTime, StepRecord]]:
    """The running times of a name, each with the performance of the step that it counts from."""
    counted = {
        step.occurrence: step
        for step in queries.steps_of_key(context.session, context.run, interval.after)
    }
    for row in holds.open_holds(context.session, context.run.id, name):
        yield row, counted[row.ordinal]


def _since(context: StepContext, interval: Interval) -> datetime | None:
    earlier = _nearest(context, interval)
    return None if earlier is None else _moment(earlier, interval)


def _nearest(context: StepContext, interval: Interval) -> StepRecord | None:
    """The performance of the earlier step that counts for this one, if it has come so far."""
    steps = queries.steps_of_key(context.session, context.run, interval.after)
    reached = [step for step in steps if _moment(step, interval) is not None]
    return max(
        reached,
        key=lambda step: (shared_levels(step.path, context.step.path), step.ordinal),
        default=None,
    )


def _moment(step: StepRecord, interval: Interval) -> datetime | None:
    return step.started_at if interval.since is Since.START else step.performed_at


def _level(step: StepRecord) -> str:
    return step.path.rpartition("/")[0]


def _shown(context: StepContext, due: datetime) -> str:
    return show(due, moment(context.session).zone)
