"""The batch record viewer: one record, many tabs, all from the one view of `ebr.record` (W7).

What stands on the screen stands in the PDF in the same order. Charts and diagrams always have a
table beside them. Asking for a copy makes a job; copies are served from where they are stored.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import NotFound
from ebr import bundle, issuing
from ebr import queries as records
from ebr.models import Attachment
from ebr.report.model import RecordView
from ebr.report.stepmodel import StepView
from web import desk, identity, record_route, record_rows, record_timeline, record_views, tables
from web.access import needs, passive
from web.i18n import gettext as _
from web.performing import perform
from web.record_views import badge_of, view_of
from web.signing import Page, go_on
from web.tables import Column, Table
from workflows import queries as definitions

bp = Blueprint("record", __name__)
READ = "record.read"
DOWNLOADS = {"image/png", "image/jpeg", "application/pdf"}


def tabs(record: RecordView) -> list[tuple[str, str, str]]:
    """Endpoint, word and count of every tab."""
    return [
        ("record.timeline", _("Timeline"), ""),
        ("record.route", _("Route"), ""),
        ("record.values", _("Values"), str(record.summary.values)),
        ("record.trends", _("Trends"), ""),
        ("record.materials", _("Materials"), str(len(record.materials))),
        ("record.equipment", _("Equipment"), ""),
        ("record.signatures", _("Signatures"), str(len(record.signatures))),
        ("record.corrections", _("Corrections"), str(len(record.corrections))),
        ("record.exceptions", _("Exceptions"), str(len(record.exceptions))),
        ("record.attachments", _("Attachments"), str(len(record.attachments))),
        ("record.trail", _("Audit trail"), str(len(record.trail))),
    ]


def show(template: str, record: RecordView, **more: Any) -> str:
    """A tab of the record."""
    return render_template(template, record=record, tabs=tabs(record), **more)


def read(number: str) -> RecordView:
    """The view of a record for a tab. Raises NoSuchRun."""
    with identity.house().reading() as session:
        return view_of(session, number)


@bp.get("/batches/<number>/record")
@needs(READ)
def timeline(number: str) -> Page:
    """Steps by unit over time, with the evidence of the chosen step."""
    record = read(number)
    steps = list(record.steps())
    window = record_timeline.window(steps, request.args.get("zoom", ""))
    return show(
        "record/timeline.html",
        record,
        drawn=record_timeline.timeline(record, window),
        zooms=record_timeline.zooms(record),
        zoom=request.args.get("zoom", ""),
        chosen=_chosen(steps, request.args.get("step")),
        levels=record_timeline.listed(record),
    )


def _chosen(steps: list[StepView], path: str | None) -> StepView | None:
    if path:
        return next((step for step in steps if step.path == path), None)
    started = [step for step in steps if step.started_at is not None]
    return started[-1] if started else None


@bp.get("/batches/<number>/record/verified")
@passive
@needs(READ)
def verified(number: str) -> str:
    """Chain, signatures and rows of this record, checked up to its last entry.

    Asked with `fragment` the badge alone, without it a page around it.
    """
    with identity.house().reading() as session:
        badge = badge_of(session, records.run_of(session, number).stream)
        if "fragment" in request.args:
            return render_template("record/badge.html", badge=badge)
        return show("record/verified.html", view_of(session, number), badge=badge)


@bp.get("/batches/<number>/record/route")
@needs(READ)
def route(number: str) -> Page:
    """The diagram with what was done, beside an equal list."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        run = records.run_of(session, number)
        procedure = definitions.load(session, run.file_digest)
        shown = record_route.route(session, record, procedure, request.args.get("at"))
    return show("record/route.html", record, route=shown)


@bp.get("/batches/<number>/record/values")
@needs(READ)
def values(number: str) -> Page:
    """Every value in force with limits, worth and source; critical ones only on demand."""
    record = read(number)
    only = request.args.get("only", "")
    rows = [
        record_rows.value_row(record, step, value)
        for step in record.steps()
        for value in step.values
        if record_rows.is_asked(only, value)
    ]
    return _table("record/values.html", record, _("Values"), _value_columns(), rows, only=only)


