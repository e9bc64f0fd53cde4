"""Care of the equipment: cleaning entries, maintenance orders, calibrations, all signed (W12, W13).

Performer and verifier may sign at one terminal: the second person is named first, reads the same
content and gives badge and passphrase; no session of theirs is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from audit.signatures import SignedContent
from core.actors import Actor
from hardware.words import Verdict
from maintenance import queries
from maintenance.commands import blocking, calibrating, cleaning, orders
from maintenance.commands.calibrating import Calibrate
from maintenance.commands.cleaning import PerformCleaning, StartCleaning
from maintenance.commands.orders import CompleteOrder, NewOrder
from maintenance.models import MaintenanceOrder, Trigger
from personnel import permissions
from personnel import queries as people
from web import desk, filters, identity, inputs, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.sentences import said
from web.signing import Page, SignedAct, go_on, signed
from web.tables import Column

bp = Blueprint("maintenance", __name__)
READ = "equipment.read"


@bp.get("/maintenance")
@needs(READ)
def board() -> Page:
    """Maintenance orders by state; the list says the same as any board would."""
    with identity.house().reading() as session:
        rows = [_row(order) for order in reversed(queries.orders(session))]
    columns = [
        Column(key="number", label=_("Order"), link="address"),
        Column(key="unit", label=_("Unit"), link="unit_address"),
        Column(key="title", label=_("What")),
        Column(key="trigger", label=_("Because of")),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="batch", label=_("Batch"), link="batch_address"),
        Column(key="opened", label=_("Opened"), kind="time"),
        Column(key="due", label=_("Due"), kind="time"),
    ]
    return desk.table_page(
        "maintenance/board.html", tables.table("orders", _("Maintenance orders"), columns, rows)
    )


def _row(order: MaintenanceOrder) -> dict[str, Any]:
    return {
        "number": order.number,
        "address": url_for(".order", number=order.number),
        "unit": order.equipment,
        "unit_address": url_for("hardware.unit", number=order.equipment),
        "title": said(order.title),
        "trigger": states.words_of(order.trigger),
        "state": order.state,
        "batch": order.batch or "",
        "batch_address": url_for("production.batch", number=order.batch) if order.batch else "",
        "opened": order.opened_at,
        "due": order.due_at,
    }


@bp.get("/maintenance/<number>")
@needs(READ)
def order(number: str) -> Page:
    """One order: what to do, what was done, who signed."""
    with identity.house().reading() as session:
        found = queries.order(session, number)
        verifiers = _able(session, "step.approve")
        return render_template(
            "maintenance/order.html",
            order=found,
            facts=[(name, value) for name, value in _facts(session, found) if value],
            verifiers=verifiers,
        )


def _facts(session: Session, order: MaintenanceOrder) -> list[tuple[str, Any]]:
    return [
        (_("Because of"), states.words_of(order.trigger)),
        (_("Opened"), filters.time_(order.opened_at)),
        (_("Opened by"), _name(session, order.opened_by)),
        (_("Batch"), order.batch),
        (_("Keeps the unit from the next batch"), _("yes") if order.blocks else _("no")),
        (_("Due"), _time(order.due_at)),
        (_("Started"), _time(order.started_at)),
        (_("What was done"), order.work),
        (_("Performed by"), _name(session, order.completed_by)),
        (_("Performed at"), _time(order.completed_at)),
        (_("Verified by"), _name(session, order.verified_by)),
        (_("Verified at"), _time(order.verified_at)),
    ]


def _time(moment: datetime | None) -> str:
    return filters.time_(moment) if moment else ""


def _name(session: Session, who: str | None) -> str:
    """A person by printed name, a service by what it is."""
    person = people.find(session, who) if who else None
    return people.called(person) if person else states.words_of(who or "")


def _able(session: Session, permission: str) -> list[str]:
    return list(people.people_who_can(session, permission))


@bp.post("/maintenance/<number>/start")
@needs("maintenance.perform")
def start_order(number: str) -> Response:
    """Begin the work; the unit is out of service from now on."""
    perform(orders.start_order, number, record=f"order/{number}")
    return go_on(url_for(".order", number=number))


@bp.post("/maintenance/<number>/complete")
@needs("maintenance.perform")
def complete_order(number: str) -> Page:
    """Sign what was done."""
    with identity.house().reading() as session:
        counter = queries.order(session, number).trigger == Trigger.COUNTER
    command = CompleteOrder(
        number=number,
        work=inputs.text("work", _("What was done")),
        counter_limit=inputs.decimal("counter_limit", _("New limit")) if counter else None,
    )
    return signed(
        SignedAct(
            command=orders.complete_order,
            arguments=(command,),
            record=f"order/{number}",
            meaning="performed",
            title=_("Work on %(number)s", number=number),
            done=url_for(".order", number=number),
        )
    )


@bp.post("/maintenance/<number>/verify")
@needs(READ)
def verify_order(number: str) -> Page:
    """A second person signs that the work was done; the unit is back in service."""
    return _second(
        orders.verify_order,
        number,
        record=f"order/{number}",
        permission="step.approve",
        done=url_for(".order", number=number),
    )


@bp.post("/equipment/<number>/fault")
@needs("equipment.log")
def report_fault(number: str) -> Response:
    """Report a fault: an order that keeps the unit from the next batch."""
    what = inputs.text("what", _("What is wrong"))
    made = perform(orders.report_fault, number, what, record=f"equipment/{number}")
    return go_on(url_for(".order", number=made))


@bp.post("/equipment/<number>/block")
@needs("equipment.block")
def block(number: str) -> Response:
    """Keep the unit from use until the quality unit takes the block away."""
    reason = inputs.text("reason", _("Reason"))
    perform(blocking.block_unit, number, reason, record=f"equipment/{number}")
    return go_on(url_for("hardware.unit", number=number))


@bp.post("/equipment/<number>/unblock")
@needs("equipment.unblock")
def unblock(number: str) -> Response:
    """The unit may be used again."""
    reason = inputs.text("reason", _("Reason"))
    perform(blocking.unblock_unit, number, reason, record=f"equipment/{number}")
    return go_on(url_for("hardware.unit", number=number))


@bp.post("/equipment/<number>/order")
@needs("maintenance.plan")
def plan_order(number: str) -> Response:
    """Plan maintenance of a unit."""
    new = NewOrder(
        equipment=number,
        trigger=Trigger.PLAN,
        title=inputs.text("title", _("What is to be done")),
        cause=inputs.text("title", _("What is to be done"))[:60],
        due_at=inputs.moment("due", _("Due")),
    )
    made = perform(orders.plan_order, new, record=f"equipment/{number}")
    return go_on(url_for(".order", number=made))


@bp.post("/equipment/<number>/cleaning")
@needs("equipment.clean")
def start_cleaning(number: str) -> Response:
    """Begin to clean a unit: step by step where it has a procedure, else by a signed entry."""
    command = StartCleaning(equipment=number)
    made = perform(cleaning.start_cleaning, command, record=f"equipment/{number}")
    if _is_run(made):
        return go_on(url_for("run.at_work", number=made))
    return go_on(url_for("hardware.unit", number=number) + "#cleaning")


def _is_run(number: str) -> bool:
    with identity.house().reading() as session:
        return queries.cleaning_run(session, number) is not None


@bp.post("/cleanings/<number>/perform")
@needs("equipment.clean")
def perform_cleaning(number: str) -> Page:
    """The cleaner signs what was done and found."""
    command = PerformCleaning(
        number=number,
        result=inputs.text("result", _("What was cleaned and found")),
        agent_lot=inputs.text("agent_lot", _("Detergent lot"), needed=False) or None,
    )
    return signed(
        SignedAct(
            command=cleaning.perform_cleaning,
            arguments=(command,),
            record=f"procedure/{number}",
            meaning="performed",
            title=_("Cleaning %(number)s", number=number),
            done=_unit_of(queries.cleaning, number, "cleaning"),
        )
    )


@bp.post("/cleanings/<number>/verify")
@needs(READ)
def verify_cleaning(number: str) -> Page:
    """A second person verifies; then the unit is clean."""
    return _second(
        cleaning.verify_cleaning,
        number,
        record=f"procedure/{number}",
        permission="equipment.clean",
        done=_unit_of(queries.cleaning, number, "cleaning"),
    )


@bp.post("/equipment/<number>/calibration")
@needs("calibration.record")
def calibrate(number: str) -> Page:
    """Enter a calibration, signed by who performed it."""
    verdicts = tuple(verdict.value for verdict in Verdict)
    command = Calibrate(
        equipment=number,
        performed_at=inputs.moment("performed_at", _("Performed at")),
        due_at=inputs.moment("due_at", _("Next due")),
        as_found=Verdict(inputs.chosen("as_found", _("As found"), verdicts)),
        as_left=Verdict(inputs.chosen("as_left", _("As left"), verdicts)),
        certificate=inputs.text("certificate", _("Certificate")),
        remark=inputs.text("remark", _("Remark"), needed=False) or None,
    )
    return signed(
        SignedAct(
            command=calibrating.calibrate,
            arguments=(command,),
            record=f"equipment/{number}",
            meaning="performed",
            title=_("Calibration of %(number)s", number=number),
            done=url_for("hardware.unit", number=number) + "#calibration",
        )
    )


@bp.post("/calibrations/<number>/verify")
@needs(READ)
def verify_calibration(number: str) -> Page:
    """A second person signs that certificate and entry agree."""
    return _second(
        calibrating.verify_calibration,
        number,
        record=f"calibration/{number}",
        permission="step.approve",
        done=_unit_of(queries.calibration, number, "calibration"),
    )


def _unit_of(query: Callable[[Session, str], Any], number: str, part: str) -> str:
    with identity.house().reading() as session:
        equipment = query(session, number).equipment
    return f"{url_for('hardware.unit', number=equipment)}#{part}"


def _second(
    command: Callable[..., Any], number: str, *, record: str, permission: str, done: str
) -> Page:
    """The dialog of the second person: what would be verified is rehearsed as that person."""
    named = inputs.text("verifier", _("Badge of the second person"))
    with identity.house().reading() as session:
        by = _actor(session, named, permission)
    content: SignedContent = identity.house().rehearse(
        command, number, by=by, record=record, rehearsal=True
    )
    return signed(
        SignedAct(
            command=command,
            arguments=(number,),
            record=record,
            meaning="verified",
            title=_("Verify %(number)s", number=number),
            done=done,
            content=content,
            role_of=lambda session, badge: _actor(session, badge, permission).role,
        )
    )


def _actor(session: Session, badge: str, permission: str) -> Actor:
    """The named person in a role that holds the permission. Raises NotPermitted."""
    terminal = identity.terminal().name
    role = permissions.require(
        session, people.actor(session, badge, role="", terminal=terminal), permission
    )
    return people.actor(session, badge, role=role, terminal=terminal)
