"""Events find the one place that waits for them: siblings of one host, the most specific only.

SpiffWorkflow is never told about an event: told to a whole workflow it would cancel several hosts
at once and fire specific and catch-all boundaries together (notes on the engine, 8.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.errors import BrokenPromise
from engine import cancelling, levels, subscriptions
from engine.lowering import DONE
from engine.models import Border, Subscription
from engine.moves import Move, lineage
from engine.rules import CommandState
from workflows.model import BoundaryEvent, IntermediateTimer, Timer
from workflows.words import NamedForm

LATE_AFTER = timedelta(seconds=30)
"""A timer that fires later than this after it was due is late; a worker looks every few seconds."""


# Timers


def timer_of(move: Move, row: Subscription) -> Timer:
    """The timer as drawn."""
    node = move.level(move.load(row.instance_path)).node(row.element)
    if isinstance(node, IntermediateTimer):
        return node.timer
    if isinstance(node, BoundaryEvent) and isinstance(node.trigger, Timer):
        return node.trigger
    raise BrokenPromise(f"{row.element} is not a timer")


def timer_due(move: Move, row: Subscription) -> None:
    """A timer's job has come: fire, or wait on for the time that its instance stood still."""
    timer = timer_of(move, row)
    if move.effective(row.instance_path) is not CommandState.RUNNING:
        row.state = "suspended"
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
    node = move.level(move.load(row.instance_path)).node(row.element)
    if isinstance(node, IntermediateTimer):
        move.later(lambda: _end_timer(move, row))
        return
    levels.fire(move, row, details)
    following = subscriptions.next_due(timer, due, row.fired + 1)
    if row.interrupting or following is None:
        row.state, row.closed_at = "ended", move.at
    else:
        subscriptions.set_timer(move, row, following, since=due)


def _end_timer(move: Move, row: Subscription) -> None:
    border = cancelling.host_row(move, row.host_path)
    if isinstance(border, Border) and border.state == "ready":
        row.state, row.closed_at, row.fired = "ended", move.at, 1
        border.state, border.ended_at = "complete", move.at
        move.note("border.completed", border.path)
        levels.advance(move, move.load(border.instance_path), border.token, DONE)


def resume_timers(move: Move, path: str) -> None:
    """Timers that became due while their instance stood still wait for the rest of their time."""
    for row in cancelling.rows_inside(move, Subscription, path, Subscription.state == "suspended"):
        if move.effective(row.instance_path) is CommandState.RUNNING:
            due = subscriptions.shifted_due(move, row, timer_of(move, row))
            subscriptions.set_timer(move, row, due, since=move.at)


# Named events and conditions


def upward(move: Move, origin: str) -> Sequence[list[Subscription]]:
    """What waits around an origin, nearest host first: the task itself, then each border above."""
    found, hosts = [], [origin]
    for path in reversed(lineage(origin)):
        instance = move.find(path)
        if instance is not None and instance.border_path not in (None, *hosts):
            hosts.append(str(instance.border_path))
    for host in hosts:
        found.append(list(subscriptions.of_host(move, host)))
    return found


def matching(waiting: Sequence[Subscription], name: str) -> list[Subscription]:
    """Those that wait for that name, or are the boundary with that BPMN id."""
    return [row for row in waiting if row.element == name] or [
        row for row in waiting if row.name == name
    ]


def everywhere(move: Move, name: str) -> list[Subscription]:
    """Everything of the run that waits for that name."""
    query = select(Subscription).where(
        Subscription.run_id == move.run.id,
        Subscription.state == "open",
        (Subscription.element == name) | (Subscription.name == name),
    )
    found = move.session.scalars(query.order_by(Subscription.host_path, Subscription.element))
    return matching(found.all(), name)


def errors_around(move: Move, origin: str, code: str) -> Subscription | None:
    """The boundary that catches an error raised at a task: nearest host, specific before any."""
    for waiting in upward(move, origin):
        found = levels.most_specific(waiting, NamedForm.ERROR, code)
        if found is not None:
            return found
    return None
