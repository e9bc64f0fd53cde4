"""Backups and restore drills on screen: how they stand, what was made, reports to sign (N4).

Everybody who may read the trail sees them; the quality unit and the administrator sign a drill's
report. The schedule itself is the service ``backups`` of the house (URS-BAK-010, URS-BAK-020).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from flask import Blueprint, render_template, request, url_for

from audit import backups, drills
from audit.backupmodels import RestoreDrill
from audit.models import Signature
from quality.commands.drills import PERMISSION, REVIEWED, sign_drill
from quality.errors import NoSuchDrill
from web import filters, identity
from web.access import needs, passive, public
from web.i18n import gettext as _
from web.signing import Page, SignedAct, signed

bp = Blueprint("backups", __name__)
SERVICE = "backups"
READ = "audit.read"
SHOWN = 50


class Plan(Protocol):
    """What the schedule of an installation says."""

    every: timedelta
    locked: timedelta
    drill: timedelta
    daily: int
    weekly: int
    monthly: int


class Desk(Protocol):
    """What the composition offers."""

    def plan(self) -> Plan | None:
        """The plan that is carried out, None where nothing is scheduled."""

    def problem(self) -> str:
        """What is wrong with the settings of the schedule, empty where nothing is."""

    def is_kept(self, folder: str, file: str) -> bool:
        """Whether the file of a backup lies where it was put."""


def _desk() -> Desk | None:
    return identity.house().services.get(SERVICE)


@bp.get("/backups")
@needs(READ)
def page() -> Page:
    """How backups and drills stand, the newest of each, and the plan."""
    desk = _desk()
    with identity.house().reading() as session:
        return render_template(
            "backups/page.html",
            standing=backups.standing(session),
            drilled=drills.standing(session),
            plan=_words(desk.plan() if desk else None),
            problem=desk.problem() if desk else "",
            runs=[
                (run, bool(desk and run.file and desk.is_kept(run.folder, run.file)))
                for run in backups.runs(session, most=SHOWN)
            ],
            drills=[
                (each, _name(drills.signature_of(session, each)))
                for each in drills.drills(session, most=SHOWN)
            ],
        )


def _name(signature: Signature | None) -> str:
    return "" if signature is None else f"{signature.printed_name} ({signature.signer})"


def _words(plan: Plan | None) -> list[tuple[str, object]]:
    if plan is None:
        return []
    return [
        (_("A backup every"), filters.span(plan.every)),
        (_("No file is removed before"), filters.span(plan.locked)),
        (
            _("Then stay"),
            _(
                "the newest of %(days)s days, %(weeks)s weeks and %(months)s months",
                days=plan.daily,
                weeks=plan.weekly,
                months=plan.monthly,
            ),
        ),
        (_("A drill every"), filters.span(plan.drill)),
    ]


@bp.get("/backups/drills/<int:ordinal>")
@needs(READ)
def drill(ordinal: int) -> Page:
    """The report of one drill, and the form under which it is signed."""
    with identity.house().reading() as session:
        found = drills.find(session, ordinal)
        if found is None:
            raise NoSuchDrill(
                _("There is no drill %(n)s.", n=ordinal),
                resolver=_("whoever asks, by choosing one of the list"),
            )
        return render_template(
            "backups/drill.html",
            drill=found,
            measured=_measured(found),
            looked_at=_looked_at(found),
            signature=drills.signature_of(session, found),
        )


def _measured(found: RestoreDrill) -> list[tuple[str, object]]:
    told = found.figures
    if not told:
        return []
    return [
        (_("Recovery time: from the file to a verified site"), _span(told["recovery_time_s"])),
        (_("Recovery point: age of the backup"), _span(told["recovery_point_s"])),
        (_("Entries that a loss would have cost"), told["entries_behind"]),
    ]


def _span(seconds: int) -> str:
    return filters.span(timedelta(seconds=seconds))


def _looked_at(found: RestoreDrill) -> list[tuple[str, object]]:
    told = found.figures
    if not told:
        return []
    return [
        (_("File"), found.file),
        (_("Backed up at"), filters.time_(datetime.fromisoformat(told["taken_at"]))),
        (_("Files with the digest of the list"), told["files"]),
        (_("Tables with the rows of the list"), told["tables"]),
        (_("Rows"), told["rows"]),
        (_("Entries verified"), told["entries"]),
        (_("Signatures verified"), told["signatures"]),
        (_("Entries in the log"), told["log_size"]),
        (
            _("Run done again from its journal"),
            told["rehearsed"].partition("/")[2] or _("none has begun yet"),
        ),
    ]


@bp.post("/backups/drills/<int:ordinal>")
@needs(PERMISSION)
def sign(ordinal: int) -> Page:
    """Sign the report of a drill."""
    return signed(
        SignedAct(
            command=sign_drill,
            arguments=(ordinal, request.form.get("remark", "")),
            record="site",
            meaning=REVIEWED,
            title=_("Report of restore drill %(n)s", n=ordinal),
            done=url_for(".drill", ordinal=ordinal),
        )
    )


@bp.get("/health/backups")
@passive
@public
def health() -> tuple[dict[str, bool], int]:
    """For monitoring: 200 while backups and drills come as planned and succeed, else 503."""
    with identity.house().reading() as session:
        made, drilled = backups.standing(session), drills.standing(session)
    told = {
        "overdue": made.overdue,
        "failing": made.failing,
        "drill_missing": drilled.missing,
        "drill_failing": drilled.failing,
    }
    return told, 503 if any(told.values()) else 200
