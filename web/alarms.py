"""What every page must say: the site does not verify, or its log is behind (URS-REC-110)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import g
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import standing
from audit.sequencer import oldest_pending_age
from audit.verifiedmodels import Verification
from core.jobs import Job
from web import identity
from web.i18n import gettext as _

BEHIND = timedelta(seconds=5)
"""Longer no entry may wait for its place in the log."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One line above every page."""

    text: str
    detail: str


def standing_alarms() -> list[Alarm]:
    """The alarms that stand for who is signed in, asked once for each request."""
    if g.get("presence") is None:
        return []
    with identity.house().reading() as session:
        return [*_broken(session), *_behind(session)]


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


def verified(session: Session) -> Verification | None:
    """The verification that ended last."""
    return standing.last_ended(session)


def is_asked(session: Session) -> bool:
    """Whether a person has asked for a verification that has not ended."""
    query = select(Job.payload).where(
        Job.kind == standing.VERIFY_JOB, Job.state.in_(("ready", "running"))
    )
    return any("by" in payload for payload in session.scalars(query))
