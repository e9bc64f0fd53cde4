"""What signed acts of maintenance share: numbers, sealing, the person as actor of a log line."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.models import Signature
from audit.signatures import SignedContent
from audit.streams import SITE
from core.actors import Actor
from ebr.commands.steps import require_confirmation
from maintenance import rules
from maintenance.models import Series, WorkSeries
from personnel import queries as people
from personnel import signing
from personnel.signing import Confirmation


def draw_number(session: Session, series: Series, *, by: Actor) -> str:
    """The next number of a series; a series that nobody set up begins at 1."""
    with trail.act(session, "series.drawn", stream=SITE, by=by, object=series.value) as drawn:
        found = session.scalars(
            select(WorkSeries).where(WorkSeries.name == series.value).with_for_update()
        ).one_or_none()
        if found is None:
            found = WorkSeries(name=series.value, prefix=rules.PREFIXES[series.value], next=1)
            session.add(found)
        number = rules.number(found.prefix, found.next)
        found.next += 1
        session.flush()
        drawn.facts["number"] = number
    return number


def seal(
    session: Session,
    confirmation: Confirmation | None,
    shown: SignedContent,
    *,
    meaning: str,
    role: str,
    act: trail.Act,
    prior: UUID | None = None,
    rehearsal: bool,
) -> UUID | None:
    """Seal the signature of an act; a rehearsal signs nothing. Raises SignatureNeeded."""
    if rehearsal:
        return None
    given = require_confirmation(confirmation, shown.object, meaning)
    first = None if prior is None else session.get_one(Signature, prior)
    sealed = signing.seal(session, given, shown, meaning=meaning, role=role, prior=first, act=act)
    session.flush()
    return sealed.id


def performer_of(session: Session, badge: str, role: str | None) -> Actor:
    """Who performed, as the log names it; a badge that nobody has is a service of ours."""
    if people.find(session, badge) is None:
        return Actor.service(badge, trigger="automatic step")
    return people.actor(session, badge, role=role or "-", terminal="-")