def _value_columns() -> list[Column]:
    return [
        Column(key="step", label=_("Step"), link="address"),
        Column(key="label", label=_("Value")),
        Column(key="text", label=_("Recorded"), numeric=True),
        Column(key="limits", label=_("Limits")),
        Column(key="verdict", label=_("Judged"), kind="state"),
        Column(key="grade", label=_("Grade")),
        Column(key="source", label=_("Source")),
        Column(key="at", label=_("Time"), kind="time"),
        Column(key="by", label=_("By")),
    ]


@bp.get("/batches/<number>/record/trends")
@needs(READ)
def trends(number: str) -> Page:
    """Every trend of the record; gaps stay gaps, and its points stand in a table."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        run = records.run_of(session, number)
        found = record_views.trends(session, run, record)
    return show("record/trends.html", record, trends=found)


@bp.get("/batches/<number>/record/trends/<int:place>.csv")
@needs(READ)
def trend_csv(number: str, place: int) -> Response:
    """The points of one trend, in order."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        found = record_views.trends(session, records.run_of(session, number), record)
    if place >= len(found):
        raise NotFound(_("There is no such trend."), resolver=_("the list of trends"))
    return desk.file(found[place].as_csv(), "text/csv", f"{number} {found[place].name}.csv")


@bp.get("/batches/<number>/record/materials")
@needs(READ)
def materials(number: str) -> Page:
    """Material used and made, and what other packages add about it."""
    record = read(number)
    rows = [record_rows.material_row(record, use) for use in record.materials]
    columns = [
        Column(key="use", label=_("Use")),
        Column(key="material", label=_("Material")),
        Column(key="lot", label=_("Lot"), link="lot_address"),
        Column(key="container", label=_("Container")),
        Column(key="quantity", label=_("Quantity"), numeric=True),
        Column(key="step", label=_("Step"), link="address"),
        Column(key="at", label=_("Time"), kind="time"),
    ]
    return _table("record/materials.html", record, _("Materials"), columns, rows)


@bp.get("/batches/<number>/record/equipment")
@needs(READ)
def equipment(number: str) -> Page:
    """Units that were used, with their state and calibration at that time."""
    record = read(number)
    rows = [record_rows.equipment_row(record, use) for use in record.equipment]
    columns = [
        Column(key="unit", label=_("Unit"), link="unit_address"),
        Column(key="name", label=_("Name")),
        Column(key="use", label=_("Used as")),
        Column(key="state", label=_("State then")),
        Column(key="calibration", label=_("Calibrated until")),
        Column(key="step", label=_("Step"), link="address"),
        Column(key="at", label=_("Time"), kind="time"),
    ]
    return _table("record/equipment.html", record, _("Equipment"), columns, rows)


@bp.get("/batches/<number>/record/signatures")
@needs(READ)
def signatures(number: str) -> Page:
    """All signatures, superseded ones too, and the people behind them."""
    record = read(number)
    rows = [record_rows.signature_row(each) for each in record.signatures]
    columns = [
        Column(key="at", label=_("Signed at"), kind="time"),
        Column(key="name", label=_("Printed name")),
        Column(key="badge", label=_("Badge")),
        Column(key="role", label=_("Role")),
        Column(key="meaning", label=_("Meaning")),
        Column(key="what", label=_("What")),
        Column(key="remark", label=_("Remark")),
    ]
    return _table("record/signatures.html", record, _("Signatures"), columns, rows)


@bp.get("/batches/<number>/record/corrections")
@needs(READ)
def corrections(number: str) -> Page:
    """Old value, new value, reason, who, when; and results that were calculated again."""
    return show("record/corrections.html", read(number))


@bp.get("/batches/<number>/record/exceptions")
@needs(READ)
def exceptions(number: str) -> Page:
    """Every exception with comment and decision."""
    return show("record/exceptions.html", read(number))


