"""Review by exception, review of the audit trail, release decision, deviations (W6, W8, W9).

Every decision is signed by the same dialog; what blocks a decision is computed by the gate that
the decision itself runs, never by the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ebr import queries as records
from ebr.commands import exceptions as cases
from ebr.commands.exceptions import ExceptionReference
from ebr.models import ExceptionState, ProcedureRun, RunState
from ebr.report.model import ExceptionView, RecordView
from ebr.report.stepmodel import StepView
from quality import queries, standings
from quality.commands import deviations, release, reviews
from quality.commands.deviations import NewDeviation
from quality.commands.release import DecideBatch
from quality.commands.reviews import ItemDecision
from quality.kinds.reviewing import MEANING
from quality.models import Decision, Deviation, ReviewKind, ReviewState
from quality.queries import Finding
from web import desk, deviation_views, identity, inputs, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.record_views import view_of
from web.sentences import REPORTED, said
from web.signing import Page, SignedAct, go_on, signed
from web.tables import Column
from workflows import queries as definitions

bp = Blueprint("quality", __name__)
REVIEW = "review.quality"
RELEASE = "release.decide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to look at in a review: an exception, a correction, a finding of the trail."""

    key: str
    kind: str
    title: str
    state: str
    place: str


@bp.get("/reviews", endpoint="reviews")
@needs(REVIEW)
def reviews_page() -> Page:
    """Batches by how far their review is."""
    with identity.house().reading() as session:
        runs = [run for run in records.runs(session) if run.stream.startswith("batch/")]
        stands, undecided = standings.standings(session), standings.open_exceptions(session)
        rows = [
            _row(run, stands.get(run.stream, standings.Standing()), undecided.get(run.id, 0))
            for run in reversed(runs)
            if run.started_at is not None
        ]
    columns = [
        Column(key="number", label=_("Batch"), link="address"),
        Column(key="title", label=_("Product")),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="open", label=_("To decide"), numeric=True),
        Column(key="review", label=_("Review")),
        Column(key="trail", label=_("Audit trail")),
        Column(key="decision", label=_("Decision")),
    ]
    table = tables.table("reviews", _("Review and release"), columns, rows)
    return desk.table_page("quality/reviews.html", table)


def _row(run: ProcedureRun, stands: standings.Standing, undecided: int) -> dict[str, Any]:
    decided = stands.decision
    return {
        "number": run.number,
        "address": url_for(".review", number=run.number),
        "title": run.title,
        "state": run.state,
        "open": undecided,
        "review": standing(stands.review.state),
        "trail": standing(stands.trail.state),
        "decision": _decision_words(decided.decision) if decided else _("not decided"),
    }


def standing(state: str) -> str:
    """How far a review is, in words."""
    return {
        "missing": _("not begun"),
        "open": _("in progress"),
        "signed": _("signed"),
        "stale": _("out of date"),
    }.get(state, state)


def _decision_words(decision: str) -> str:
    return {
        Decision.RELEASE_FOR_PACKAGING: _("released for packaging"),
        Decision.RELEASE: _("released"),
        Decision.REJECT: _("rejected"),
    }[Decision(decision)]


