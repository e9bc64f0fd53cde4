"""Commands that change the status of a unit, and write its log.

Each dimension changes by its own command, in an act of its own on ``equipment/NUMBER``, and leaves
an `EquipmentStateEvent` (URS-EQP-010). Lower pillars decide who may; here stands what is possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import show
from core.events import publish
from core.house import moment
from hardware import queries, rules
from hardware.errors import EquipmentNotSuitable, LogbookIncomplete
from hardware.events import EquipmentStatusChanged
from hardware.models import Calibration, Equipment, EquipmentStateEvent, LogbookLine
from hardware.words import Cleaning, Dimension, LogKind, Verdict


def allocate(
    session: Session,
    number: str,
    *,
    batch: str,
    must_be_clean: bool = True,
    must_be_calibrated: bool = True,
    clean_hold_left: timedelta = timedelta(0),
    by: Actor,
    at: datetime,
) -> Equipment:
    """Give a unit, and the parts that belong to it, to one batch exclusively.

    `batch` is the key of the record that uses it (``B-2045``, ``CL-0312``). Given to the same one
    again, nothing changes. Raises EquipmentNotSuitable naming every obstacle.
    """
    unit = queries.equipment(session, number)
    if unit.allocated_to == batch:
        return unit
    for each in (unit, *queries.parts_of(session, number)):
        found = rules.obstacles(
            queries.status_of(each),
            at,
            batch=batch,
            must_be_clean=must_be_clean,
            must_be_calibrated=must_be_calibrated,
            clean_hold_left=clean_hold_left,
        )
        rules.check_suitable(each.number, found)
        with _changing(session, each, Dimension.ALLOCATION, "allocated", by, at, batch=batch):
            each.allocated_to = batch
    return unit


def release(session: Session, number: str, *, batch: str, by: Actor, at: datetime) -> Equipment:
    """Give a unit and its parts free. Refused when another batch has it."""
    unit = queries.equipment(session, number)
    for each in (unit, *queries.parts_of(session, number)):
        if each.allocated_to is None:
            continue
        if each.allocated_to != batch:
            raise EquipmentNotSuitable(
                f"{each.number} belongs to {each.allocated_to}, not to {batch}",
                resolver="shift supervisor",
                equipment=each.number,
            )
        with _changing(session, each, Dimension.ALLOCATION, "released", by, at, batch=batch):
            each.allocated_to = None
    return unit


def soil(
    session: Session,
    number: str,
    *,
    batch: str | None,
    product: str | None,
    by: Actor,
    at: datetime,
) -> Equipment:
    """A unit has been used: it is to be cleaned from now on; the dirty hold counts from the first
    soiling. Parts are soiled with it; units that need no cleaning stay as they are."""
    unit = queries.equipment(session, number)
    for each in (unit, *queries.parts_of(session, number)):
        if each.cleaning == Cleaning.NOT_APPLICABLE:
            continue
        with _changing(session, each, Dimension.CLEANING, "soiled", by, at, batch=batch):
            if each.cleaning != Cleaning.TO_BE_CLEANED or each.dirty_since is None:
                each.dirty_since = at
            each.cleaning, each.clean_until = Cleaning.TO_BE_CLEANED, None
            each.last_batch, each.last_product = batch, product
    return unit


def begin_cleaning(
    session: Session, number: str, *, in_record: str | None = None, by: Actor, at: datetime
) -> Equipment:
    """A unit is being cleaned."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.CLEANING, "cleaning_started", by, at, batch=in_record):
        unit.cleaning, unit.clean_until = Cleaning.IN_CLEANING, None
    return unit


