"""Equipment: status board by room, a unit with its log, calibrations and tags (W12).

The signed entries of the people who care for it (cleaning, orders, calibrations) are on
`web.maintenance`; here stands what the unit is and was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session

from core.clock import Moment
from core.house import moment
from hardware import queries
from hardware.models import Equipment
from hardware.rules import Obstacle
from hardware.words import Cleaning
from maintenance import queries as work
from maintenance.models import CleaningRecord, EntryState, MaintenanceOrder
from web import desk, filters, identity, live, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.signing import Page
from web.tables import Column

bp = Blueprint("hardware", __name__)
READ = "equipment.read"
SOON = timedelta(days=14)
JUST_NOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCard:
    """A unit on the board: one state word, and what limits its use."""

    unit: Equipment
    state: str
    batch: str
    cleaning: str
    calibration: str
    calibration_state: str
    obstacles: tuple[Obstacle, ...]
    orders: tuple[MaintenanceOrder, ...]


@bp.get("/equipment")
@needs(READ)
def equipment() -> Page:
    """Every unit by room; `only=attention` leaves those that keep somebody from working."""
    only = request.args.get("only", "")
    with identity.house().reading() as session:
        now = moment(session)
        orders = work.open_orders_by_unit(session)
        cards = [
            card_of(unit, orders.get(unit.number, []), now)
            for unit in queries.equipment_list(session)
        ]
        page = "hardware/board_part.html" if "fragment" in request.args else "hardware/board.html"
        shown = [card for card in cards if only != "attention" or _needs_attention(card)]
        return render_template(
            page,
            rooms=_by_room(shown),
            only=only,
            total=len(cards),
            attention=sum(1 for card in cards if _needs_attention(card)),
        )


def _by_room(cards: Sequence[UnitCard]) -> list[tuple[str, list[UnitCard]]]:
    rooms: dict[str, list[UnitCard]] = {}
    for card in cards:
        rooms.setdefault(card.unit.room or _("without room"), []).append(card)
    return sorted(rooms.items())


def _needs_attention(card: UnitCard) -> bool:
    return card.state in ("blocked", "out_of_service", "to_be_cleaned", "overdue")


def card_of(unit: Equipment, orders: Sequence[MaintenanceOrder], now: Moment) -> UnitCard:
    """The status of a unit at this moment, with its orders that are not closed."""
    cleaning = queries.cleaning_now(unit, now)
    days, state = _calibration(unit.calibration_due, now.site)
    return UnitCard(
        unit=unit,
        state=_state(unit, cleaning, state),
        batch=unit.allocated_to or "",
        cleaning=_cleaning_words(unit, cleaning, now.site),
        calibration=days,
        calibration_state=state,
        obstacles=tuple(queries.obstacles_for_its_batch(unit, now.site)),
        orders=tuple(orders),
    )


def _state(unit: Equipment, cleaning: Cleaning, calibration: str) -> str:
    if unit.blocked_reason is not None:
        return "blocked"
    if unit.maintenance_order is not None:
        return "out_of_service"
    if unit.allocated_to is not None:
        return "in_use"
    if calibration == "overdue":
        return "overdue"
    if cleaning is Cleaning.NOT_APPLICABLE:
        return "available"
    return str(cleaning.value)


def _calibration(due: datetime | None, at: datetime) -> tuple[str, str]:
    if due is None:
        return _("needs none"), "none"
    left = due - at
    if left <= timedelta(0):
        return _("overdue since %(span)s", span=filters.span(left)), "overdue"
    return _("%(days)s days left", days=left.days), "soon" if left < SOON else "valid"


def _cleaning_words(unit: Equipment, cleaning: Cleaning, at: datetime) -> str:
    if cleaning is Cleaning.CLEAN and unit.clean_until is not None:
        return _("clean, %(span)s left", span=filters.span(unit.clean_until - at))
    if cleaning is Cleaning.TO_BE_CLEANED and unit.dirty_since is not None:
        since = at - unit.dirty_since
        if since >= JUST_NOW:
            return _("to be cleaned for %(span)s", span=filters.span(since))
    return {
        Cleaning.CLEAN: _("clean"),
        Cleaning.TO_BE_CLEANED: _("to be cleaned"),
        Cleaning.IN_CLEANING: _("being cleaned"),
        Cleaning.NOT_APPLICABLE: _("needs no cleaning"),
    }[cleaning]


@bp.get("/equipment/<number>")
@needs(READ)
def unit(number: str) -> Page:
    """One unit: status, tags with their quality now, log, calibrations, orders."""
    with identity.house().reading() as session:
        found = queries.equipment(session, number)
        now = moment(session)
        log = tables.table("log", _("Logbook"), _log_columns(), _log(session, number))
        return desk.table_page(
            "hardware/unit.html",
            log,
            card=card_of(found, work.open_orders(session, number), now),
            unit=found,
            parts=queries.parts_of(session, number),
            tags=_tags(session, number),
            calibrations=list(reversed(queries.calibrations(session, number))),
            history=list(reversed(queries.status_history(session, number)))[:40],
            orders=list(reversed(work.orders(session, equipment=number))),
            cleaning=(begun := _open_cleaning(session, number)),
            cleaning_run=work.cleaning_run(session, begun.number) if begun else None,
            signed_calibrations=[
                each for each in work.calibrations(session, number) if each.verified_at is None
            ],
            properties=_properties(found),
            map=queries.effective_map(session, number),
        )


def _log_columns() -> list[Column]:
    return [
        Column(key="line", label="#", numeric=True),
        Column(key="kind", label=_("Kind")),
        Column(key="begun", label=_("From"), kind="time"),
        Column(key="ended", label=_("To"), kind="time"),
        Column(key="batch", label=_("Batch"), link="address"),
        Column(key="performed", label=_("Performed by")),
        Column(key="checked", label=_("Checked by")),
        Column(key="remark", label=_("Remark")),
    ]


def _log(session: Session, number: str) -> list[dict[str, Any]]:
    """The log of a unit, the last line first."""
    return [
        {
            "line": line.line,
            "kind": states.words_of(line.kind) + (f" ({_('late')})" if line.late else ""),
            "begun": line.started_at,
            "ended": line.ended_at,
            "batch": line.batch,
            "address": url_for("finding.find", q=line.batch) if line.batch else "",
            "performed": f"{line.performer_name} ({line.performed_by})",
            "checked": f"{line.checker_name} ({line.checked_by})" if line.checked_by else None,
            "remark": line.remark,
        }
        for line in reversed(queries.logbook(session, number))
    ]


def _tags(session: Session, number: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = queries.tags(session, unit=number)
    now = queries.current_of(session, [tag.key for tag in found])
    return [
        (tag.key, states.words_of(tag.description), live.tag_view(now[tag.key])) for tag in found
    ]


def _open_cleaning(session: Session, number: str) -> CleaningRecord | None:
    for entry in reversed(work.cleanings(session, number)):
        if entry.state not in (EntryState.VERIFIED, EntryState.GIVEN_UP):
            return entry
    return None


def _properties(unit: Equipment) -> list[tuple[str, str]]:
    return [
        (states.words_of(name), _flat(value)) for name, value in sorted(unit.properties.items())
    ]


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {filters.number(part)}" for name, part in value.items())
    if isinstance(value, list):
        return " – ".join(filters.number(part) for part in value)
    return filters.number(value)