@bp.get("/reviews/<number>")
@needs(REVIEW)
def review(number: str) -> Page:
    """Counts, the list of what departs from the recipe, and the evidence of the chosen one."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        found = queries.findings(session, record.record)
        items = _items(record, found)
        only = request.args.get("only", "open")
        chosen = _chosen(items, request.args.get("item"), only)
        return render_template(
            "quality/review.html",
            record=record,
            items=[item for item in items if _shown(item, only)],
            counts=_counts(record, found),
            only=only,
            chosen=chosen,
            case=_case(record, chosen),
            evidence=_evidence(record, chosen),
            deviation=_deviation(session, record, chosen),
            findings=found,
            progress=_progress(record),
            review=queries.review(session, record.record, ReviewKind.QUALITY),
            production=queries.review_facts(
                queries.review(session, record.record, ReviewKind.PRODUCTION)
            ),
            trail=queries.audit_trail_facts(session, record.record),
            standing=standing,
            decisions=_decisions(),
            review_states=ReviewState,
        )


def _items(record: RecordView, found: Sequence[Finding]) -> list[Item]:
    listed = [
        Item(
            key=f"e{case.number}",
            kind=case.severity,
            title=spoken(case),
            state="open" if case.state == ExceptionState.OPEN else "decided",
            place=f"{case.step} {case.step_name}".strip() or _("record"),
        )
        for case in sorted(record.exceptions, key=_gravest_first)
    ]
    listed += [
        Item(
            key=f"c{index}",
            kind=_("correction"),
            title=f"{change.label}: {change.old} → {change.new}",
            state="listed",
            place=f"{change.step} {change.step_name}",
        )
        for index, change in enumerate(record.corrections)
    ]
    listed += [
        Item(
            key=f"f{i}",
            kind=_("finding"),
            title=said(line.what),
            state="listed",
            place=states.words_of(line.kind),
        )
        for i, line in enumerate(found)
    ]
    return listed


def spoken(case: ExceptionView) -> str:
    """The text of an exception in the language of the reader; what a person reported stays."""
    return case.text if case.type == REPORTED else said(case.text)


def _gravest_first(case: ExceptionView) -> tuple[int, int]:
    order = ("critical", "major", "minor", "information")
    return order.index(case.severity), case.number


FILTERS: dict[str, Callable[[Item], bool]] = {
    "open": lambda item: item.state == "open",
    "exceptions": lambda item: item.key.startswith("e"),
    "corrections": lambda item: item.key.startswith("c"),
    "findings": lambda item: item.key.startswith("f"),
    "everything": lambda _item: True,
}


def _shown(item: Item, only: str) -> bool:
    return FILTERS.get(only, FILTERS["everything"])(item)


def _chosen(items: Sequence[Item], key: str | None, only: str) -> Item | None:
    wanted = next((item for item in items if item.key == key), None)
    return wanted or next((item for item in items if _shown(item, only)), None)


def _counts(record: RecordView, found: Sequence[Finding]) -> list[tuple[str, str, int]]:
    undecided = record.summary.exceptions_open
    everything = len(record.exceptions) + len(record.corrections) + len(found)
    return [
        ("open", _("To decide"), undecided),
        ("exceptions", _("Exceptions"), len(record.exceptions)),
        ("corrections", _("Corrections"), len(record.corrections)),
        ("findings", _("Audit-trail findings"), len(found)),
        ("everything", _("Everything"), everything),
    ]


def _case(record: RecordView, chosen: Item | None) -> ExceptionView | None:
    if chosen is None or not chosen.key.startswith("e"):
        return None
    return next(case for case in record.exceptions if f"e{case.number}" == chosen.key)


def _evidence(record: RecordView, chosen: Item | None) -> StepView | None:
    """The performance of the step that the chosen item is about."""
    case = _case(record, chosen)
    if case is not None:
        return next((s for s in record.steps() if case.number in s.exceptions), None)
    if chosen is not None and chosen.key.startswith("c"):
        change = record.corrections[int(chosen.key[1:])]
        return next(
            (
                step
                for step in record.steps()
                if (step.key, step.occurrence) == (change.step, change.occurrence)
            ),
            None,
        )
    return None


def _deviation(session: Session, record: RecordView, chosen: Item | None) -> Deviation | None:
    case = _case(record, chosen)
    if case is None:
        return None
    return queries.deviation_of_exception(session, record.record, case.number)


def _progress(record: RecordView) -> tuple[int, int]:
    wanting = [case for case in record.exceptions if case.state != ExceptionState.LISTED]
    return sum(1 for case in wanting if case.state == ExceptionState.DECIDED), len(wanting)


def _decisions() -> list[tuple[str, str]]:
    return [
        ("accepted", _("Accept")),
        ("accepted_after_review", _("Accept after review")),
        ("not_accepted", _("Do not accept")),
    ]


@bp.post("/reviews/<number>/start")
@needs(REVIEW)
def start(number: str) -> Response:
    """Begin the quality unit's review; it may begin while the batch runs."""
    perform(
        reviews.start_review,
        number,
        ReviewKind.QUALITY,
        record=f"batch/{number}",
        by=identity.actor(),
    )
    return go_on(url_for(".review", number=number))


@bp.post("/reviews/<number>/items/<int:exception>")
@needs(REVIEW)
def decide(number: str, exception: int) -> Page:
    """Decide one exception with reason and signature; the next open one follows."""
    allowed = tuple(code for code, _label in _decisions())
    item = ItemDecision(
        record=number,
        exception=exception,
        decision=inputs.chosen("decision", _("Decision"), allowed),
        reason=inputs.text("reason", _("Reason")),
    )
    return signed(
        SignedAct(
            command=reviews.decide_item,
            arguments=(item,),
            record=f"batch/{number}",
            meaning="reviewed",
            title=_("Decision on exception %(n)s", n=exception),
            done=url_for(".review", number=number),
        )
    )


@bp.post("/reviews/<number>/trail")
@needs(REVIEW)
def review_trail(number: str) -> Page:
    """Sign the review of the audit trail over the list that was shown."""
    return signed(
        SignedAct(
            command=reviews.review_audit_trail,
            arguments=(number, inputs.text("conclusion", _("Conclusion"))),
            record=f"batch/{number}",
            meaning="reviewed",
            title=_("Review of the audit trail"),
            done=url_for(".review", number=number),
        )
    )


@bp.post("/reviews/<number>/finish")
@needs(REVIEW)
def finish(number: str) -> Page:
    """Sign that the review is finished; refused while one exception is undecided."""
    return signed(
        SignedAct(
            command=reviews.finish_review,
            arguments=(number, ReviewKind.QUALITY, inputs.text("statement", _("Statement"))),
            record=f"batch/{number}",
            meaning="reviewed",
            title=_("Review of %(number)s", number=number),
            done=url_for(".decision", number=number),
        )
    )