@bp.get("/batches/<number>/record/attachments")
@needs(READ)
def attachments(number: str) -> Page:
    """Files of the record, named by their SHA-256."""
    record = read(number)
    return show("record/attachments.html", record)


@bp.get("/batches/<number>/record/attachments/<digest>")
@needs(READ)
def attachment(number: str, digest: str) -> Response:
    """The bytes of one file, exactly as kept; pictures and PDF open, the rest is downloaded."""
    with identity.house().reading() as session:
        found = _attachment(session, number, digest)
        data, media_type, name = bytes(found.data), found.media_type, found.name
    return desk.file(data, media_type, name, inline=media_type in DOWNLOADS)


def _attachment(session: Session, number: str, digest: str) -> Attachment:
    run = records.run_of(session, number)
    for each in records.attachments(session, run):
        if each.digest == digest:
            return each
    raise NotFound(
        _("%(number)s has no such file.", number=number), resolver=_("the list of attachments")
    )


@bp.post("/batches/<number>/record/pdf")
@needs(READ)
def ask_pdf(number: str) -> Response:
    """Ask for the PDF of the record as it is now: the stored one, or a job that makes it."""
    asked = perform(issuing.request_record, number, record=f"batch/{number}", tell=_asked)
    if asked["document"]:
        return go_on(url_for(".document", number=number, document=asked["document"]))
    return go_on(url_for(".copies", number=number, job=asked["job"]))


def _asked(answer: issuing.Asked) -> dict[str, str]:
    return {"document": str(answer.document or ""), "job": str(answer.job or "")}


@bp.post("/batches/<number>/record/bundle")
@needs("export.bundle")
def ask_bundle(number: str) -> Response:
    """Ask for the evidence bundle: a job makes, verifies and stores it."""
    job = perform(bundle.request_bundle, number, record=f"batch/{number}", tell=str)
    return go_on(url_for(".copies", number=number, job=job))


@bp.get("/batches/<number>/record/copies")
@needs(READ)
def copies(number: str) -> Page:
    """Documents issued of this record, and how far the asked one is."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        issued = issuing.documents_of(session, record.record)
        job = record_views.job_of(session, request.args.get("job", ""), record.record)
        page = "record/copies_list.html" if "fragment" in request.args else "record/copies.html"
        return show(page, record, issued=issued, job=job)


@bp.get("/batches/<number>/record/copies/<uuid:document>")
@needs(READ)
def document(number: str, document: UUID) -> Response:
    """The bytes of one issued document, checked against the digest of their issue."""
    with identity.house().reading() as session:
        stream = records.run_of(session, number).stream
        found = issuing.document(session, document)
        if found.record != stream:
            raise NotFound(
                _("%(number)s has no such document.", number=number),
                resolver=_("the list of copies"),
            )
        data = issuing.current_file(session, document)
        media_type, name = found.media_type, found.name
    return desk.file(data, media_type, name, inline=media_type in DOWNLOADS)


@bp.get("/batches/<number>/record/trail")
@needs("audit.read")
def trail(number: str) -> Page:
    """The audit trail in words, newest first, with refused attempts."""
    record = read(number)
    rows = [record_rows.trail_row(line) for line in reversed(record.trail)]
    columns = [
        Column(key="entry", label="#", numeric=True),
        Column(key="at", label=_("Site time"), kind="time"),
        Column(key="by", label=_("Who")),
        Column(key="action", label=_("What")),
        Column(key="what", label=_("Where")),
        Column(key="changes", label=_("Changes"), kind="list"),
        Column(key="reason", label=_("Reason")),
        Column(key="digest", label="SHA-256"),
    ]
    return _table("record/trail.html", record, _("Audit trail"), columns, rows)


def _table(
    template: str,
    record: RecordView,
    caption: str,
    columns: list[Column],
    rows: list[dict[str, Any]],
    **more: Any,
) -> Page:
    table: Table = tables.table("t", caption, columns, rows)
    return desk.table_page(template, table, record=record, tabs=tabs(record), **more)
