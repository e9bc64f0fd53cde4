"""Materials: lots with stock first-expiring first, containers, genealogy, stock tasks (W14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import Refusal
from core.house import moment
from inventory import genealogy, queries, rules
from inventory.commands import replenishment, stock
from inventory.models import Container, Lot, LotStatus, Movement, StockTask, TaskState
from inventory.queries import LotStock
from personnel import queries as people
from web import desk, filters, identity, inputs, tables
from web import genealogy as trees
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.sentences import said
from web.signing import Page, go_on
from web.tables import Column

bp = Blueprint("inventory", __name__)
READ = "lot.read"
NEAR = 3
"""Levels of the genealogy on the page of a lot; all of them have a page of their own."""


@bp.get("/materials", endpoint="lots")
@needs(READ)
def lots() -> Page:
    """Every lot with its status and stock; within a material the first to expire comes first."""
    with identity.house().reading() as session:
        at = moment(session).site
        rows = [_row(found, item.name) for item, found in queries.whole_stock(session, at=at)]
        tasks = [_low(session, task) for task in queries.tasks(session)]
    columns = [
        Column(key="number", label=_("Lot"), link="address"),
        Column(key="code", label=_("Material")),
        Column(key="name", label=_("Name")),
        Column(key="status", label=_("Status"), kind="state"),
        Column(key="on_hand", label=_("On hand"), numeric=True),
        Column(key="last_day", label=_("Last day of use")),
        Column(key="problem", label=_("Why not usable")),
    ]
    table = tables.table("lots", _("Lots"), columns, rows)
    return desk.table_page("inventory/lots.html", table, tasks=tasks)


def _row(found: LotStock, name: str) -> dict[str, Any]:
    lot = found.lot
    return {
        "number": lot.number,
        "address": url_for(".lot", number=lot.number),
        "code": lot.material,
        "name": name,
        "status": status_of(lot, found.problem),
        "on_hand": filters.quantity(found.on_hand, found.unit if found.unit != "1" else None),
        "last_day": last_day(lot),
        "problem": said(found.problem.fact) if found.problem else "",
    }


def last_day(lot: Lot) -> str:
    """The earlier of expiry and retest day."""
    day = queries.facts_of(lot).last_day
    return day.isoformat() if day else filters.NO_VALUE


def status_of(lot: Lot, problem: Refusal | None) -> str:
    """The status word; a released lot past its last day is shown as expired."""
    expired = problem is not None and problem.rule == "lot.expired"
    return "expired" if expired and lot.status == LotStatus.RELEASED else str(lot.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A container with what it holds by the ledger and where it stands."""

    container: Container
    content: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A movement as the list of a lot tells it."""

    movement: Movement
    by: str
    way: str
    amount: str


@bp.get("/materials/<number>")
@needs(READ)
def lot(number: str) -> Page:
    """One lot: certificate, containers, genealogy both ways, movements, change of status."""
    with identity.house().reading() as session:
        found = queries.lot(session, number)
        item = queries.material(session, found.material)
        at = moment(session).site
        here = queries.stock(session, item.code, at=at)
        this = next(each for each in here if each.lot.number == number)
        return render_template(
            "inventory/lot.html",
            lot=found,
            material=item,
            stock=this,
            status=status_of(found, this.problem),
            place_in_line=here.index(this) + 1,
            containers=[_held(session, each) for each in queries.containers_of(session, number)],
            trees=[
                trees.tree_of(session, trees.LOT, number, ahead=ahead, depth=NEAR)
                for ahead in (True, False)
            ],
            batches=genealogy.where_used(session, number),
            movements=[
                _moved(session, each, number, item.unit)
                for each in reversed(queries.movements(session, lot_number=number))
            ][:60],
            next_states=sorted(rules.TRANSITIONS[found.status]),
            last_day=last_day(found),
            received_by=_name(session, found.received_by),
        )


def _name(session: Session, badge: str) -> str:
    """The person's printed name, or the service that acted."""
    who = people.find(session, badge)
    return people.called(who) if who else badge


