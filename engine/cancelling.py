"""Cancelling: an instance with everything below it, in the same transaction, by names only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from core.db import Base
from engine import subscriptions
from engine.models import Border, Instance, Subscription, Task
from engine.moves import Move

Row = TypeVar("Row", Instance, Task, Border, Subscription)


def host_row(move: Move, path: str) -> Task | Border | None:
    """The task or border of that path."""
    task = select(Task).where(Task.run_id == move.run.id, Task.path == path)
    border = select(Border).where(Border.run_id == move.run.id, Border.path == path)
    found = move.session.scalars(task).one_or_none()
    return found or move.session.scalars(border).one_or_none()


def cancel(move: Move, instance: Instance) -> None:
    """Cancel an instance with everything below it: levels, tasks, borders, timers."""
    cancel_inside(move, instance.path)
    _cancel_instance(move, instance)


def cancel_inside(move: Move, path: str) -> None:
    """Cancel everything below an instance, in it and in its handlers, but not itself."""
    below = rows_inside(move, Instance, path, Instance.open.is_(True))
    for task in rows_inside(move, Task, path, Task.state == "ready"):
        cancel_task(move, task)
    for border in rows_inside(move, Border, path, Border.state == "ready"):
        cancel_border(move, border)
    for row in rows_inside(move, Subscription, path, Subscription.state != "ended"):
        subscriptions.end(move, row)
    for instance in below:
        if instance.path != path:
            _cancel_instance(move, instance)


PLACES: dict[type[Base], InstrumentedAttribute[str]] = {
    Instance: Instance.path,
    Task: Task.instance_path,
    Border: Border.instance_path,
    Subscription: Subscription.instance_path,
}


def rows_inside(
    move: Move, kind: type[Row], path: str, still: ColumnElement[bool]
) -> Sequence[Row]:
    """Rows of an instance and of everything below it, in an order that depends on names only."""
    column = PLACES[kind]
    inside = or_(column == path, column.startswith(f"{path}/", autoescape=True))
    query = select(kind).where(kind.run_id == move.run.id, still, inside)
    return sorted(move.session.scalars(query), key=_by_name)


def _by_name(row: Row) -> tuple[str, str]:
    return (row.host_path, row.element) if isinstance(row, Subscription) else (row.path, "")


def cancel_task(move: Move, task: Task) -> None:
    """A step that was ready will not be performed."""
    task.state, task.ended_at = "cancelled", move.at
    move.note("task.cancelled", task.path)
    instance = move.load(task.instance_path)
    told = move.program.info(task, instance)
    move.tell(lambda: move.host.task_cancelled(move.session, move.run, told))


def cancel_border(move: Move, border: Border) -> None:
    """Nothing waits at this border any more."""
    border.state, border.ended_at = "cancelled", move.at
    move.note("border.cancelled", border.path)


def _cancel_instance(move: Move, instance: Instance) -> None:
    instance.open, instance.closed_at = False, move.at
    move.note("instance.cancelled", instance.path)
