"""The exception report: every exception and deviation of one record, or of a period (URS-REP-010).

What was decided, by whom and why, with every signature on it; a period without any says so. For a
period it tells what was raised in those days, in the state in which it stands now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnExpressionArgument, select
from sqlalchemy.orm import Session

from audit.models import Signature
from audit.streams import SITE, Stream
from core.actors import Actor
from core.db import site_of
from documents import states
from ebr import access
from ebr import queries as records
from ebr.models import ExceptionCase, ExceptionState, ProcedureRun, StepRecord
from ebr.printables import Draft, Subject
from ebr.report import sheet, words
from ebr.report.period import NOT_OVER, Period, period_of
from ebr.report.scope import Scope
from ebr.report.sheet import Column, Form, Names, Place, Sheet, Table
from ebr.report.sheetprinting import SheetKind
from ebr.report.stepmodel import Pair
from quality.models import Deviation, DeviationState
from quality.trending import SEVERITIES
from workflows import queries as definitions

READ = "record.read"
FORMAT = "batchwright-exceptions 1"
CASES = (
    Column(code="case", title="Record, no., step", share=14, form=Form.STRONG),
    Column(code="severity", title="Severity", share=12, form=Form.STATE),
    Column(code="what", title="What departed", share=23),
    Column(code="raised", title="Raised at, by", share=15),
    Column(code="decision", title="Decision and reason", share=17),
    Column(code="signed", title="Signed", share=19, form=Form.SIGNED),
)
DEVIATIONS = (
    Column(code="number", title="Deviation", share=11, form=Form.STRONG),
    Column(code="severity", title="Severity", share=12, form=Form.STATE),
    Column(code="state", title="State", share=9, form=Form.STATE),
    Column(code="what", title="Title", share=19),
    Column(code="found", title="Found, opened by", share=14),
    Column(code="conclusion", title="Conclusion", share=16),
    Column(code="signed", title="Signed", share=19, form=Form.SIGNED),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Exceptions with run and step's key, and deviations, in the order they arose."""

    cases: Sequence[tuple[ExceptionCase, ProcedureRun, str | None]]
    deviations: Sequence[Deviation]