def _held(session: Session, found: Container) -> Held:
    account, _amount = queries.place_of(session, found.label)
    unit = queries.material(session, found.material).unit
    content = queries.content_of(session, found)
    return Held(
        container=found,
        content=filters.quantity(content, unit if unit != "1" else None),
        place=account.replace("/", " ") or filters.NO_VALUE,
    )


def _moved(session: Session, movement: Movement, number: str, unit: str) -> Moved:
    lines = [line for line in movement.lines if line.lot == number]
    sources = [line.account for line in lines if line.amount < 0]
    targets = [line.account for line in lines if line.amount > 0]
    amount = sum(line.amount for line in lines if line.amount > 0)
    way = f"{', '.join(dict.fromkeys(sources))} → {', '.join(dict.fromkeys(targets))}"
    shown = rules.quantity_of(amount, unit)
    return Moved(
        movement=movement,
        by=_name(session, movement.by),
        way=way.replace("/", " "),
        amount=filters.quantity(shown, unit if unit != "1" else None),
    )


@bp.post("/materials/<number>/status")
@needs("lot.block")
def change_status(number: str) -> Response:
    """The quality unit changes the status of a lot, with the reason."""
    status = LotStatus(inputs.chosen("status", _("Status"), tuple(s.value for s in LotStatus)))
    reason = inputs.text("reason", _("Reason"))
    perform(stock.change_status, number, status, reason=reason, record=f"lot/{number}")
    return go_on(url_for(".lot", number=number))


@bp.get("/stock-tasks")
@needs(READ)
def tasks() -> Page:
    """Stock tasks that the process itself opened."""
    with identity.house().reading() as session:
        found = [_low(session, task) for task in queries.tasks(session, states=tuple(TaskState))]
    rows = [_task_row(low) for low in reversed(found)]
    columns = [
        Column(key="number", label=_("Task"), link="address"),
        Column(key="material", label=_("Material")),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="found", label=_("Found"), numeric=True),
        Column(key="minimum", label=_("Minimum"), numeric=True),
        Column(key="record", label=_("Because of")),
        Column(key="opened", label=_("Opened"), kind="time"),
        Column(key="closed", label=_("Closed"), kind="time"),
    ]
    table = tables.table("tasks", _("Stock tasks"), columns, rows)
    open_tasks = [low for low in found if low.task.state == TaskState.OPEN]
    return desk.table_page("inventory/tasks.html", table, open_tasks=open_tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowStock:
    """A stock task with the name of its material and quantities in the material's unit."""

    task: StockTask
    material: str
    found: str
    minimum: str


def _low(session: Session, task: StockTask) -> LowStock:
    item = queries.material(session, task.material)
    unit = item.unit if item.unit != "1" else None
    return LowStock(
        task=task,
        material=f"{item.code} {item.name}",
        found=filters.quantity(task.found, unit),
        minimum=filters.quantity(task.minimum, unit),
    )


def _task_row(low: LowStock) -> dict[str, Any]:
    task = low.task
    return {
        "number": task.number,
        "address": url_for(".tasks") + f"#task-{task.number}",
        "material": low.material,
        "state": task.state,
        "found": low.found,
        "minimum": low.minimum,
        "record": (task.record or "").rpartition("/")[2],
        "opened": task.opened_at,
        "closed": task.closed_at,
    }


@bp.post("/stock-tasks/<number>/close")
@needs("lot.receive")
def close_task(number: str) -> Response:
    """Say that the material was ordered, or why the task is not needed."""
    reason = inputs.text("reason", _("Reason"))
    cancelled = request.form.get("how") == "cancel"
    perform(
        replenishment.close_task,
        number,
        reason=reason,
        cancelled=cancelled,
        record=f"order/{number}",
    )
    return go_on(url_for(".tasks"))


def address_of(session: Session, name: str) -> str | None:
    """The page of a lot, or of the lot of a container; None when nothing is called that."""
    found = queries.find_lot(session, name)
    if found is None:
        container = queries.find_container(session, name)
        found = queries.find_lot(session, container.lot) if container else None
    return None if found is None else url_for("inventory.lot", number=found.number)
