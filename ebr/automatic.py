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
from ebr.awaited import Awaited
from ebr.commands.steps import StepReference, perform_step, start_step_automatically
from ebr.entry import NOTHING
from ebr.kinds import waiting
from ebr.models import StepState
from engine import commands as engine
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
        over = [each for each in awaited.everywhere(session) if _goes_on(session, each)]
    ready = [(each.run.stream, each.step.path) for each in over if each.condition is None]
    fired = [(each.run.stream, each.subscription) for each in over if each.condition is not None]
    went_on = 0
    for record, path in ready:
        reference = StepReference(record=record, path=path)
        went_on += _went_on(house, perform_step, reference, NOTHING, by=WORKER, record=record)
    for record, subscription in fired:
        went_on += _went_on(house, _tell, record, subscription, by=WATCHER, record=record)
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


def _tell(session: Session, record: str, subscription: str, *, by: Actor, at: datetime) -> None:
    with trail.act(session, "condition.met", stream=Stream.parse(record), by=by):
        engine.condition_met(session, record, subscription, inputs={}, by=by, at=at)


def _goes_on(session: Session, found: Awaited) -> bool:
    """Whether a wait is over, or the condition at a boundary has held for long enough."""
    by = WORKER if found.condition is None else WATCHER
    context = found.context(session, by=by, at=moment(session).site)
    if found.condition is None:
        return waiting.progress(context).over
    return found.step.started_at is not None and waiting.holds(context, found.condition)
