"""Reads of production: batches and their register."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from ebr.models import ProcedureRun, RunState
from production.errors import NoSuchBatch
from production.models import Batch, NumberSeries


def batch(session: Session, number: str) -> Batch:
    """The batch of that number (``B-2045`` or ``batch/B-2045``). Raises NoSuchBatch."""
    plain = number.rpartition("/")[2]
    found = session.scalars(select(Batch).where(Batch.number == plain)).one_or_none()
    if found is None:
        raise NoSuchBatch(f"there is no batch {plain}", resolver="look at the batch register")
    return found


def batches(session: Session) -> list[Batch]:
    """All batches ever planned, cancelled ones included, newest number first."""
    return list(session.scalars(select(Batch).order_by(Batch.number.desc())))


def planned(session: Session) -> list[Batch]:
    """Batches that wait to be opened, by number: neither begun nor cancelled."""
    return list(
        session.scalars(
            select(Batch)
            .join(ProcedureRun, ProcedureRun.number == Batch.number)
            .where(ProcedureRun.state == RunState.PLANNED, Batch.cancelled_at.is_(None))
            .order_by(Batch.number)
        )
    )


def series(session: Session, name: str) -> NumberSeries | None:
    """A number series by name, or None."""
    return session.scalars(
        select(NumberSeries).where(NumberSeries.name == name).with_for_update()
    ).one_or_none()
