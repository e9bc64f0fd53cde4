"""The logbook of a unit for a period: use, cleaning, calibration, maintenance, faults in order.

The lines are those that were written as the work was done (211.182, URS-EQP-030), with the orders,
faults and changes of status of the same days. A period without any says so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.models import Signature
from audit.streams import Stream
from core.actors import Actor
from core.db import site_of
from ebr.printables import Draft, Subject
from ebr.report import sheet, words
from ebr.report.period import NOT_OVER, Period, period_of
from ebr.report.scope import Scope
from ebr.report.sheet import Column, Form, Names, Place, Sheet, Table
from ebr.report.sheetprinting import SheetKind
from ebr.report.stepmodel import Pair
from hardware import queries as units
from hardware.models import Calibration, Equipment, EquipmentStateEvent, LogbookLine
from hardware.words import LogKind
from maintenance import queries
from maintenance.models import MaintenanceOrder, OrderState, Trigger

READ = "equipment.read"
FORMAT = "batchwright-logbook 1"
LINES = (
    Column(code="line", title="No.", share=4, form=Form.NUMBER),
    Column(code="kind", title="Kind", share=13, form=Form.STRONG),
    Column(code="time", title="From, to", share=20),
    Column(code="what", title="Batch, product, remark", share=21),
    Column(code="performed", title="Performed by", share=11),
    Column(code="checked", title="Checked by, at", share=13),
    Column(code="signed", title="Signed", share=18, form=Form.SIGNED),
)
ORDERS = (
    Column(code="number", title="Order", share=9, form=Form.STRONG),
    Column(code="trigger", title="Came of", share=9),
    Column(code="state", title="State", share=12, form=Form.STATE),
    Column(code="what", title="What was to be done, what was done", share=27),
    Column(code="opened", title="Opened at, by", share=22),
    Column(code="signed", title="Signed", share=21, form=Form.SIGNED),
)
CALIBRATIONS = (
    Column(code="performed", title="Performed at, by", share=26),
    Column(code="certificate", title="Certificate", share=20, form=Form.STRONG),
    Column(code="found", title="As found", share=10),
    Column(code="left", title="As left", share=10),
    Column(code="due", title="Next due", share=17),
    Column(code="remark", title="Remark", share=17),
)
CHANGES = (
    Column(code="at", title="At", share=22),
    Column(code="what", title="What", share=14),
    Column(code="before", title="Before", share=16),
    Column(code="after", title="After", share=16),
    Column(code="batch", title="Batch", share=10),
    Column(code="by", title="By, reason", share=22),
)


class Logbook(SheetKind):
    """The subject names unit and days: ``unit``, ``since``, ``until``."""

    name = "logbook"
    template = "equipment logbook 1"

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope, NotFound or NoPeriod."""
        Scope(session, None).require(READ, by=by)
        units.equipment(session, subject.get("unit", ""))
        period_of(session, subject, sheet.place_of(session))

    def draft(self, session: Session, subject: Subject) -> Draft:
        """The lines of the period as they stand now."""
        place = sheet.place_of(session)
        unit = units.equipment(session, subject["unit"])
        period = period_of(session, subject, place)
        return sheet.draft_of(
            session,
            _sheet(session, unit, period, place),
            stream=Stream("equipment", unit.number),
            name=f"{unit.number} logbook {period.file_words}",
            data_name="logbook.json",
        )


def _sheet(session: Session, unit: Equipment, period: Period, place: Place) -> Sheet:
    lines = [
        line
        for line in units.logbook(session, unit.number)
        if line.started_at < period.until and line.ended_at >= period.since
    ]
    orders = [each for each in queries.orders(session, equipment=unit.number)
              if _touches(each, period)]  # fmt: skip
    unsettled = sum(each.state != OrderState.CLOSED for each in orders)
    return Sheet(
        format=FORMAT,
        title="Equipment logbook",
        subject=f"{unit.number} {unit.name}",
        version=period.words,
        place=place,
        state="open" if unsettled else "complete",
        words=f"{unsettled} not closed" if unsettled else "nothing open",
        facts=_facts(unit, period, place, lines),
        statement=_statement(lines, orders, unsettled),
        tables=_tables(session, unit, period, place, lines, orders),
        mark="" if period.over else NOT_OVER,
    )


def _touches(order: MaintenanceOrder, period: Period) -> bool:
    """Opened, worked on or verified in the period, or standing open all through it."""
    ended = order.verified_at or datetime.max.replace(tzinfo=period.until.tzinfo)
    return order.opened_at < period.until and ended >= period.since


def _facts(
    unit: Equipment, period: Period, place: Place, lines: Sequence[LogbookLine]
) -> list[Pair]:
    counted = Counter(line.kind for line in lines)
    told = ", ".join(f"{counted[kind.value]} {kind.value}" for kind in LogKind)
    return [
        Pair(name="Unit", text=f"{unit.number} {unit.name}"),
        Pair(name="Class, room", text=f"{words.plain(unit.equipment_class)}, {unit.room or '–'}"),
        Pair(name="From", text=place.at(period.since)),
        Pair(name="Until before", text=place.at(period.until)),
        Pair(name="Lines", text=f"{len(lines)} ({told})"),
        Pair(name="Numbers of lines", text=_numbers(lines)),
    ]


def _numbers(lines: Sequence[LogbookLine]) -> str:
    """The numbers that are listed, as ranges: a line that is missing would show."""
    told: list[str] = []
    first = last = None
    for number in sorted(line.line for line in lines):
        if last is None or number != last + 1:
            told += [] if first is None else [_range(first, last)]
            first = number
        last = number
    return ", ".join([*told, _range(first, last)]) if first is not None else "none"


