"""What every page must say: the site does not verify, or its log is behind (URS-REC-110)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import g
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import backups, drills, standing
from audit.sequencer import oldest_pending_age
from audit.verifiedmodels import Verification
from core.clock import show
from core.jobs import Job
from web import identity
from web.filters import zone
from web.i18n import gettext as _

BEHIND = timedelta(seconds=5)
"""Longer no entry may wait for its place in the log."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One line above every page."""

    text: str
    detail: str
    page: str = "trail.page"
    """Where the menu would lead to look after it."""


def standing_alarms() -> list[Alarm]:
    """The alarms that stand for who is signed in, asked once for each request."""
    if g.get("presence") is None:
        return []
    with identity.house().reading() as session:
        return [*_broken(session), *_behind(session), *_backups(session)]


def _broken(session: Session) -> list[Alarm]:
    found = standing.alarm(session)
    if found is None:
        return []
    first = found.problems[0]
    detail = first["place"] + (f", {first['record']}" if first["record"] else "")
    return [
        Alarm(
            _("BROKEN: the records of this site do not verify. Nothing concerned is released."),
            _("%(n)s problems; the first: %(first)s", n=found.count, first=detail),
        )
    ]


def _behind(session: Session) -> list[Alarm]:
    age = oldest_pending_age(session)
    if age is None or age <= BEHIND:
        return []
    return [
        Alarm(
            _("The log is behind: an entry has waited %(n)s s.", n=int(age.total_seconds())),
            _("The worker of this site does not run or is held up. Inform the administrator."),
        )
    ]


def _backups(session: Session) -> list[Alarm]:
    """A backup that failed or did not come, a drill that failed or is missing (URS-BAK-010)."""
    made, drilled = backups.standing(session), drills.standing(session)
    page = "backups.page"
    found = []
    if made.failing:
        found.append(Alarm(_("The last backup failed."), _backup_since(made), page))
    elif made.overdue:
        found.append(Alarm(_("A backup is overdue."), _backup_since(made), page))
    if drilled.failing:
        found.append(Alarm(_("The last restore drill failed."), _inform(), page))
    elif drilled.missing:
        found.append(Alarm(_("A restore drill is missing."), _inform(), page))
    return found


def _backup_since(made: backups.Standing) -> str:
    if made.good is None:
        return _("There is no backup of this site. Inform the administrator.")
    when = show(made.good.at, zone())
    return _("The newest one is of %(when)s. Inform the administrator.", when=when)


def _inform() -> str:
    return _("That a backup can be restored is not shown. Inform the administrator.")


def verified(session: Session) -> Verification | None:
    """The verification that ended last."""
    return standing.last_ended(session)


def is_asked(session: Session) -> bool:
    """Whether a person has asked for a verification that has not ended."""
    query = select(Job.payload).where(
        Job.kind == standing.VERIFY_JOB, Job.state.in_(("ready", "running"))
    )
    return any("by" in payload for payload in session.scalars(query))
