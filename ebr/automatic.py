"""What the system does by itself: automatic steps, waits, watched conditions, times exceeded.

Nobody needs to be logged in. A refusal (a stale value, a write that is still open) is no failure:
the step stays where it is, says what is missing, and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core import jobs, logs
from core.actors import Actor
from core.errors import Refusal
from core.house import House, moment
from ebr import awaited, queries
from ebr.awaited import AwaitedCondition, AwaitedStep
from ebr.commands.steps import StepReference, perform_step, start_step_automatically
from ebr.entry import NOTHING
from ebr.kinds import waiting
from ebr.models import StepState
from engine import commands as engine
from engine.host import Watched
from workflows.words import StepKind

WORKER = Actor.service("worker", trigger="automatic step of the recipe")
WATCHER = Actor.service("watcher", trigger="condition of the recipe")
RETRY = timedelta(seconds=1)
log = logs.logger(__name__)


def on_automatic_step(house: House, claimed: jobs.Claim) -> None:
    """Job: perform an automatic step, or start it when it waits for something."""
    record, path = claimed.payload["record"], claimed.payload["path"]
    try:
        _do(house, record, path)
    except Refusal as refusal:
        jobs.postpone(house, claimed, str(refusal), RETRY)
        return
    with house.transaction() as session:
        jobs.finish(session, claimed)


def _do(house: House, record: str, path: str) -> None:
    reference = StepReference(record=record, path=path)
    with house.reading() as session:
        step = queries.step_of(session, queries.run_of(session, record), path)
        state, kind = step.state, step.kind
    if state not in (StepState.READY, StepState.STARTED):
        return
    if kind == StepKind.WAIT:
        if state == StepState.READY:
            _try(house, start_step_automatically, reference, by=WORKER, record=record)
        return
    _try(house, perform_step, reference, NOTHING, by=WORKER, record=record)


def _try(house: House, command: Callable[..., Any], *arguments: Any, **more: Any) -> None:
    # Looking again every second is no attempt of anybody: it does not fill the record.
    house.perform(command, *arguments, attempt=False, **more)


def watch(house: House) -> int:
    """Look at every running wait and watched condition once; answers how many went on.

    One that cannot go on yet (a value is stale) is logged and does not keep the others waiting.
    """
    with house.reading() as session:
        found = [each for each in awaited.everywhere(session) if _goes_on(session, each)]
    went_on = 0
    for each in found:
        if isinstance(each, AwaitedStep):
            reference = StepReference(record=each.run.stream, path=each.step.path)
            went_on += _went_on(
                house, perform_step, reference, NOTHING, by=WORKER, record=each.run.stream
            )
    for each in found:
        if isinstance(each, AwaitedCondition):
            stream = each.run.stream
            went_on += _went_on(house, _tell, stream, each.watched, by=WATCHER, record=stream)
    return went_on


def anything_over(session: Session) -> bool:
    """Whether a look by `watch` would let something go on now; nothing is done by asking."""
    return any(_goes_on(session, each) for each in awaited.everywhere(session))


def _went_on(house: House, command: Callable[..., Any], *arguments: Any, **more: Any) -> bool:
    try:
        _try(house, command, *arguments, **more)
    except Refusal as refusal:
        log.warning("watch.refused", record=more["record"], rule=refusal.rule, fact=refusal.fact)
        return False
    return True


def _tell(session: Session, record: str, watched: Watched, *, by: Actor, at: datetime) -> None:
    stream, subscription = Stream.parse(record), watched.subscription
    if watched.has_fired:
        with trail.act(session, "condition.over", stream=stream, by=by):
            engine.condition_over(session, record, subscription, by=by, at=at)
    else:
        with trail.act(session, "condition.met", stream=stream, by=by):
            engine.condition_met(session, record, subscription, inputs={}, by=by, at=at)


def _goes_on(session: Session, found: AwaitedStep | AwaitedCondition) -> bool:
    """Whether a wait is over, or a condition has held for long enough.

    A condition that happened and did not interrupt goes on when it holds no more.
    """
    at = moment(session).site
    if isinstance(found, AwaitedStep):
        return waiting.progress(found.context(session, by=WORKER, at=at)).over
    outlook, condition = found.outlook(session, at=at), found.watched.condition
    if found.watched.has_fired:
        return not outlook.met(condition.expression, timedelta(0))
    return outlook.holds(condition)