def give_up_cleaning(
    session: Session, number: str, *, in_record: str | None = None, by: Actor, at: datetime
) -> Equipment:
    """A cleaning ended without a clean unit: it is to be cleaned; its dirty hold goes on."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.CLEANING, "cleaning_given_up", by, at, batch=in_record):
        unit.cleaning = Cleaning.TO_BE_CLEANED
        unit.dirty_since = unit.dirty_since or at
    return unit


def finish_cleaning(
    session: Session,
    number: str,
    *,
    clean_until: datetime | None,
    in_record: str | None = None,
    by: Actor,
    at: datetime,
) -> Equipment:
    """A unit, with its parts, is clean until `clean_until` (None: no clean hold applies)."""
    unit = queries.equipment(session, number)
    for each in (unit, *queries.parts_of(session, number)):
        if each.cleaning == Cleaning.NOT_APPLICABLE:
            continue
        with _changing(session, each, Dimension.CLEANING, "cleaned", by, at, batch=in_record):
            each.cleaning, each.clean_until, each.dirty_since = Cleaning.CLEAN, clean_until, None
    return unit


def expire_clean_hold(session: Session, number: str, *, by: Actor, at: datetime) -> bool:
    """Write down that a clean hold has run out (a timer does it); False when it has not."""
    unit = queries.equipment(session, number)
    status = queries.status_of(unit)
    if status.cleaning is not Cleaning.CLEAN:
        return False
    if rules.cleaning_now(status, at) is Cleaning.CLEAN:
        return False
    with _changing(session, unit, Dimension.CLEANING, "clean_hold_expired", by, at):
        unit.cleaning, unit.dirty_since = Cleaning.TO_BE_CLEANED, unit.clean_until
        unit.clean_until = None
    return True


def block(session: Session, number: str, *, reason: str, by: Actor, at: datetime) -> Equipment:
    """Block a unit for the reason given, until somebody unblocks it."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.BLOCK, "blocked", by, at, reason=reason):
        unit.blocked_reason = reason
    return unit


def unblock(session: Session, number: str, *, reason: str, by: Actor, at: datetime) -> Equipment:
    """Take the block away, with the reason for it."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.BLOCK, "unblocked", by, at, reason=reason):
        unit.blocked_reason = None
    return unit


def take_out_of_service(
    session: Session, number: str, *, order: str, by: Actor, at: datetime
) -> Equipment:
    """A maintenance order has the unit; binding is refused until it is returned."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.MAINTENANCE, "taken_out", by, at, reason=None):
        unit.maintenance_order = order
    return unit


