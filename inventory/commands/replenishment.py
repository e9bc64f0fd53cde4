"""Stock tasks: opened by the process itself when stock falls below its minimum, once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr.rules import need_reason
from inventory import queries
from inventory.errors import TaskNotOpen
from inventory.events import StockTaskOpened
from inventory.models import StockTask, TaskState
from personnel import permissions


def check_minimum(
    session: Session,
    code: str,
    *,
    in_record: str | None = None,
    step: str | None = None,
    by: Actor,
    at: datetime,
) -> str | None:
    """Open a replenishment task when usable stock is below the minimum; answers its number.

    None when there is enough or a task is open already: however often the stock is found low, one
    task is open (URS-MAT-070). Tells StockTaskOpened.
    """
    material = queries.find_material(session, code, lock=True)
    if material is None or material.minimum is None:
        return None
    found = queries.usable_on_hand(session, code, at=at)
    if found >= material.minimum or queries.open_task(session, code) is not None:
        return None
    number = _next_number(session)
    with trail.act(
        session,
        "stock_task.opened",
        stream=Stream("order", number),
        by=by,
        object=code,
        facts={
            "found": f"{found:f}",
            "minimum": f"{material.minimum:f}",
            "record": in_record or "",
        },
    ):
        session.add(
            StockTask(
                number=number,
                material=code,
                open_key=queries.replenishment_key(code),
                state=TaskState.OPEN,
                found=found,
                minimum=material.minimum,
                record=in_record,
                step=step,
                opened_at=at,
            )
        )
        session.flush()
        publish(
            session,
            StockTaskOpened(
                task=number,
                material=code,
                found=found,
                minimum=material.minimum,
                record=in_record,
                by=by,
                at=at,
            ),
        )
    return number


def _next_number(session: Session) -> str:
    count = session.scalar(select(func.count()).select_from(StockTask)) or 0
    return f"ST-{count + 1:04d}"


def close_task(
    session: Session,
    number: str,
    *,
    reason: str,
    cancelled: bool = False,
    by: Actor,
    at: datetime,
) -> None:
    """Say that the material was ordered (or why the task is not needed)."""
    permissions.require(session, by, "lot.receive")
    words = need_reason(reason, "closing a stock task")
    task = queries.task(session, number)
    if task.state != TaskState.OPEN:
        raise TaskNotOpen(f"{number} is {task.state}", resolver="nobody: it is closed")
    with trail.act(
        session, "stock_task.closed", stream=Stream("order", number), by=by, reason=words
    ):
        task.state = TaskState.CANCELLED if cancelled else TaskState.DONE
        task.open_key, task.closed_at, task.closed_by = None, at, by.id
        task.closed_reason = words
