"""What is known of the last verifications: the alarm that stands, and what it is about."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.report import Problem, Report
from audit.streams import SITE
from audit.verifiedmodels import Verification
from core import jobs
from core.actors import Actor
from core.db import site_of

VERIFY_JOB = "site.verify"
WHOLE, NEW = "whole", "new"
NAMED = re.compile(
    r"(?:entry \d+ of|record|stream|signatures in) ([a-z_]+/.+?|site)"
    r"(?= says| has it| stands|[):,]| \||\Z)"
)


def last_ended(session: Session) -> Verification | None:
    """The verification that ended last."""
    return session.scalars(_newest_first(session)).first()


def last_whole(session: Session) -> Verification | None:
    """The last verification of the whole site."""
    return session.scalars(_newest_first(session).where(Verification.scope == WHOLE)).first()


def alarm(session: Session) -> Verification | None:
    """The failure that stands: the last verification, unless it found nothing wrong.

    After a failure the next one is a whole one, so nothing less ends the alarm.
    """
    last = last_ended(session)
    return None if last is None or last.ok else last


def concerns(found: Verification, stream: str) -> bool:
    """Whether a failure may be about this record: it names it, or a problem names no record."""
    told: list[dict[str, Any]] = found.problems
    return found.count > len(told) or any(each["record"] in (None, stream) for each in told)


def problems_of(report: Report) -> list[dict[str, Any]]:
    """Problems as they are kept: place, what, and the record that they name."""
    return [
        {
            "place": each.place,
            "what": each.what,
            "record": _record_in(each),
        }
        for each in report.problems
    ]


def _record_in(problem: Problem) -> str | None:
    found = NAMED.search(f"{problem.place} | {problem.what}")
    return found[1] if found else None


def _newest_first(session: Session) -> Any:
    return (
        select(Verification)
        .where(Verification.site_id == site_of(session))
        .order_by(Verification.at.desc(), Verification.id.desc())
        .limit(1)
    )


def ask(session: Session, *, by: Actor, at: datetime, whole: bool = False) -> str:
    """Have the worker verify the site as soon as it can, for a person; answers the job's id."""
    with trail.act(session, "verification.asked", stream=SITE, by=by, facts={"whole": whole}):
        return str(jobs.enqueue(session, VERIFY_JOB, {"whole": whole, "by": by.id}))