def return_to_service(session: Session, number: str, *, by: Actor, at: datetime) -> Equipment:
    """The maintenance order is completed; the pillar has checked its signature."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.MAINTENANCE, "returned", by, at):
        unit.maintenance_order = None
    return unit


def record_check(
    session: Session, number: str, *, passed: bool, valid_until: datetime, by: Actor, at: datetime
) -> Equipment:
    """The daily check of a scale: passed it may be used until `valid_until`, failed not at all."""
    unit = queries.equipment(session, number)
    verb = "check_passed" if passed else "check_failed"
    with _changing(session, unit, Dimension.CHECK, verb, by, at):
        unit.checked_until = valid_until if passed else None
    return unit


def reset_counter(
    session: Session, number: str, *, limit: Decimal, reason: str, by: Actor, at: datetime
) -> Equipment:
    """After the inspection: a new limit, and the next passing is told again."""
    unit = queries.equipment(session, number)
    with _changing(session, unit, Dimension.COUNTER, "counter_reset", by, at, reason=reason):
        unit.counter_limit, unit.counter_tripped_at = limit, None
    return unit


def record_calibration(
    session: Session,
    number: str,
    *,
    performed_at: datetime,
    due_at: datetime,
    as_found: Verdict,
    as_left: Verdict,
    certificate: str,
    remark: str | None = None,
    by: Actor,
    at: datetime,
) -> Calibration:
    """Record a calibration (URS-EQP-040). As left failed, the instrument is overdue at once.

    The row names the last time it was known good before, from which a look-back starts when it
    failed as found.
    """
    unit = queries.equipment(session, number)
    row = Calibration(
        equipment=number,
        performed_at=performed_at,
        due_at=due_at,
        as_found=as_found.value,
        as_left=as_left.value,
        last_good_before=unit.calibration_last_good,
        certificate=certificate,
        performed_by=by.id,
        remark=remark,
        recorded_at=at,
    )
    with _changing(session, unit, Dimension.CALIBRATION, "calibrated", by, at):
        session.add(row)
        unit.calibration_due = due_at if as_left is Verdict.PASS else performed_at
        if as_left is Verdict.PASS:
            unit.calibration_last_good = performed_at
    return row


def add_log_line(
    session: Session,
    number: str,
    *,
    kind: LogKind,
    started_at: datetime,
    ended_at: datetime,
    performer: Actor,
    checker: Actor | None = None,
    checked_at: datetime | None = None,
    batch: str | None = None,
    product: str | None = None,
    in_record: str | None = None,
    remark: str | None = None,
    by: Actor,
    at: datetime,
) -> LogbookLine:
    """Add one line to a unit's log (211.182): who did what with which product, and who checked.

    Lines about cleaning, maintenance and calibration need a checker, who is another person; use
    names its batch. A line written long after the act is marked late (URS-EQP-030).
    """
    queries.equipment(session, number)
    _check_line(kind, started_at, ended_at, performer, checker, batch)
    line = LogbookLine(
        equipment=number,
        line=queries.next_line(session, number),
        kind=kind.value,
        batch=batch,
        product=product,
        record=in_record,
        remark=remark,
        started_at=started_at,
        ended_at=ended_at,
        performed_by=performer.id,
        performer_name=performer.name,
        checked_by=checker.id if checker else None,
        checker_name=checker.name if checker else None,
        checked_at=(checked_at or at) if checker else None,
        recorded_at=at,
        late=rules.is_late(ended_at, moment(session)),
    )
    with trail.act(session, "logbook.written", stream=Stream("equipment", number), by=by):
        session.add(line)
    return line


def _check_line(
    kind: LogKind,
    started_at: datetime,
    ended_at: datetime,
    performer: Actor,
    checker: Actor | None,
    batch: str | None,
) -> None:
    missing = None
    if ended_at < started_at:
        missing = "the end lies before the start"
    elif kind in (LogKind.CLEANING, LogKind.MAINTENANCE, LogKind.CALIBRATION) and checker is None:
        missing = f"a {kind} line needs the person who checked it"
    elif checker is not None and checker.id == performer.id:
        missing = "the checker must be another person than the performer"
    elif kind is LogKind.USE and not batch:
        missing = "a line about use names its batch"
    if missing:
        raise LogbookIncomplete(missing, resolver="the person who writes the line")


@contextmanager
def _changing(
    session: Session,
    unit: Equipment,
    dimension: Dimension,
    verb: str,
    by: Actor,
    at: datetime,
    *,
    batch: str | None = None,
    reason: str | None = None,
) -> Iterator[trail.Act]:
    """One change of one dimension: act, event row, and the fact told to the other packages."""
    before = _shown(unit, dimension, session)
    stream = Stream("equipment", unit.number)
    with trail.act(session, f"equipment.{verb}", stream=stream, by=by, reason=reason) as this:
        yield this
        after = _shown(unit, dimension, session)
        if after == before:
            return
        session.add(
            EquipmentStateEvent(
                equipment=unit.number,
                dimension=dimension.value,
                before=before,
                after=after,
                at=at,
                actor=by.id,
                batch=batch,
                reason=reason,
            )
        )
        session.flush()
        publish(
            session,
            EquipmentStatusChanged(
                equipment=unit.number,
                dimension=dimension,
                before=before,
                after=after,
                at=at,
                batch=batch,
            ),
        )


def _shown(unit: Equipment, dimension: Dimension, session: Session) -> str | None:
    zone = moment(session).zone
    if dimension is Dimension.CLEANING:
        until = f" until {show(unit.clean_until, zone)}" if unit.clean_until else ""
        return unit.cleaning + until
    if dimension is Dimension.ALLOCATION:
        return unit.allocated_to
    if dimension is Dimension.BLOCK:
        return unit.blocked_reason
    if dimension is Dimension.MAINTENANCE:
        return unit.maintenance_order
    if dimension is Dimension.COUNTER:
        return None if unit.counter_limit is None else str(unit.counter_limit)
    due = unit.calibration_due if dimension is Dimension.CALIBRATION else unit.checked_until
    return None if due is None else show(due, zone)