def _range(first: int, last: int | None) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _statement(
    lines: Sequence[LogbookLine], orders: Sequence[MaintenanceOrder], unsettled: int
) -> str:
    if not lines and not orders:
        return "Nothing was done with this unit in this period, and no order stood open."
    faults = sum(order.trigger == Trigger.FAULT for order in orders)
    late = sum(line.late for line in lines)
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    return (
        f"{count}, {late or 'none'} written late. Faults: {faults or 'none'}."
        f" Orders: {len(orders) or 'none'}, not closed: {unsettled or 'none'}."
    )


def _tables(
    session: Session,
    unit: Equipment,
    period: Period,
    place: Place,
    lines: Sequence[LogbookLine],
    orders: Sequence[MaintenanceOrder],
) -> list[Table]:
    records = {line.record for line in lines if line.record and _is_work(line.record)}
    signed = _signed(session, {*records, *(f"order/{order.number}" for order in orders)})
    replaced = {line.supersedes_id for line in lines}
    names = Names(session)
    return [
        Table(
            code="lines", title="Lines of the log", columns=LINES,
            rows=[_line(line, place, signed, replaced=line.id in replaced) for line in lines],
            nothing="No line: the unit was not used, cleaned, maintained or calibrated.",
        ),
        Table(
            code="orders", title="Faults and maintenance orders", columns=ORDERS,
            rows=[_order(each, place, names, signed) for each in orders],
            nothing="No fault was reported, and no order was open in this period.",
            note="Opened in the period or still open in it, as they stand now.",
        ),
        Table(
            code="calibrations", title="Calibrations", columns=CALIBRATIONS,
            rows=[_calibration(each, place, names)
                  for each in units.calibrations(session, unit.number)
                  if period.since <= each.performed_at < period.until],
            nothing="No calibration was performed in this period.",
        ),
        Table(
            code="status", title="Changes of status", columns=CHANGES,
            rows=[_change(each, place, names)
                  for each in units.status_history(session, unit.number)
                  if period.since <= each.at < period.until],
            nothing="The status of the unit did not change in this period.",
        ),
    ]  # fmt: skip


def _is_work(record: str) -> bool:
    """A record of its own work; the signatures of a batch stand in the record of the batch."""
    return not record.startswith("batch/")


def _signed(session: Session, records: set[str]) -> Mapping[str, list[Signature]]:
    """Signatures on the whole of a cleaning, an order or a calibration, by its record."""
    found: dict[str, list[Signature]] = defaultdict(list)
    query = (
        select(Signature)
        .where(Signature.site_id == site_of(session), Signature.record.in_(sorted(records)))
        .order_by(Signature.at, Signature.id)
    )
    for row in session.scalars(query):
        if row.object == row.record.partition("/")[2]:
            found[row.record].append(row)
    return found


def _line(
    line: LogbookLine,
    place: Place,
    signed: Mapping[str, list[Signature]],
    *,
    replaced: bool,
) -> tuple[str, ...]:
    kind = words.capital(words.plain(line.kind))
    kind += "\nLATE" if line.late else ""
    kind += "\nREPLACED by a later line" if replaced else ""
    what = [text for text in (line.batch, line.product, line.remark) if text]
    if line.record and line.record.partition("/")[2] != line.batch:
        what.append(f"Record {line.record.partition('/')[2]}")
    checked = "–"
    if line.checked_by is not None:
        checked = f"{line.checker_name} ({line.checked_by})\n{place.at(line.checked_at)}"
    return (
        str(line.line),
        kind,
        f"{place.at(line.started_at)}\n{place.at(line.ended_at)}",
        "\n".join(what) or "–",
        f"{line.performer_name} ({line.performed_by})"
        if line.performer_name != line.performed_by else line.performer_name,
        checked,
        sheet.signed(place, signed.get(line.record or "", ())),
    )  # fmt: skip


def _order(
    order: MaintenanceOrder,
    place: Place,
    names: Names,
    signed: Mapping[str, list[Signature]],
) -> tuple[str, ...]:
    done = f"\nDone: {order.work}" if order.work else ""
    batch = f"\nBatch {order.batch}" if order.batch else ""
    return (
        order.number,
        words.plain(order.trigger),
        order.state,
        f"{order.title}{batch}{done}",
        f"{place.at(order.opened_at)}\n{names.then(order.opened_by, order.opened_at)}",
        sheet.signed(place, signed.get(f"order/{order.number}", ())),
    )


def _calibration(found: Calibration, place: Place, names: Names) -> tuple[str, ...]:
    return (
        f"{place.at(found.performed_at)}\n{names.then(found.performed_by, found.recorded_at)}",
        found.certificate,
        found.as_found,
        found.as_left,
        place.at(found.due_at),
        found.remark or "–",
    )


def _change(event: EquipmentStateEvent, place: Place, names: Names) -> tuple[str, ...]:
    reason = f"\n{event.reason}" if event.reason else ""
    return (
        place.at(event.at),
        words.plain(event.dimension),
        _value(event.before, place),
        _value(event.after, place),
        event.batch or "–",
        f"{names.then(event.actor, event.at)}{reason}",
    )


def _value(text: str | None, place: Place) -> str:
    """A status as words; a moment in the time of the site."""
    if text is None:
        return "–"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return words.plain(text)
    return place.at(moment) if moment.tzinfo is not None else text