@bp.get("/release/<number>")
@needs("record.read")
def decision(number: str) -> Page:
    """Every condition of the release with its evidence, and the decision (W8)."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        conditions = queries.release_conditions(session, number, by=identity.me().badge)
        decided = queries.decision(session, record.record)
        return render_template(
            "quality/release.html",
            record=record,
            conditions=conditions,
            blocked=[condition for condition in conditions if not condition.met],
            snapshot=queries.snapshot(session, record.record),
            offered=queries.release_of(session, records.run_of(session, number)),
            decided=decided,
            words=_decision_words(decided.decision) if decided else "",
            voided=queries.voided(session, decided) if decided else None,
            ended=record.header.state in (RunState.COMPLETE, RunState.STOPPED, RunState.ABORTED),
        )


@bp.post("/release/<number>")
@needs(RELEASE)
def decide_batch(number: str) -> Page:
    """Release or reject, signed over the snapshot and every condition."""
    wanted = Decision(inputs.chosen("decision", _("Decision"), tuple(d.value for d in Decision)))
    reason = inputs.text("reason", _("Reason or statement"))
    return signed(
        SignedAct(
            command=release.decide_batch,
            arguments=(DecideBatch(record=number, decision=wanted, reason=reason),),
            record=f"batch/{number}",
            meaning=release.MEANING[wanted],
            title=_("Decision about %(number)s", number=number),
            done=url_for(".decision", number=number),
        )
    )


@bp.get("/batches/<number>/production-review")
@needs("review.production")
def production_review(number: str) -> Page:
    """What the shift supervisor comments before the production review is signed (step Z040)."""
    with identity.house().reading() as session:
        record = view_of(session, number)
        return render_template(
            "quality/production_review.html",
            step=_review_step(session, number),
            record=record,
            missing=[
                case
                for case in record.exceptions
                if case.state == ExceptionState.OPEN and not case.comment
            ],
            production=queries.review_facts(
                queries.review(session, record.record, ReviewKind.PRODUCTION)
            ),
            standing=standing,
        )


def _review_step(session: Session, number: str) -> str:
    """The page of the open step whose signature is the production review; empty without one."""
    run = records.run_of(session, number)
    procedure = definitions.load(session, run.file_digest)
    return next(
        (
            url_for("ebr.step", number=number, key=step.key, occurrence=step.occurrence)
            for step in records.open_steps(session, run)
            if procedure.step(step.key).signature.meaning == MEANING
        ),
        "",
    )


@bp.post("/batches/<number>/production-review/<int:exception>")
@needs("exception.comment")
def comment(number: str, exception: int) -> Response:
    """Say what happened and what was done about one exception."""
    perform(
        cases.comment_exception,
        ExceptionReference(record=number, number=exception),
        inputs.text("comment", _("Comment")),
        record=f"batch/{number}",
    )
    return go_on(url_for(".production_review", number=number))


@bp.get("/deviations")
@needs("record.read")
def deviation_list() -> Page:
    """Deviations, open ones first when sorted by state; none is ever deleted."""
    with identity.house().reading() as session:
        rows = [deviation_views.row(found) for found in queries.deviations(session)]
    columns = [
        Column(key="number", label=_("Number"), link="address"),
        Column(key="title", label=_("What")),
        Column(key="severity", label=_("Severity"), kind="state"),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="batch", label=_("Batch"), link="batch_address"),
        Column(key="found", label=_("Found"), kind="time"),
        Column(key="closed", label=_("Closed"), kind="time"),
    ]
    return desk.table_page(
        "quality/deviations.html", tables.table("deviations", _("Deviations"), columns, rows)
    )


@bp.get("/deviations/<number>")
@needs("record.read")
def deviation(number: str) -> Page:
    """Head card and conclusion of one deviation, with the records that it concerns (W9)."""
    with identity.house().reading() as session:
        found = queries.deviation(session, number)
        record = view_of(session, found.record) if found.record else None
        return render_template(
            "quality/deviation.html",
            deviation=found,
            shown=deviation_views.shown(session, found),
            record=record,
            case=deviation_views.case_of(found, record),
        )


@bp.post("/deviations/<number>/close")
@needs("deviation.manage")
def close_deviation(number: str) -> Page:
    """Close a deviation with its conclusion, signed."""
    return signed(
        SignedAct(
            command=deviations.close_deviation,
            arguments=(number, inputs.text("conclusion", _("Conclusion"))),
            record=f"deviation/{number}",
            meaning="approved",
            title=_("Close %(number)s", number=number),
            done=url_for(".deviation", number=number),
        )
    )


@bp.post("/reviews/<number>/items/<int:exception>/deviation")
@needs("exception.raise")
def open_deviation(number: str, exception: int) -> Response:
    """Open a deviation out of an exception."""
    with identity.house().reading() as session:
        run = records.run_of(session, number)
        case = records.exception_of(session, run, exception)
        new = NewDeviation(
            title=inputs.text("title", _("Title")),
            severity=case.severity,
            record=run.stream,
            exception=exception,
        )
    made = perform(deviations.open_deviation, new, record=f"batch/{number}")
    return go_on(url_for(".deviation", number=made))
