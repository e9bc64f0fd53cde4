"""Maintenance orders: opened once per cause, worked on, signed, verified, back to service.

Return to service needs the signature of who did the work and of a second person (URS-EQP-050).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr import rules as record_rules
from hardware import equipment_commands as plant
from hardware import queries as units
from hardware.words import LogKind
from maintenance import queries, rules
from maintenance.commands.signed import draw_number, performer_of, seal
from maintenance.errors import UnitInUse
from maintenance.events import OrderOpened
from maintenance.models import MaintenanceOrder, OrderState, Series, Trigger
from personnel import permissions
from personnel import queries as people
from personnel.signing import Confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What an order is about; `cause` tells causes apart, one open order for each."""

    equipment: str
    trigger: Trigger
    title: str
    cause: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    batch: str | None = None
    step: str | None = None
    blocks: bool = True
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteOrder:
    """What was done; `counter_limit` is the new limit where the unit has a usage counter."""

    number: str
    work: str
    counter_limit: Decimal | None = None


def plan_order(session: Session, new: NewOrder, *, by: Actor, at: datetime) -> str:
    """Open an order by a person's hand; answers its number. Raises NotPermitted."""
    permissions.require(session, by, "maintenance.plan")
    record_rules.need_reason(new.title, "a maintenance order")
    return open_order(session, new, by=by, at=at)


def report_fault(session: Session, equipment: str, what: str, *, by: Actor, at: datetime) -> str:
    """Somebody on the floor reports a fault: an order that keeps the unit from the next batch."""
    permissions.require(session, by, "equipment.log")
    words = record_rules.need_reason(what, "a fault report")
    new = NewOrder(equipment=equipment, trigger=Trigger.FAULT, title=words, cause="fault")
    return open_order(session, new, by=by, at=at)


def open_order(session: Session, new: NewOrder, *, by: Actor, at: datetime) -> str:
    """Open an order as the consequence of another fact; the same open cause answers its order."""
    units.equipment(session, new.equipment)
    key = f"{new.equipment}:{new.trigger.value}:{new.cause}"
    known = queries.order_of_cause(session, key)
    if known is not None:
        return known.number
    number = draw_number(session, Series.ORDER, by=by)
    with trail.act(session, "order.opened", stream=_stream(number), by=by, object=number):
        session.add(
            MaintenanceOrder(
                number=number,
                equipment=new.equipment,
                trigger=new.trigger,
                title=new.title,
                facts=dict(new.facts),
                batch=new.batch,
                step=new.step,
                blocks=new.blocks,
                state=OrderState.DUE,
                open_key=key,
                opened_at=at,
                opened_by=by.id,
                due_at=new.due_at,
            )
        )
    publish(
        session,
        OrderOpened(
            number=number,
            equipment=new.equipment,
            trigger=new.trigger.value,
            batch=new.batch,
            by=by,
            at=at,
        ),
    )
    return number


def start_order(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    """Begin the work: the unit is out of service. Raises UnitInUse while a batch has it."""
    permissions.require(session, by, "maintenance.perform")
    found = queries.order(session, number)
    rules.check_move(number, found.state, OrderState.IN_WORK)
    unit = units.equipment(session, found.equipment)
    if unit.allocated_to is not None:
        raise UnitInUse(
            f"{unit.number} is in use by {unit.allocated_to}", resolver="shift supervisor"
        )
    with trail.act(session, "order.started", stream=_stream(number), by=by, object=number):
        found.state, found.started_at, found.started_by = OrderState.IN_WORK, at, by.id
        if unit.maintenance_order is None:
            plant.take_out_of_service(session, unit.number, order=number, by=by, at=at)


def complete_order(
    session: Session,
    command: CompleteOrder,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Sign the work (``performed``); the usage counter gets its new limit.

    The unit stays out of service until somebody else has verified. Raises WorkNotInState,
    LimitMissing, NotPermitted.
    """
    role = permissions.require(session, by, "maintenance.perform")
    found = queries.order(session, command.number)
    rules.check_move(found.number, found.state, OrderState.TO_VERIFY)
    words = record_rules.need_reason(command.work, "the work of an order")
    if found.trigger == Trigger.COUNTER:
        rules.check_counter_limit(_counted(found), command.counter_limit)
    shown = _content(found, words, command.counter_limit)
    with trail.act(
        session, "order.completed", stream=_stream(found.number), by=by, object=found.number
    ) as act:
        found.signature_id = seal(
            session, signed_by, shown, meaning="performed", role=role, act=act,
            rehearsal=rehearsal,
        )  # fmt: skip
        found.state, found.work = OrderState.TO_VERIFY, words
        found.counter_limit = command.counter_limit
        found.completed_at, found.completed_by, found.completed_role = at, by.id, role
        if command.counter_limit is not None:
            plant.reset_counter(
                session, found.equipment, limit=command.counter_limit, reason=words, by=by, at=at
            )
    return shown


def verify_order(
    session: Session,
    number: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """A second person signs (``verified``): the unit is back in service, the log has its line.

    Raises NotIndependent for who did the work, NotPermitted, WorkNotInState.
    """
    role = permissions.require(session, by, "step.approve")
    found = queries.order(session, number)
    rules.check_move(number, found.state, OrderState.CLOSED)
    people.require_independent(session, by.id, [found.completed_by or ""])
    shown = _content(found, found.work or "", found.counter_limit)
    with trail.act(session, "order.verified", stream=_stream(number), by=by, object=number) as act:
        found.verification_id = seal(
            session, signed_by, shown, meaning="verified", role=role, act=act,
            prior=found.signature_id, rehearsal=rehearsal,
        )  # fmt: skip
        found.state, found.open_key = OrderState.CLOSED, None
        found.verified_at, found.verified_by = at, by.id
        session.flush()
        _back_to_service(session, found, by, at)
    return shown


def _back_to_service(session: Session, found: MaintenanceOrder, by: Actor, at: datetime) -> None:
    unit = units.equipment(session, found.equipment)
    if unit.maintenance_order == found.number:
        plant.return_to_service(session, unit.number, by=by, at=at)
    plant.add_log_line(
        session,
        unit.number,
        kind=LogKind.MAINTENANCE,
        started_at=found.started_at or found.opened_at,
        ended_at=found.completed_at or at,
        performer=performer_of(session, found.completed_by or "", found.completed_role),
        checker=by,
        checked_at=at,
        batch=found.batch,
        in_record=f"order/{found.number}",
        remark=found.work,
        by=by,
        at=at,
    )


def _content(found: MaintenanceOrder, work: str, limit: Decimal | None) -> SignedContent:
    return SignedContent(
        record=f"order/{found.number}",
        object=found.number,
        version=1,
        content={
            "kind": "maintenance_order",
            "number": found.number,
            "equipment": found.equipment,
            "trigger": found.trigger,
            "title": found.title,
            "batch": found.batch,
            "work": work,
            "counter_limit": None if limit is None else format(limit, "f"),
        },
    )


def _counted(found: MaintenanceOrder) -> Decimal | None:
    counted = found.facts.get("value")
    return None if counted is None else Decimal(counted)


def _stream(number: str) -> Stream:
    return Stream("order", number)
