"""The batch register as of the end of a day: every number ever drawn, and why one is missing.

It is read from the sealed entries, never from where the batches stand today: planned, running,
held, cancelled, aborted and decided batches stand in it as they stood then (URS-EXE-020, 211.180).
A number without a batch is explained by the entry that skipped it, or named as unexplained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from audit.models import Entry
from audit.streams import SITE
from audit.touching import changes_of, touching
from core.actors import Actor
from core.house import moment
from documents import states
from documents.units import symbol
from ebr.printables import Draft, Subject
from ebr.report import sheet, words
from ebr.report.period import DAY_NOT_OVER, NoPeriod, day_of, midnight
from ebr.report.scope import Scope
from ebr.report.sheet import Column, Form, Place, Sheet, Table
from ebr.report.sheetprinting import SheetKind
from ebr.report.stepmodel import Pair
from production.rules import batch_number

READ = "record.read"
FORMAT = "batchwright-register 1"
TABLES = (
    "batch",
    "procedure_run",
    "number_series",
    "release_decision",
    "decision_voided",
)
ENDED_BY_REASON = ("cancelled", "aborted", "stopped", "held")
BATCHES = (
    Column(code="number", title="Batch", share=8, form=Form.STRONG),
    Column(code="product", title="Product, recipe", share=19),
    Column(code="order", title="Size, order", share=10),
    Column(code="planned", title="Planned at, by", share=17),
    Column(code="state", title="State then", share=12, form=Form.STATE),
    Column(code="course", title="Begun, ended, why", share=17),
    Column(code="decision", title="Decision, signed", share=17),
)
GAPS = (
    Column(code="numbers", title="Numbers", share=24, form=Form.STRONG),
    Column(code="count", title="How many", share=10, form=Form.NUMBER),
    Column(code="explanation", title="Explanation", share=66),
)
SERIES = (
    Column(code="name", title="Series", share=30, form=Form.STRONG),
    Column(code="first", title="First number", share=18),
    Column(code="last", title="Last number drawn", share=22),
    Column(code="drawn", title="Numbers drawn or skipped", share=30, form=Form.NUMBER),
)
UNEXPLAINED = "UNEXPLAINED: no entry says what became of it"


@dataclass(slots=True)
class Line:
    """A batch as the entries told it up to the moment asked for."""

    number: str
    batch: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    planned: str = "–"
    reason: str = ""
    decision: str = ""

    @property
    def state(self) -> str:
        """The state of the run; a batch that never began is cancelled, not aborted."""
        if self.batch.get("cancelled_at"):
            return "cancelled"
        return str(self.run.get("state", "planned"))


@dataclass(slots=True)
class Series:
    """A number series: its first number, the next one then, and what skipped numbers of it."""

    name: str
    prefix: str
    digits: int
    first: int
    next: int
    skipped: dict[int, str] = field(default_factory=dict)

    def number(self, place: int) -> str:
        """The number at a place of the series."""
        return batch_number(self.prefix, place, self.digits)


@dataclass(slots=True)
class Known:
    """Everything that the entries tell about batches and their numbers."""

    place: Place
    lines: dict[str, Line] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)
    decisions: dict[str, str] = field(default_factory=dict)

    def line(self, number: str) -> Line:
        """The line of a number, made when it is named first."""
        return self.lines.setdefault(number, Line(number))


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a series, one after the other, that are no batch."""

    numbers: str
    count: int
    explanation: str

    @property
    def explained(self) -> bool:
        """Whether an entry says why."""
        return self.explanation != UNEXPLAINED