class ExceptionReport(SheetKind):
    """The subject names a record, ``{"record": "B-2045"}``, or days: ``since``, ``until``.

    A report of days may name a ``product``: who may read some products only has to.
    """

    name = "exceptions"
    template = "exception report 1"

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope, NoSuchRun or NoPeriod."""
        if "record" in subject:
            access.require(session, subject["record"], READ, by=by)
        else:
            Scope.of(session, subject).require(READ, by=by)
            period_of(session, subject, sheet.place_of(session))

    def draft(self, session: Session, subject: Subject) -> Draft:
        """The exceptions as they stand now."""
        place = sheet.place_of(session)
        if "record" in subject:
            run = records.run_of(session, subject["record"])
            made = _of_record(session, run, place)
            stream, name = Stream.parse(run.stream), f"{run.number} exceptions"
        else:
            period = period_of(session, subject, place)
            scope = Scope.of(session, subject)
            made = _of_period(session, period, scope, place)
            stream, name = SITE, f"Exceptions {period.file_words}{scope.file_words}"
        return sheet.draft_of(session, made, stream=stream, name=name, data_name="exceptions.json")


def _of_record(session: Session, run: ProcedureRun, place: Place) -> Sheet:
    cases = _cases(session, ExceptionCase.run_id == run.id)
    deviations = _deviations(session, Deviation.record == run.stream)
    facts = [
        Pair(name="Record", text=f"{run.number} {run.title}"),
        Pair(name="Recipe", text=f"{run.code} {run.version_label}"),
        Pair(name="Started", text=place.at(run.started_at)),
        Pair(name="Ended", text=place.at(run.ended_at)),
    ]
    mark = "" if run.ended_at is not None else "IN PROCESS"
    return _sheet(
        session, Found(cases, deviations), place,
        subject=run.number, version=f"{run.code} {run.version_label} · {states.word(run.state)}",
        facts=facts, where="in this record", mark=mark,
    )  # fmt: skip


def _of_period(session: Session, period: Period, scope: Scope, place: Place) -> Sheet:
    inside = (ExceptionCase.raised_at >= period.since, ExceptionCase.raised_at < period.until)
    streams = scope.streams()
    cases = [
        each for each in _cases(session, *inside) if streams is None or each[1].stream in streams
    ]
    deviations = [
        each
        for each in _deviations(
            session, Deviation.found_at >= period.since, Deviation.found_at < period.until
        )
        if streams is None or each.record in streams
    ]
    facts = [
        Pair(name="From", text=place.at(period.since)),
        Pair(name="Until before", text=place.at(period.until)),
        Pair(name="Products", text=scope.words),
        Pair(name="Time zone", text=place.zone),
    ]
    return _sheet(
        session, Found(cases, deviations), place,
        subject=period.words, version=scope.words,
        facts=facts, where="in this period", mark="" if period.over else NOT_OVER,
    )  # fmt: skip


def _cases(
    session: Session, *conditions: ColumnExpressionArgument[bool]
) -> list[tuple[ExceptionCase, ProcedureRun, str | None]]:
    query = (
        select(ExceptionCase, ProcedureRun, StepRecord.key)
        .join(ProcedureRun, ExceptionCase.run_id == ProcedureRun.id)
        .outerjoin(StepRecord, ExceptionCase.step_id == StepRecord.id)
        .where(ExceptionCase.site_id == site_of(session), *conditions)
        .order_by(ExceptionCase.raised_at, ProcedureRun.number, ExceptionCase.number)
    )
    return [(case, run, key) for case, run, key in session.execute(query)]


def _deviations(session: Session, *conditions: ColumnExpressionArgument[bool]) -> list[Deviation]:
    query = select(Deviation).where(Deviation.site_id == site_of(session), *conditions)
    return list(session.scalars(query.order_by(Deviation.found_at, Deviation.number)))


def _sheet(
    session: Session,
    found: Found,
    place: Place,
    *,
    subject: str,
    version: str,
    facts: Sequence[Pair],
    where: str,
    mark: str,
) -> Sheet:
    names, signed = Names(session), _signed(session, found)
    undecided = sum(case.state == ExceptionState.OPEN for case, _run, _key in found.cases)
    open_ones = sum(each.state == DeviationState.OPEN for each in found.deviations)
    settled = not undecided and not open_ones
    return Sheet(
        format=FORMAT,
        title="Exception report",
        subject=subject,
        version=version,
        place=place,
        state="complete" if settled else "open",
        words="nothing open" if settled else f"{undecided + open_ones} open",
        facts=[*facts, *_counts(found)],
        statement=_statement(found, undecided, open_ones, where),
        tables=[
            Table(
                code="exceptions", title="Exceptions", columns=CASES,
                rows=[_case_row(session, each, names, signed, place) for each in found.cases],
                nothing=f"No exception was raised {where}.",
            ),
            Table(
                code="deviations", title="Deviations", columns=DEVIATIONS,
                rows=[_deviation_row(each, names, signed, place) for each in found.deviations],
                nothing=f"No deviation was opened {where}.",
            ),
        ],
        mark=mark,
    )  # fmt: skip


def _counts(found: Found) -> list[Pair]:
    counted = Counter(case.severity for case, _run, _key in found.cases)
    told = ", ".join(f"{counted[severity]} {severity}" for severity in SEVERITIES)
    return [
        Pair(name="Exceptions", text=f"{len(found.cases)} ({told})"),
        Pair(name="Deviations", text=str(len(found.deviations))),
    ]


def _statement(found: Found, undecided: int, open_ones: int, where: str) -> str:
    if not found.cases and not found.deviations:
        return f"No exception was raised and no deviation was opened {where}."
    return (
        f"{_many(len(found.cases), 'exception')} {where}, {undecided or 'none'} undecided;"
        f" {_many(len(found.deviations), 'deviation')}, {open_ones or 'none'} open."
    )


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _signed(session: Session, found: Found) -> Mapping[tuple[str, str], list[Signature]]:
    """Signatures on exceptions and deviations by record and object, in the order of signing."""
    streams = {run.stream for _case, run, _key in found.cases}
    streams |= {f"deviation/{each.number}" for each in found.deviations}
    by_object: dict[tuple[str, str], list[Signature]] = defaultdict(list)
    named = sorted(streams)
    for start in range(0, len(named), 400):
        query = (
            select(Signature)
            .where(Signature.site_id == site_of(session))
            .where(Signature.record.in_(named[start : start + 400]))
            .order_by(Signature.at, Signature.id)
        )
        for row in session.scalars(query):
            by_object[row.record, row.object].append(row)
    return by_object


def _case_row(
    session: Session,
    each: tuple[ExceptionCase, ProcedureRun, str | None],
    names: Names,
    signed: Mapping[tuple[str, str], list[Signature]],
    place: Place,
) -> tuple[str, ...]:
    case, run, key = each
    step = f"\n{key} {definitions.load(session, run.file_digest).step(key).name}" if key else ""
    comment = f"\nComment: {case.comment}" if case.comment else ""
    if case.comment and case.commented_by:
        comment += f" ({names.then(case.commented_by, case.decided_at or case.raised_at)})"
    return (
        f"{run.number} no. {case.number}{step}",
        case.severity,
        f"{words.capital(words.plain(case.type))}\n{case.text}{comment}",
        f"{place.at(case.raised_at)}\n{names.then(case.raised_by, case.raised_at)}",
        _decision(case, names, place),
        sheet.signed(place, signed.get((run.stream, f"exception {case.number}"), ())),
    )


def _decision(case: ExceptionCase, names: Names, place: Place) -> str:
    if case.decision is None:
        return "none needed (information)" if case.state == ExceptionState.LISTED else "OPEN"
    decided = words.capital(words.word(words.DECISIONS, case.decision))
    by = names.then(case.decided_by, case.decided_at)
    return f"{decided}\n{case.decision_reason or '–'}\n{by}\n{place.at(case.decided_at)}"


def _deviation_row(
    found: Deviation,
    names: Names,
    signed: Mapping[tuple[str, str], list[Signature]],
    place: Place,
) -> tuple[str, ...]:
    about = [found.record or "", f"exception {found.exception}" if found.exception else ""]
    about.append(found.equipment or "")
    named = ", ".join(part for part in about if part)
    closed = "OPEN"
    if found.closed_at is not None:
        by = names.then(found.closed_by, found.closed_at)
        closed = f"{found.conclusion or '–'}\n{by}\n{place.at(found.closed_at)}"
    return (
        found.number,
        found.severity,
        found.state,
        found.title + (f"\nAbout {named}" if named else ""),
        f"{place.at(found.found_at)}\n{names.then(found.opened_by, found.found_at)}",
        closed,
        sheet.signed(place, signed.get((f"deviation/{found.number}", found.number), ())),
    )
