"""Roles that were held before this site began its records, taken over from the list before.

Such a grant gives nothing: its time ended before the site was made, so no act in any record falls
into it. It stands in the access report as of a date (URS-IAM-040), with who took it over and when.
Two people do it, as with every role.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from core.errors import Invalid
from core.sites import the_site
from personnel import administration, queries, rules
from personnel.commands import enter_grant, open_request, stream_of
from personnel.models import RoleRequest
from personnel.rules import WHOLE_SITE, Held, Role


def note_former_role(
    session: Session,
    badge: str,
    role: str,
    *,
    starts_at: datetime,
    until: datetime,
    reason: str,
    by: Actor,
    at: datetime,
) -> UUID:
    """Note that somebody held a role in a period (site time) before the site was made.

    `reason` names where that is known from. Another administrator confirms it. Answers the id of
    the note. Raises `Invalid` for a period that reaches into the time of this site.
    """
    administration.require(session, by, "admin.roles")
    who = queries.person(session, badge)
    _check_period(session, role, starts_at, until)
    noted = RoleRequest(
        badge=who.badge,
        role=role,
        scope=WHOLE_SITE,
        starts_at=starts_at,
        until=until,
        reason=reason,
        requested_by=by.id,
        requested_at=at,
    )
    with trail.act(
        session, "role.former_noted", stream=stream_of(who.badge), by=by, object=role, reason=reason
    ):
        session.add(noted)
    return noted.id


def confirm_former_role(session: Session, note_id: UUID, *, by: Actor, at: datetime) -> UUID:
    """Take the noted role over; by neither the one who noted it nor the one who held it.

    Answers the id of the grant.
    """
    administration.require(session, by, "admin.roles")
    noted = open_request(session, note_id)
    _check_period(session, noted.role, noted.starts_at, noted.until)
    who = queries.person(session, noted.badge)
    administration.require_another(
        session, by, noted.requested_by, who.badge, act=f"confirm a former role of {who.name}"
    )
    held = _held(noted)
    _check_exclusion(session, noted.badge, held)
    return enter_grant(session, "role.former_confirmed", noted, held, by=by, at=at)


def _check_period(session: Session, role: str, starts_at: datetime, until: datetime | None) -> None:
    if role not in set(Role):
        raise Invalid(f"there is no role {role!r}", resolver="who asks for it")
    if until is None or not starts_at < until <= the_site(session).made_at:
        raise Invalid(
            "a former role ended before this site began its records; later ones are granted",
            resolver="who notes it",
        )


def _held(noted: RoleRequest) -> Held:
    return Held(role=Role(noted.role), starts_at=noted.starts_at, until=noted.until)


def _check_exclusion(session: Session, badge: str, held: Held) -> None:
    who = queries.person(session, badge)
    other = rules.conflict(held, queries.held_for_ever(session, who.natural_key))
    if other is not None:
        raise Invalid(
            f"{queries.called(who)} held {other} then, which excludes {held.role}",
            resolver="who notes it",
        )