class BatchRegister(SheetKind):
    """The subject names the day: ``{"day": "2026-03-02"}``; a ``product`` narrows it."""

    name = "register"
    template = "batch register 1"

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope or NoPeriod."""
        Scope.of(session, subject).require(READ, by=by)
        _until(session, subject, sheet.place_of(session))

    def draft(self, session: Session, subject: Subject) -> Draft:
        """The register as the entries of that time tell it."""
        place, scope = sheet.place_of(session), Scope.of(session, subject)
        until = _until(session, subject, place)
        known = read(session, until, place)
        made = _sheet(known, subject["day"], until, scope, over=until <= moment(session).site)
        name = f"Batch register {subject['day']}{scope.file_words}"
        return sheet.draft_of(session, made, stream=SITE, name=name, data_name="register.json")


def _until(session: Session, subject: Subject, place: Place) -> datetime:
    """The end of the day. Raises NoPeriod for a day that has not begun."""
    day = day_of(subject, "day")
    if midnight(day, place.zone) > moment(session).site:
        raise NoPeriod(f"{day.isoformat()} is still to come", resolver="you, by another day")
    return midnight(day + timedelta(days=1), place.zone)


def read(session: Session, until: datetime, place: Place) -> Known:
    """What the entries before that moment tell about batches and their numbers."""
    known = Known(place)
    for entry in touching(session, TABLES, before=until):
        data = entry.data
        for change in changes_of(entry, "number_series"):
            _draw(known, change, entry, data)
        for change in changes_of(entry, "batch"):
            _plan(known, change, entry, data)
        for change in changes_of(entry, "procedure_run"):
            _move(known, change, data)
        for change in changes_of(entry, "release_decision"):
            _decide(known, change, data)
        for change in changes_of(entry, "decision_voided"):
            _void(known, change)
    return known


def _who(known: Known, entry: Entry, data: Mapping[str, Any]) -> str:
    actor = data["actor"]
    name = actor["name"] if actor["name"] == actor["id"] else f"{actor['name']} ({actor['id']})"
    return f"{known.place.at(entry.at)}\n{name}"


def _draw(known: Known, change: Mapping[str, Any], entry: Entry, data: Mapping[str, Any]) -> None:
    after, before = change["after"], change["before"]
    if before is None:
        known.series[after["name"]] = Series(
            after["name"], after["prefix"], after["digits"], after["next"], after["next"]
        )
        return
    found = known.series[after["name"]]
    came = range(found.next, after["next"])
    if data["action"] != "series.drawn" or len(came) != 1:
        what = words.action(data["action"])
        told = f"skipped by “{what}”: {_who(known, entry, data)}".replace("\n", ", ")
        if data["reason"]:
            told += f"\nReason: {data['reason']}"
        found.skipped.update(dict.fromkeys(came, told))
    found.next = after["next"]


def _plan(known: Known, change: Mapping[str, Any], entry: Entry, data: Mapping[str, Any]) -> None:
    line = known.line(change["after"]["number"])
    line.batch = change["after"]
    if change["before"] is None:
        line.planned = _who(known, entry, data)


def _move(known: Known, change: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    after, before = change["after"], change["before"]
    if not str(after["stream"]).startswith("batch/"):
        return
    line = known.line(after["number"])
    line.run = after
    if before is None or "state" in before:
        line.reason = data["reason"] or after.get("problem") or ""


def _decide(known: Known, change: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    after = change["after"]
    record = str(after["record"])
    signed = [
        f"{row['printed_name']} ({row['signer']})\n{row['meaning']} · {row['role']}\n"
        f"{known.place.at(datetime.fromisoformat(row['at']))}"
        for row in (each["after"] for each in data["changes"] if each["table"] == "signature")
    ]
    told = states.word(_disposition(after["decision"]))
    line = known.line(record.removeprefix("batch/"))
    line.decision = "\n".join([words.capital(told), *signed])
    known.decisions[change["id"]] = line.number


def _disposition(decision: str) -> str:
    """The word of a decision, as the batch then carries it."""
    return {"release_for_packaging": "released_for_packaging", "release": "released"}.get(
        decision, "rejected"
    )


def _void(known: Known, change: Mapping[str, Any]) -> None:
    number = known.decisions.get(str(change["after"]["decision_id"]))
    if number is not None:
        line = known.line(number)
        line.decision = f"UNDER REASSESSMENT\n{change['after']['because']}\nBefore: {line.decision}"


def gaps(known: Known) -> list[Gap]:
    """Every number of a series up to then that is no batch, and batches without a series."""
    found = [gap for series in known.series.values() for gap in _gaps_of(series, known.lines)]
    drawn = {
        series.number(place)
        for series in known.series.values()
        for place in range(series.first, series.next)
    }
    outside = sorted(set(known.lines) - drawn)
    return found + [
        Gap(number, 1, "a batch, but its number was not drawn from a series of this site")
        for number in outside
    ]


def _gaps_of(series: Series, lines: Mapping[str, Line]) -> Iterator[Gap]:
    missing = [
        place for place in range(series.first, series.next) if series.number(place) not in lines
    ]
    for first, last in _stretches(missing, series.skipped):
        numbers = series.number(first)
        if last > first:
            numbers += f" to {series.number(last)}"
        yield Gap(numbers, last - first + 1, series.skipped.get(first, UNEXPLAINED))


def _stretches(missing: Sequence[int], said: Mapping[int, str]) -> Iterator[tuple[int, int]]:
    """Runs of numbers one after the other with the same explanation."""
    start = 0
    for index, place in enumerate(missing):
        following = missing[index + 1] if index + 1 < len(missing) else None
        if following != place + 1 or said.get(following) != said.get(place):
            yield missing[start], place
            start = index + 1


def _sheet(known: Known, day: str, until: datetime, scope: Scope, *, over: bool) -> Sheet:
    lines = [known.lines[number] for number in sorted(known.lines, key=_in_order)]
    if scope.product is not None:
        lines = [line for line in lines if line.batch.get("product_code") == scope.product]
    found = gaps(known)
    unexplained = sum(gap.count for gap in found if not gap.explained)
    return Sheet(
        format=FORMAT,
        title="Batch register",
        subject=f"As of the end of {day}",
        version=scope.words,
        place=known.place,
        state="open" if unexplained else "complete",
        words=_accounted(unexplained),
        facts=[
            Pair(name="As of before", text=known.place.at(until)),
            Pair(name="Time zone", text=known.place.zone),
            Pair(name="Products", text=scope.words),
            Pair(name="Batches listed", text=str(len(lines))),
            Pair(name="Read from", text="sealed entries of the audit trail up to that moment"),
            Pair(name="By state", text=_by_state(lines)),
        ],
        statement=_statement(lines, found, unexplained, scope),
        tables=_tables(known, lines, found),
        mark="" if over else DAY_NOT_OVER,
    )


def _accounted(unexplained: int) -> str:
    if not unexplained:
        return "every number accounted for"
    return "1 number unexplained" if unexplained == 1 else f"{unexplained} numbers unexplained"


def _tables(known: Known, lines: Sequence[Line], found: Sequence[Gap]) -> list[Table]:
    return [
        Table(
            code="batches", title="Batches", columns=BATCHES,
            rows=[_row(line, known.place) for line in lines],
            nothing="No batch was planned up to then.",
        ),
        Table(
            code="gaps", title="Numbers without a batch", columns=GAPS,
            rows=[(gap.numbers, str(gap.count), gap.explanation) for gap in found],
            nothing="No gap: every number that was drawn is a batch of the register.",
        ),
        Table(
            code="series", title="Number series", columns=SERIES,
            rows=[_series_row(series) for series in known.series.values()],
            nothing="No number series was set up up to then.",
        ),
    ]  # fmt: skip


def _in_order(number: str) -> tuple[str, int, str]:
    """Numbers by their prefix, then as numbers: B-10000 comes after B-9999."""
    prefix = number.rstrip("0123456789")
    digits = number[len(prefix) :]
    return prefix, int(digits or 0), number


def _by_state(lines: Iterable[Line]) -> str:
    counted: dict[str, int] = {}
    for line in lines:
        counted[line.state] = counted.get(line.state, 0) + 1
    told = [f"{count} {states.word(state)}" for state, count in sorted(counted.items())]
    return ", ".join(told) or "none"


def _statement(lines: Sequence[Line], found: Sequence[Gap], unexplained: int, scope: Scope) -> str:
    whose = f" of product {scope.product}; others are not listed here" if scope.product else ""
    count = "1 batch" if len(lines) == 1 else f"{len(lines)} batches"
    if not found:
        return f"{count}{whose}. No number is missing."
    missing = sum(gap.count for gap in found)
    return (
        f"{count}{whose}. Numbers to explain: {missing},"
        f" explained: {missing - unexplained or 'none'}, unexplained: {unexplained or 'none'}."
    )


def _row(line: Line, place: Place) -> tuple[str, ...]:
    batch, run = line.batch, line.run
    size = f"{batch.get('size', '–')} {symbol(batch.get('size_unit')) or ''}".strip()
    return (
        line.number,
        f"{batch.get('product_code', '–')} {batch.get('product_name', '')}\n"
        f"{batch.get('recipe', '–')} v{batch.get('recipe_version', '–')}",
        f"{size}\n{batch.get('order_number', '–')}",
        line.planned,
        line.state,
        _course(line, run, place),
        line.decision or "not decided",
    )


def _course(line: Line, run: Mapping[str, Any], place: Place) -> str:
    told = [
        f"{word} {place.at(datetime.fromisoformat(run[name]))}"
        for word, name in (("begun", "started_at"), ("ended", "ended_at"))
        if run.get(name)
    ]
    if line.reason and line.state in ENDED_BY_REASON:
        told.append(f"Reason: {line.reason}")
    return "\n".join(told) or "not begun"


def _series_row(series: Series) -> tuple[str, ...]:
    last = series.number(series.next - 1) if series.next > series.first else "none yet"
    return (
        series.name, series.number(series.first), last, str(series.next - series.first)
    )  # fmt: skip
