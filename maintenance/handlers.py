"""Reactions of maintenance to facts of record and equipment, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from audit.models import Signature
from audit.streams import Stream
from core.actors import Actor
from ebr import queries as records
from ebr.events import RunEnded, StepCompleted
from ebr.kinds.base import live_tags
from ebr.models import Binding, ProcedureRun, StepEquipment, StepRecord, StepSignature, StepState
from ebr.opening import context_of
from hardware import equipment_commands as plant
from hardware import queries as units
from hardware.events import CounterOverLimit, EquipmentStatusChanged
from hardware.models import Equipment
from hardware.words import Cleaning, Dimension, LogKind
from maintenance import expiry, queries
from maintenance.commands.orders import NewOrder, open_order
from maintenance.commands.signed import performer_of
from maintenance.models import OrderState, Trigger
from workflows import queries as definitions
from workflows.words import HoldAct, StepKind

# Asked at the end of every step, so built once.
_USES = select(StepEquipment).where(StepEquipment.step_id == bindparam("step"))
PLANNER = Actor.service("maintenance planner", trigger="usage counter over its limit")


def order_inspection(session: Session, passed: CounterOverLimit) -> None:
    """A usage counter over its limit makes one order, linked to batch and step (URS-EQP-050)."""
    run = _run_using(session, passed.equipment)
    step = None if run is None else _step_reading(session, run, passed.tag, passed.at)
    new = NewOrder(
        equipment=passed.equipment,
        trigger=Trigger.COUNTER,
        title=f"{passed.equipment}: {passed.tag} is over its limit of {passed.limit}",
        cause=passed.tag,
        facts={"tag": passed.tag, "value": str(passed.value), "limit": str(passed.limit)},
        batch=None if run is None else run.number,
        step=None if step is None else step.path,
    )
    open_order(session, new, by=PLANNER, at=passed.at)


def _run_using(session: Session, number: str) -> ProcedureRun | None:
    unit = units.equipment(session, number)
    if unit.allocated_to is None:
        return None
    return session.scalars(
        select(ProcedureRun).where(ProcedureRun.number == unit.allocated_to)
    ).one_or_none()


def _step_reading(session: Session, run: ProcedureRun, tag: str, at: datetime) -> StepRecord | None:
    """The step under way that reads the tag, else any that is under way."""
    started = [s for s in records.open_steps(session, run) if s.state == StepState.STARTED]
    for step in started:
        if tag in live_tags(context_of(session, run, step, by=PLANNER, at=at)):
            return step
    return started[0] if started else None


def soil_where_dirty_hold_starts(session: Session, done: StepCompleted) -> None:
    """A step of a batch that starts the hold time of a unit leaves it to be cleaned; in a cleaning
    it is the clean hold that starts (URS-EQP-020)."""
    if Stream.parse(done.record).kind != "batch":
        return
    run = records.run_of(session, done.record)
    procedure = definitions.load(session, run.file_digest)
    for hold in procedure.step(done.key).holds:
        if hold.act is not HoldAct.STARTS or hold.requirement is None:
            continue
        unit = records.bound_unit(session, run, hold.requirement)
        if unit is not None:
            _soil(session, run, unit, done.by, done.at)


def log_shared_use(session: Session, done: StepCompleted) -> None:
    """A unit that serves many batches (a scale) gets a line for each step that used it."""
    run = records.run_of(session, done.record)
    step = records.step_of(session, run, done.path)
    if step.kind == StepKind.BIND.value:
        return
    shared = _shared_requirements(session, run)
    for use in _uses(session, step):
        if use.requirement in shared:
            _log_use(session, run, use.equipment, step, by=done.by, at=done.at)


def give_units_free(session: Session, ended: RunEnded) -> None:
    """At the end of a batch its units have a line in their log, are to be cleaned and free; one
    with an open order that came from this batch goes out of service."""
    if Stream.parse(ended.record).kind != "batch":
        return
    run = records.run_of(session, ended.record)
    held = [u for u in units.equipment_list(session) if u.allocated_to == run.number]
    mine = {unit.number for unit in held}
    for unit in held:
        _log_batch(session, run, unit, by=ended.by, at=ended.at)
    for unit in (unit for unit in held if unit.parent not in mine):
        if unit.cleaning == Cleaning.CLEAN:
            _soil(session, run, unit.number, ended.by, ended.at)
        plant.release(session, unit.number, batch=run.number, by=ended.by, at=ended.at)
    _take_out(session, run, held, by=ended.by, at=ended.at)


def watch_clean_hold(session: Session, changed: EquipmentStatusChanged) -> None:
    """A unit that became clean is watched until its clean hold runs out."""
    if changed.dimension is Dimension.CLEANING:
        unit = units.equipment(session, changed.equipment)
        if unit.cleaning == Cleaning.CLEAN:
            expiry.watch(session, unit)


def _soil(session: Session, run: ProcedureRun, unit: str, by: Actor, at: datetime) -> None:
    product = definitions.load(session, run.file_digest).header.product
    code = run.code if product is None else product.code
    plant.soil(session, unit, batch=run.number, product=code, by=by, at=at)


def _shared_requirements(session: Session, run: ProcedureRun) -> set[str]:
    header = definitions.load(session, run.file_digest).header
    return {requirement.key for requirement in header.equipment if requirement.shared}


def _uses(session: Session, step: StepRecord) -> list[StepEquipment]:
    rows = session.scalars(_USES, {"step": step.id})
    return list({row.equipment: row for row in rows}.values())


def _take_out(
    session: Session, run: ProcedureRun, held: Iterable[Equipment], *, by: Actor, at: datetime
) -> None:
    due = queries.orders(session, batch=run.number, states=[OrderState.DUE])
    numbers = {unit.number for unit in held}
    for order in due:
        if order.blocks and order.equipment in numbers:
            plant.take_out_of_service(session, order.equipment, order=order.number, by=by, at=at)


def _log_batch(
    session: Session, run: ProcedureRun, unit: Equipment, *, by: Actor, at: datetime
) -> None:
    bound = session.scalars(
        select(Binding)
        .where(Binding.run_id == run.id, Binding.equipment == (unit.number))
        .order_by(Binding.ordinal)
        .limit(1)
    ).one_or_none()
    step = _step_that_bound(session, run, unit.number)
    performer, checker = by, None
    if step is not None:
        performer, checker = _people_of(session, step)
    _add_line(
        session,
        run,
        unit.number,
        since=at if bound is None else bound.at,
        performer=performer,
        checker=checker,
        by=by,
        at=at,
    )


def _step_that_bound(session: Session, run: ProcedureRun, unit: str) -> StepRecord | None:
    return session.scalars(
        select(StepRecord)
        .join(StepEquipment, StepEquipment.step_id == StepRecord.id)
        .where(
            StepRecord.run_id == run.id,
            StepRecord.kind == StepKind.BIND.value,
            StepEquipment.equipment == unit,
        )
        .order_by(StepRecord.ordinal)
        .limit(1)
    ).one_or_none()


def _log_use(
    session: Session,
    run: ProcedureRun,
    unit: str,
    step: StepRecord,
    *,
    by: Actor,
    at: datetime,
) -> None:
    performer, checker = _people_of(session, step)
    _add_line(
        session,
        run,
        unit,
        since=step.started_at or at,
        until=step.performed_at or at,
        performer=performer,
        checker=checker,
        remark=f"step {step.key}",
        by=by,
        at=at,
    )


def _add_line(
    session: Session,
    run: ProcedureRun,
    unit: str,
    *,
    since: datetime,
    until: datetime | None = None,
    performer: Actor,
    checker: Actor | None,
    remark: str | None = None,
    by: Actor,
    at: datetime,
) -> None:
    product = definitions.load(session, run.file_digest).header.product
    plant.add_log_line(
        session,
        unit,
        kind=LogKind.USE,
        started_at=since,
        ended_at=until or at,
        performer=performer,
        checker=checker,
        checked_at=None,
        batch=run.number,
        product=run.code if product is None else product.code,
        in_record=run.stream,
        remark=remark,
        by=by,
        at=at,
    )


def _people_of(session: Session, step: StepRecord) -> tuple[Actor, Actor | None]:
    """Who performed the step, and who verified it if somebody did."""
    roles = dict[str, tuple[str, str]]()
    rows = session.execute(
        select(StepSignature.part, StepSignature.signer, Signature.role)
        .join(Signature, Signature.id == StepSignature.signature_id)
        .where(StepSignature.step_id == step.id, StepSignature.revision == step.revision)
    )
    for part, signer, role in rows:
        roles[part] = (signer, role)
    badge, role = roles.get("performer", (step.performed_by or "worker", step.role))
    performer = performer_of(session, badge, role)
    verified = roles.get("verifier")
    return performer, None if verified is None else performer_of(session, *verified)
