"""The search and scan box: any number of the house leads to its page.

A scanned GS1 code is read first; what nothing is called by is answered in words, with a status
that a scanner's screen shows as "not found".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from core.errors import NotFound, Refusal
from core.house import moment
from documents import gs1
from documents.errors import CodeUnreadable
from ebr import copies
from ebr import queries as records
from hardware import queries as plant
from inventory import queries as stores
from maintenance import queries as work
from personnel import queries as people
from production import queries as batches
from quality import queries as quality
from quality import rules
from web import hardware, identity, inventory
from web.access import needs
from web.i18n import gettext as _
from web.signing import Page
from workflows import queries as definitions

bp = Blueprint("finding", __name__)
Finder = Callable[[Session, str], str | None]


@bp.get("/find")
@needs("record.read")
def find() -> Page:
    """Lead to the page of what was typed or scanned."""
    asked = request.args.get("q", "").strip()
    if not asked:
        return render_template("finding/nothing.html", asked="", why="")
    try:
        code = gs1.parse_scan(asked)
    except CodeUnreadable as problem:
        return render_template("finding/nothing.html", asked=asked, why=str(problem)), 404
    with identity.house().reading() as session:
        for name in (code.text, code.sscc, code.lot):
            address = _address(session, name) if name else None
            if address is not None:
                return redirect(address, 303)
    return render_template("finding/nothing.html", asked=asked, why=""), 404


def _address(session: Session, name: str) -> str | None:
    for finder in _finders():
        try:
            found = finder(session, name.upper() if finder is not _lot else name)
        except Refusal:
            continue
        if found is not None:
            return found
    return None


def _finders() -> Iterator[Finder]:
    yield from (
        _copy,
        _batch,
        _record,
        _unit,
        _recipe,
        _deviation,
        _sample,
        _order,
        _lot,
        _badge,
        _room,
    )


def _copy(session: Session, name: str) -> str:
    return url_for("copies.copy", code=copies.state_of(session, name).copy.code)


def _batch(session: Session, name: str) -> str:
    return url_for("production.batch", number=batches.batch(session, name).number)


def _record(session: Session, name: str) -> str:
    return url_for("record.timeline", number=records.run_of(session, name).number)


def _unit(session: Session, name: str) -> str:
    return url_for("hardware.unit", number=plant.equipment(session, name).number)


def _recipe(session: Session, name: str) -> str | None:
    code, _space, label = name.partition(" V")
    known = definitions.versions(session, code)
    wanted = [each for each in known if not label or str(each.number) == label]
    if not wanted:
        return None
    return url_for("workflows.version", code=code, number=wanted[-1].number)


def _deviation(session: Session, name: str) -> str:
    return url_for("quality.deviation", number=quality.deviation(session, name).number)


def _sample(session: Session, name: str) -> str:
    found = quality.sample(session, name)
    return url_for("record.timeline", number=found.record.rpartition("/")[2], step=found.step)


def _order(session: Session, name: str) -> str:
    return url_for("maintenance.order", number=work.order(session, name).number)


def _lot(session: Session, name: str) -> str | None:
    return inventory.address_of(session, name)


def _badge(session: Session, name: str) -> str | None:
    found = people.find(session, name)
    return None if found is None else url_for(".badge", badge=found.badge)


def _room(session: Session, name: str) -> str | None:
    code = name.removeprefix("ROOM ").removeprefix("RAUM ")
    return url_for(".room", code=code) if _is_place(session, code) else None


def _is_place(session: Session, code: str) -> bool:
    return any(unit.room == code for unit in plant.equipment_list(session)) or any(
        place.code == code for place in stores.locations(session)
    )


@bp.get("/badges/<badge>")
@needs("record.read")
def badge(badge: str) -> Page:
    """Whose badge it is and where the person is at work. A badge opens and signs nothing."""
    with identity.house().reading() as session:
        who = people.person(session, badge)
        at = moment(session).site
        return render_template(
            "finding/badge.html",
            who=who,
            roles=people.roles_of(session, who.badge, at),
            own=who.badge == identity.me().badge,
            steps=[
                (
                    step,
                    url_for(
                        "ebr.step", number=step.run.number, key=step.key, occurrence=step.occurrence
                    ),
                )
                for step in records.open_steps(session)
                if who.badge in (step.started_by, step.performed_by)
            ],
        )


@bp.get("/rooms/<code>")
@needs("equipment.read")
def room(code: str) -> Page:
    """A room or place of the stores: cleared for whom, units with their status, open steps."""
    with identity.house().reading() as session:
        if not _is_place(session, code):
            raise NotFound(
                _("There is no room or place %(code)s.", code=code),
                resolver=_("you, by going back"),
            )
        now = moment(session)
        cleared = quality.last_clearance(session, code)
        orders = work.open_orders_by_unit(session)
        return render_template(
            "finding/room.html",
            code=code,
            cleared=cleared,
            still=cleared is not None and rules.is_valid(cleared.valid_until, now.site),
            cards=[
                hardware.card_of(unit, orders.get(unit.number, []), now)
                for unit in plant.equipment_list(session)
                if unit.room == code
            ],
            steps=[
                (
                    step,
                    url_for(
                        "ebr.step", number=step.run.number, key=step.key, occurrence=step.occurrence
                    ),
                )
                for step in records.open_steps(session)
                if step.room == code and step.run.state in ("running", "held")
            ],
        )
