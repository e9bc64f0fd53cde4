"""Reads of maintenance: orders of the board, cleaning entries, calibrations, who used what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.db import site_of
from ebr.models import ProcedureRun, StepEquipment, StepRecord
from hardware.models import Reading
from maintenance.errors import NoSuchWork
from maintenance.models import CalibrationRecord, CleaningRecord, MaintenanceOrder, OrderState

NOT_CLOSED = tuple(state for state in OrderState if state is not OrderState.CLOSED)


def order(session: Session, number: str) -> MaintenanceOrder:
    """The maintenance order of that number. Raises NoSuchWork."""
    found = session.scalars(
        select(MaintenanceOrder).where(MaintenanceOrder.number == number)
    ).one_or_none()
    if found is None:
        raise _unknown("maintenance order", number)
    return found


def orders(
    session: Session,
    *,
    equipment: str | None = None,
    batch: str | None = None,
    states: Sequence[OrderState] = (),
) -> list[MaintenanceOrder]:
    """Orders by number, of one unit, one batch or some states if given."""
    query = (
        select(MaintenanceOrder)
        .where(MaintenanceOrder.site_id == site_of(session))
        .order_by(MaintenanceOrder.number)
    )
    if equipment is not None:
        query = query.where(MaintenanceOrder.equipment == equipment)
    if batch is not None:
        query = query.where(MaintenanceOrder.batch == batch)
    if states:
        query = query.where(MaintenanceOrder.state.in_(states))
    return list(session.scalars(query))


def open_orders(session: Session, equipment: str) -> list[MaintenanceOrder]:
    """Orders of a unit that are not closed yet."""
    return orders(session, equipment=equipment, states=NOT_CLOSED)


def open_orders_by_unit(session: Session) -> dict[str, list[MaintenanceOrder]]:
    """All orders that are not closed yet, by unit, in one query."""
    found: dict[str, list[MaintenanceOrder]] = {}
    for order in orders(session, states=NOT_CLOSED):
        found.setdefault(order.equipment, []).append(order)
    return found


def order_of_cause(session: Session, open_key: str) -> MaintenanceOrder | None:
    """The open order of a cause, or None."""
    return session.scalars(
        select(MaintenanceOrder).where(MaintenanceOrder.open_key == open_key)
    ).one_or_none()


def cleaning(session: Session, number: str) -> CleaningRecord:
    """The cleaning entry of that number. Raises NoSuchWork."""
    found = session.scalars(
        select(CleaningRecord).where(CleaningRecord.number == number)
    ).one_or_none()
    if found is None:
        raise _unknown("cleaning entry", number)
    return found


def cleaning_of_record(session: Session, record: str) -> CleaningRecord | None:
    """The cleaning that a record (``procedure/CL-0312``) belongs to, or None."""
    kind, _, number = record.partition("/")
    if kind != "procedure":
        return None
    return session.scalars(
        select(CleaningRecord).where(CleaningRecord.number == number)
    ).one_or_none()


def cleaning_run(session: Session, number: str) -> ProcedureRun | None:
    """The run by which a cleaning is worked step by step; None for a signed entry."""
    return session.scalars(
        select(ProcedureRun).where(
            ProcedureRun.site_id == site_of(session), ProcedureRun.number == number
        )
    ).one_or_none()


def cleanings(session: Session, equipment: str | None = None) -> list[CleaningRecord]:
    """Cleaning entries by number, of one unit if given."""
    query = select(CleaningRecord).order_by(CleaningRecord.number)
    if equipment is not None:
        query = query.where(CleaningRecord.equipment == equipment)
    return list(session.scalars(query))


def calibration(session: Session, number: str) -> CalibrationRecord:
    """The signed calibration of that number. Raises NoSuchWork."""
    found = session.scalars(
        select(CalibrationRecord).where(CalibrationRecord.number == number)
    ).one_or_none()
    if found is None:
        raise _unknown("calibration", number)
    return found


def calibrations(session: Session, equipment: str | None = None) -> list[CalibrationRecord]:
    """Signed calibrations by number, of one unit if given."""
    query = select(CalibrationRecord).order_by(CalibrationRecord.number)
    if equipment is not None:
        query = query.where(CalibrationRecord.equipment == equipment)
    return list(session.scalars(query))


def records_that_used(
    session: Session, equipment: str, since: datetime | None, until: datetime
) -> list[str]:
    """Records that used a unit, or took a reading of it, in that time: the look-back list
    (URS-EQP-040). Without `since` everything up to `until`."""
    used = (
        select(ProcedureRun.stream)
        .join(StepRecord, StepRecord.run_id == ProcedureRun.id)
        .join(StepEquipment, StepEquipment.step_id == StepRecord.id)
        .where(StepEquipment.equipment == equipment, StepRecord.started_at <= until)
    )
    read = select(Reading.record).where(
        Reading.instrument == equipment, Reading.record.is_not(None), Reading.taken_at <= until
    )
    if since is not None:
        used = used.where(StepRecord.started_at >= since)
        read = read.where(Reading.taken_at >= since)
    found = {*session.scalars(used), *session.scalars(read)}
    return sorted(record for record in found if record)


def _unknown(what: str, number: str) -> NoSuchWork:
    return NoSuchWork(f"there is no {what} {number}", resolver="the maintenance board")
