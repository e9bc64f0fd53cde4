"""Inviting somebody from outside for a limited time: an inspector who reads one product.

The account is entered and the role asked for beforehand by one administrator; it opens nothing
until another one invites. Then the role holds for the time of the invitation, and a single-use
secret lets the invited person choose a passphrase (URS-IAM-040, URS-IAM-070). When the time is
over, the door closes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.actors import Actor
from core.errors import Invalid
from personnel import commands, credentials, queries, rules
from personnel.models import RoleGrant, RoleRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What the administrator hands over; the secret is answered once and stored nowhere."""

    badge: str
    role: str
    scope: str
    until: datetime
    secret: str = field(repr=False)


def invite(
    session: Session, badge: str, *, lasting: timedelta, reason: str, by: Actor, at: datetime
) -> Invitation:
    """Grant the role that was asked for until `at` + `lasting` (site time), and issue the secret.

    Both or none. Raises `Invalid` without exactly one open request or for a time beyond
    `rules.LONGEST_INVITATION`, `SecondPersonNeeded` for who asked for the role.
    """
    if not timedelta(0) < lasting <= rules.LONGEST_INVITATION:
        most = rules.LONGEST_INVITATION.days
        raise Invalid(f"an invitation lasts up to {most} days", resolver="who invites")
    asked = _asked(session, badge, at)
    until = at + lasting
    commands.grant_role(session, asked.id, until=until, by=by, at=at)
    secret = credentials.issue_secret(session, badge, reason=reason, by=by, at=at)
    until = until if asked.until is None else min(until, asked.until)
    return Invitation(
        badge=asked.badge, role=asked.role, scope=asked.scope, until=until, secret=secret
    )


def _asked(session: Session, badge: str, at: datetime) -> RoleRequest:
    who = queries.person(session, badge)
    open_requests = (
        select(RoleRequest)
        .outerjoin(RoleGrant, RoleGrant.request_id == RoleRequest.id)
        .where(
            RoleRequest.badge == who.badge,
            RoleGrant.id.is_(None),
            # The note of a former role waits to be confirmed, not to be granted.
            or_(RoleRequest.until.is_(None), RoleRequest.until > at),
        )
    )
    found = session.scalars(open_requests).all()
    if len(found) != 1:
        raise Invalid(
            f"{len(found)} requests for a role of {queries.called(who)} wait for a grant; "
            "an invitation takes exactly one",
            resolver="an administrator, by asking for the role",
        )
    return found[0]
