"""The installation on one page: what runs, what vouches, what somebody has to look after (W23).

Each line says how it stands and who resolves a bad one; the same lines as JSON for monitoring by
somebody who is signed in (URS-VAL-050, URS-TIM-020, URS-BAK-010, URS-AUD-060).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from flask import Blueprint, jsonify, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from audit import anchors, backups, checkpoints, drills, log, standing
from core import release
from core.clock import show
from core.house import moment
from core.sites import SiteMode, the_site
from hardware import queries as plant
from web import filters, identity, states
from web.access import needs
from web.i18n import gettext as _
from web.signing import Page

bp = Blueprint("installation", __name__)
SERVICE = "installation"
GOOD, WATCH, BAD, PLAIN = "good", "watch", "bad", "plain"
LEAST_ROOM = 1 << 30
"""Bytes that should be free; below it an administrator has to act."""


class Key(Protocol):
    """One key of the site, public parts alone."""

    kind: str
    name: str
    state: str
    since: datetime | None


class Installed(Protocol):
    """What the composition offers."""

    def database(self) -> tuple[str, str]:
        """Kind of database, and what does not hold; empty when all does."""

    def keys(self) -> Sequence[Key]:
        """Every key of the site."""

    def free_bytes(self) -> int:
        """Room on the disk that holds the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact: its part, what it is, how it stands, and who resolves it when it is not good.

    `code` says that `told` is for machines: a key, an address.
    """

    part: str
    name: str
    told: str
    state: str = PLAIN
    resolver: str = ""
    code: bool = False


@bp.get("/installation")
@needs("audit.read")
def page() -> Page:
    """All parts; with ``form=json`` the lines as a list."""
    with identity.house().reading() as session:
        lines = [
            *_software(session), *_database(), *_keys(), *_log(session), *_verified(session),
            *_backups(session), *_connected(session), *_room(),
        ]  # fmt: skip
    if request.args.get("form") == "json":
        answer: Response = jsonify([asdict(line) for line in lines])
        return answer
    parts: dict[str, list[Line]] = {}
    for line in lines:
        parts.setdefault(line.part, []).append(line)
    bad = [line for line in lines if line.state == BAD]
    return render_template("installation/page.html", parts=parts, bad=bad)


def _when(at: datetime) -> str:
    return show(at, filters.zone())


def _installed() -> Installed | None:
    return identity.house().services.get(SERVICE)


def _software(session: Session) -> Iterator[Line]:
    part, site = _("Software and site"), the_site(session)
    name, differences = release.of_this_installation()
    yield Line(
        part=part,
        name=_("Software"),
        told=differences[0] if differences else name,
        state=BAD if differences else GOOD if name.startswith("release") else WATCH,
        resolver=_("the administrator, by installing the release again") if differences else "",
    )
    gmp = site.mode == SiteMode.GMP
    yield Line(part=part, name=_("Site"), told=f"{site.name} · {site.mode} · {site.zone}")
    synchronised = identity.house().clock.synchronised()
    words = {True: _("kept by a time server"), False: _("by no time server"), None: _("not known")}
    yield Line(
        part=part,
        name=_("Clock"),
        told=f"{_when(moment(session).real)}, {words[synchronised]}",
        state=GOOD if synchronised else BAD if gmp else WATCH,
        resolver="" if synchronised else _("the administrator of the machine"),
    )


def _database() -> Iterator[Line]:
    installed = _installed()
    if installed is None:
        return
    kind, problem = installed.database()
    yield Line(
        part=_("Database"),
        name=_("Promises, schema and triggers"),
        told=problem or _("%(kind)s: all hold", kind=kind),
        state=BAD if problem else GOOD,
        resolver=_("the administrator of the database") if problem else "",
    )


def _keys() -> Iterator[Line]:
    installed = _installed()
    for key in installed.keys() if installed else ():
        since = f" · {_when(key.since)}" if key.since else ""
        yield Line(
            part=_("Keys"),
            name=f"{key.kind}, {states.words_of(key.state)}",
            told=f"{key.name}{since}",
            state=GOOD if key.state == "in use" else PLAIN,
            code=True,
        )


def _log(session: Session) -> Iterator[Line]:
    part, newest = _("Log"), checkpoints.latest(session)
    size = log.size_of(session)
    told = _("%(n)s entries", n=size)
    if newest is not None:
        told += f" · {_('last checkpoint')} {_when(newest.at)}"
    yield Line(part=part, name=_("Audit log"), told=told)
    found = anchors.standing(session)
    for each in found:
        yield Line(
            part=part,
            name=each.name,
            told=each.problem or _("%(n)s entries vouched for", n=each.size),
            state=BAD if each.silent else GOOD,
            resolver=_("the administrator") if each.silent else "",
        )
    if not found:
        yield Line(
            part=part,
            name=_("Outside witnesses"),
            told=_("Nothing outside vouches for this log"),
            state=WATCH,
            resolver=_("the administrator, by the settings"),
        )


def _verified(session: Session) -> Iterator[Line]:
    last, whole = standing.last_ended(session), standing.last_whole(session)
    for name, found in ((_("Last verification"), last), (_("Last of the whole site"), whole)):
        told = _("none yet") if found is None else _when(found.at)
        state = WATCH if found is None else GOOD if found.ok else BAD
        yield Line(
            part=_("Verification"),
            name=name,
            told=told,
            state=state,
            resolver=_("the quality unit") if state == BAD else "",
        )


def _backups(session: Session) -> Iterator[Line]:
    part = _("Backups")
    made, drilled = backups.standing(session), drills.standing(session)
    for name, found, bad in (
        (_("Last backup"), made.good, made.failing or made.overdue),
        (_("Last drill that ended well"), drilled.good, drilled.failing or drilled.missing),
    ):
        yield Line(
            part=part,
            name=name,
            told=_("none yet") if found is None else _when(found.at),
            state=BAD if bad else WATCH if found is None else GOOD,
            resolver=_("the administrator") if bad else "",
        )


def _connected(session: Session) -> Iterator[Line]:
    part = _("Connected systems")
    for device in plant.devices(session):
        gap = plant.open_gap(session, device.name)
        yield Line(
            part=part,
            name=device.name,
            told=f"{device.protocol} · {device.endpoint}" + (f" · {gap.cause}" if gap else ""),
            state=BAD if gap else GOOD if device.enabled else PLAIN,
            resolver=_("maintenance") if gap else "",
            code=True,
        )
    at = moment(session).site
    overdue = [
        unit.number
        for unit in plant.equipment_list(session)
        if unit.calibration_due is not None and unit.calibration_due <= at
    ]
    yield Line(
        part=part,
        name=_("Calibration"),
        told=_("overdue: %(units)s", units=", ".join(overdue)) if overdue else _("none overdue"),
        state=BAD if overdue else GOOD,
        resolver=_("maintenance") if overdue else "",
    )


def _room() -> Iterator[Line]:
    installed = _installed()
    if installed is None:
        return
    free = installed.free_bytes()
    yield Line(
        part=_("Disk"),
        name=_("Room for the site"),
        told=f"{free / 2**30:.1f} GiB",
        state=GOOD if free > LEAST_ROOM else BAD,
        resolver="" if free > LEAST_ROOM else _("the administrator"),
    )
