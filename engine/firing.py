"""Events find the one place that waits for them: siblings of one host, the most specific only.

SpiffWorkflow is never told about an event: told to a whole workflow it would cancel several hosts
at once and fire specific and catch-all boundaries together (notes on the engine, 8.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from engine import cancelling, events, subscriptions
from engine.errors import Misplaced
from engine.models import Subscription
from engine.moves import Move
from engine.rules import CommandState
from workflows.model import Timer

LATE_AFTER = timedelta(seconds=30)
"""A timer that fires later than this after it was due is late; a worker looks every few seconds."""


# Timers


def timer_of(move: Move, row: Subscription) -> Timer:
    """The timer as drawn. Raises Misplaced where there is none."""
    trigger = subscriptions.trigger_of(move, row)
    if not isinstance(trigger, Timer):
        raise Misplaced(row.element, "timer")
    return trigger


def timer_due(move: Move, row: Subscription) -> None:
    """A timer's job has come: fire, or wait on for the time that its instance stood still."""
    timer = timer_of(move, row)
    if move.effective(row.instance_path) is not CommandState.RUNNING:
        row.state = subscriptions.SUSPENDED
        move.note("timer.suspended", row.host_path, element=row.element, due=row.due_at)
        return
    due = subscriptions.shifted_due(move, row, timer)
    if due > move.at:
        subscriptions.set_timer(move, row, due, since=move.at)
        return
    late = move.at - due > LATE_AFTER
    details = {"due": due, "at": move.at, "late": late}
    move.note("timer.fired", row.host_path, element=row.element, **details)
    _fire_timer(move, row, timer, due, details)


def _fire_timer(
    move: Move, row: Subscription, timer: Timer, due: datetime, details: dict[str, Any]
) -> None:
    events.fire(move, row, details)
    following = subscriptions.next_due(timer, due, row.fired + 1)
    if row.interrupting or following is None:
        row.state, row.closed_at = "ended", move.at
    else:
        subscriptions.set_timer(move, row, following, since=due)


def resume_timers(move: Move, path: str) -> None:
    """Timers that became due while their instance stood still wait for the rest of their time."""
    waiting = (Subscription.state == subscriptions.SUSPENDED) & (
        Subscription.kind == subscriptions.TIMER
    )
    for row in cancelling.rows_inside(move, Subscription, path, waiting):
        if move.effective(row.instance_path) is CommandState.RUNNING:
            due = subscriptions.shifted_due(move, row, timer_of(move, row))
            subscriptions.set_timer(move, row, due, since=move.at)


# Named events and conditions


def matching(waiting: Sequence[Subscription], name: str) -> list[Subscription]:
    """Those that wait for that name, or are the boundary with that BPMN id."""
    return [row for row in waiting if row.element == name] or [
        row for row in waiting if row.name == name
    ]


def everywhere(move: Move, name: str) -> list[Subscription]:
    """Everything of the run that waits for that name."""
    return matching(subscriptions.everywhere(move, name), name)
