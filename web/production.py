"""Batches: the register with every number, planning, start conditions, cancelling (W20)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.clock import local
from core.errors import Refusal
from core.house import moment
from documents.units import symbol
from ebr import gates
from ebr import queries as records
from ebr.gates import Condition
from ebr.models import ProcedureRun, RunState
from production import commands, queries
from production.commands import START_GATE, PlanBatch
from production.models import Batch
from web import desk, filters, identity, inputs, scoping, tables
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, go_on
from web.tables import Column
from workflows import queries as definitions
from workflows.model import Procedure
from workflows.models import DefinitionVersion
from workflows.rules import VersionState

bp = Blueprint("production", __name__)
NARROWING = ("product", "version", "state", "disposition")
"""What the register can be narrowed down by, in the address."""


@bp.get("/batches")
@needs("record.read")
def batches() -> Page:
    """The register: every number ever drawn, cancelled and aborted ones included."""
    with identity.house().reading() as session:
        shown = [each for each in queries.batches(session) if scoping.reaches(each.product_code)]
        runs = {run.number: run for run in records.runs(session)}
        every = [_line(batch, runs[batch.number]) for batch in shown]
    asked = {name: request.args.get(name, "") for name in NARROWING}
    rows = [row for row in every if all(asked[name] in ("", row[name]) for name in NARROWING)]
    return desk.table_page(
        "production/batches.html",
        tables.table("batches", _("Batch register"), _columns(), rows),
        asked=asked,
        scope=scoping.document_scope(),
        choices={name: sorted({row[name] for row in every}) for name in NARROWING},
    )


def _columns() -> list[Column]:
    return [
        Column(key="number", label=_("Batch"), link="address"),
        Column(key="product", label=_("Product")),
        Column(key="version", label=_("Recipe")),
        Column(key="size", label=_("Size"), numeric=True),
        Column(key="order", label=_("Order")),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="disposition", label=_("Disposition"), kind="state"),
        Column(key="due", label=_("Due")),
        Column(key="ended", label=_("Ended")),
    ]


def _line(batch: Batch, run: ProcedureRun) -> dict[str, Any]:
    return {
        "number": batch.number,
        "address": url_for(".batch", number=batch.number),
        "product": batch.product_name,
        "version": f"{batch.recipe} v{batch.recipe_version}",
        "size": f"{batch.size:f} {batch.size_unit}",
        "order": batch.order_number,
        "state": state_of(batch, run),
        "disposition": batch.disposition,
        "due": _day(batch.due_at),
        "ended": _day(run.ended_at),
    }


def _day(moment: datetime | None) -> str:
    """The day at the site; a register has no room for seconds."""
    return f"{local(moment, filters.zone()):%Y-%m-%d}" if moment else filters.NO_VALUE


def state_of(batch: Batch, run: ProcedureRun) -> str:
    """The state of the run, but a batch that never began is cancelled, not aborted."""
    return "cancelled" if batch.cancelled_at is not None else str(run.state)


@bp.get("/batches/plan")
@needs("batch.plan")
def plan() -> Page:
    """Plan a batch on an effective version."""
    with identity.house().reading() as session:
        offered = [_offer(session, version) for version in _effective(session)]
        now = moment(session).site
    return render_template("production/plan.html", offered=offered, at=now)


def _effective(session: Session) -> list[DefinitionVersion]:
    return [
        version
        for version in definitions.versions(session)
        if version.state == VersionState.EFFECTIVE and version.product is not None
    ]


def _offer(session: Session, version: DefinitionVersion) -> dict[str, Any]:
    header = definitions.load(session, version.file_digest).header
    return {"name": version.name, "version": version, "size": header.batch_size, "header": header}


@bp.post("/batches/plan")
@needs("batch.plan")
def plan_batch() -> Page:
    """Draw the next number for the order."""
    with identity.house().reading() as session:
        names = {version.name: version for version in _effective(session)}
    version = names[inputs.chosen("recipe", _("Recipe"), tuple(names))]
    order = PlanBatch(
        order_number=inputs.text("order", _("Order number")),
        recipe=version.code,
        version=version.number,
        size=inputs.decimal("size", _("Batch size")),
        due_at=inputs.moment("due", _("Due")),
    )
    number = perform(commands.plan_batch, order, record="site")
    return go_on(url_for(".batch", number=number))


@bp.get("/batches/<number>")
@needs("record.read")
def batch(number: str) -> Page:
    """A planned batch with its start conditions; a batch that began leads to its record."""
    with identity.house().reading() as session:
        found = queries.batch(session, number)
        run = records.run_of(session, number)
        if run.state != RunState.PLANNED and found.cancelled_at is None:
            return redirect(url_for("record.timeline", number=number), 303)
        conditions = _conditions(session, found, run) if found.cancelled_at is None else []
        return render_template(
            "production/batch.html",
            batch=found,
            run=run,
            state=state_of(found, run),
            conditions=conditions,
            procedure=definitions.load(session, run.file_digest),
            size=_range(definitions.load(session, run.file_digest)),
            output_unit=_output_unit(definitions.load(session, run.file_digest)),
        )


def _range(procedure: Procedure) -> str:
    size = procedure.header.batch_size
    return "" if size is None else f"{size.minimum:f} – {size.maximum:f} {size.unit}"


def _output_unit(procedure: Procedure) -> str:
    """What the output is counted in: pieces, where the recipe gives a plain number."""
    size = procedure.header.batch_size
    unit = size.output_unit if size is not None else None
    return _("pieces") if unit in (None, "1") else symbol(unit)


def _conditions(session: Session, batch: Batch, run: ProcedureRun) -> list[Condition]:
    """What the opening will ask, found by the same checks (URS-EXE-020)."""
    return [
        _version_condition(session, batch),
        *gates.conditions(session, START_GATE, record=run.stream),
    ]


def _version_condition(session: Session, batch: Batch) -> Condition:
    name = f"{batch.recipe} v{batch.recipe_version}"
    try:
        definitions.startable(session, batch.recipe, batch.recipe_version, at=moment(session).site)
    except Refusal as refusal:
        return Condition(rule=refusal.rule, met=False, fact=refusal.fact, resolver=refusal.resolver)
    return Condition(
        rule="version.effective",
        met=True,
        fact=_("%(name)s is effective and its stored content is unchanged", name=name),
    )


@bp.post("/batches/<number>/open")
@needs("batch.issue")
def open_batch(number: str) -> Response:
    """Open the control recipe; its first step is checking and issuing it."""
    perform(commands.open_batch, number, record=f"batch/{number}")
    return go_on(url_for("ebr.queue"))


@bp.post("/batches/<number>/cancel")
@needs("batch.plan")
def cancel(number: str) -> Response:
    """Cancel a planned batch; its number stays in the register with the reason."""
    reason = request.form.get("reason", "")
    perform(commands.cancel_batch, number, reason, record=f"batch/{number}")
    return go_on(url_for(".batches"))
