"""Adding people, granting and ending roles, recording training, deactivating.

What gives a right takes two people: one asks, another one grants (URS-IAM-040). Every command is
an entry of the person's own stream, ``person/P-101``.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import canonical, trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import show
from core.errors import Invalid, NotFound
from core.events import publish
from core.house import moment
from personnel import administration, endings, permissions, queries, rules
from personnel.errors import PersonExists, RolesExclude
from personnel.events import PersonDeactivated
from personnel.models import Person, Qualification, RoleEnd, RoleGrant, RoleRequest
from personnel.rules import WHOLE_SITE, Held, Role


def stream_of(badge: str) -> Stream:
    """The record of one person."""
    return Stream("person", badge)


def add_person(
    session: Session,
    badge: str,
    name: str,
    *,
    natural_key: str,
    language: str = "en",
    by: Actor,
    at: datetime,
) -> str:
    """A new personal account without role and without passphrase; answers its badge.

    `PersonExists` for a badge that was ever used, in any spelling, and for a human being who has
    an active account already (URS-IAM-010).
    """
    administration.require(session, by, "admin.people")
    _check_identity(session, badge, name, natural_key)
    who = Person(
        badge=badge,
        badge_key=queries.fold(badge),
        name=canonical.text(name.strip()),
        language=language,
        natural_key=queries.fold(natural_key),
        added_at=at,
    )
    with trail.act(session, "person.added", stream=stream_of(badge), by=by):
        session.add(who)
    return badge


def _check_identity(session: Session, badge: str, name: str, natural_key: str) -> None:
    if not queries.BADGE.match(badge):
        raise Invalid(
            f"{badge!r} cannot be a badge: letters, digits and -", resolver="who types it"
        )
    if not name.strip() or not natural_key.strip():
        raise Invalid("a printed name and a personnel number are needed", resolver="who types it")
    known = queries.find(session, badge)
    if known is not None:
        raise PersonExists(
            f"badge {badge} belongs to {queries.called(known)} for ever",
            resolver="an administrator, with another badge",
        )
    for other in queries.accounts(session, natural_key):
        if other.active:
            raise PersonExists(
                f"this human being has an account already: {queries.called(other)}",
                resolver="an administrator, by deactivating that account first",
            )


def rename_person(
    session: Session, badge: str, name: str, *, reason: str, by: Actor, at: datetime
) -> None:
    """A new printed name from now on; records keep the name as it was (URS-SIG-100)."""
    administration.require(session, by, "admin.people")
    who = queries.person(session, badge)
    if not name.strip():
        raise Invalid("a printed name is needed", resolver="who types it")
    with trail.act(session, "person.renamed", stream=stream_of(who.badge), by=by, reason=reason):
        who.name = canonical.text(name.strip())


def request_role(
    session: Session,
    badge: str,
    role: str,
    *,
    reason: str,
    scope: str = WHOLE_SITE,
    starts_at: datetime | None = None,
    until: datetime | None = None,
    by: Actor,
    at: datetime,
) -> UUID:
    """Ask that a person gets a role in a period (site time); another one grants it.

    `scope` is the whole site or, for an inspector, one product (`rules.product_scope`). Answers
    the id of the request.

    `RolesExclude` when the person holds a role in that time that excludes it (URS-IAM-030).
    """
    administration.require(session, by, "admin.roles")
    who = _active(session, badge)
    wanted = _period(role, starts_at or at, until, at)
    _check_scope(wanted.role, scope)
    _check_exclusion(session, who, wanted)
    asked = RoleRequest(
        badge=who.badge,
        role=str(wanted.role),
        scope=scope,
        starts_at=wanted.starts_at,
        until=until,
        reason=reason,
        requested_by=by.id,
        requested_at=at,
    )
    with trail.act(
        session, "role.requested", stream=stream_of(who.badge), by=by, object=role, reason=reason
    ):
        session.add(asked)
    return asked.id


def grant_role(
    session: Session,
    request_id: UUID,
    *,
    until: datetime | None = None,
    by: Actor,
    at: datetime,
) -> UUID:
    """Grant a requested role; by neither the one who asked nor the one who gets it.

    A request granted late gives the role from now on, never for the past. `until` (site time)
    grants for a shorter time than was asked for, never for a longer one. Answers the id of the
    grant.
    """
    administration.require(session, by, "admin.roles")
    asked = open_request(session, request_id)
    who = _active(session, asked.badge)
    administration.require_another(
        session, by, asked.requested_by, who.badge, act=f"grant this role to {who.name}"
    )
    ends = min((end for end in (asked.until, until) if end is not None), default=None)
    wanted = _period(asked.role, max(asked.starts_at, at), ends, at)
    _check_exclusion(session, who, wanted)
    return enter_grant(session, "role.granted", asked, wanted, by=by, at=at)


def enter_grant(
    session: Session, action: str, asked: RoleRequest, held: Held, *, by: Actor, at: datetime
) -> UUID:
    """Enter the grant of a request for the time that it is held; answers the id of the grant.

    Checks nothing: for commands that have checked both people and the period.
    """
    grant = RoleGrant(
        request_id=asked.id,
        badge=asked.badge,
        role=asked.role,
        scope=asked.scope,
        starts_at=held.starts_at,
        until=held.until,
        requested_by=asked.requested_by,
        approved_by=by.id,
        approved_at=at,
    )
    with trail.act(
        session,
        action,
        stream=stream_of(asked.badge),
        by=by,
        object=asked.role,
        reason=asked.reason,
    ):
        session.add(grant)
    return grant.id


def end_role(session: Session, grant_id: UUID, *, reason: str, by: Actor, at: datetime) -> None:
    """End a grant now; it takes effect at once, also in open sessions (URS-IAM-050)."""
    administration.require(session, by, "admin.roles")
    grant = session.get(RoleGrant, grant_id)
    if grant is None:
        raise NotFound("there is no such grant of a role", resolver="an administrator")
    if _ended(session, grant.id):
        raise Invalid(
            "this grant has ended already", resolver="an administrator: grant the role anew"
        )
    if grant.role == Role.ADMIN:
        administration.require_administrators_left(session, grant.badge)
    end = RoleEnd(grant_id=grant.id, ended_at=at, ended_by=by.id, reason=reason)
    with trail.act(
        session,
        "role.ended",
        stream=stream_of(grant.badge),
        by=by,
        object=grant.role,
        reason=reason,
    ):
        session.add(end)


def record_qualification(
    session: Session,
    badge: str,
    subject: str,
    *,
    valid_from: datetime,
    valid_until: datetime,
    evidence: str,
    supersedes: UUID | None = None,
    reason: str | None = None,
    by: Actor,
    at: datetime,
) -> UUID:
    """Record training on ``REC-0017 v3`` or ``SOP-150``; nobody records their own.

    With `supersedes`, the new row corrects an earlier one of the same person, with a reason.
    Answers the id of the row.
    """
    permissions.require(session, by, "training.record")
    who = queries.person(session, badge)
    administration.require_another(session, by, who.badge, act="record the own training")
    if not subject.strip() or not evidence.strip() or valid_until <= valid_from:
        raise Invalid("subject, evidence and a period are needed", resolver="who records it")
    _check_superseded(session, who, supersedes)
    row = Qualification(
        badge=who.badge,
        subject=subject.strip(),
        valid_from=valid_from,
        valid_until=valid_until,
        evidence=canonical.text(evidence.strip()),
        recorded_by=by.id,
        recorded_at=at,
        supersedes_id=supersedes,
    )
    with trail.act(
        session,
        "qualification.recorded",
        stream=stream_of(who.badge),
        by=by,
        object=row.subject,
        reason=reason,
    ):
        session.add(row)
    return row.id


def deactivate_person(
    session: Session, badge: str, *, reason: str, by: Actor, at: datetime
) -> None:
    """End all rights of a person now; sessions and confirmations die, names stay (URS-IAM-050)."""
    administration.require(session, by, "admin.people")
    who = _active(session, badge)
    administration.require_administrators_left(session, who.badge)
    with trail.act(
        session, "person.deactivated", stream=stream_of(who.badge), by=by, reason=reason
    ) as act:
        who.active = False
        who.deactivated_at = at
        endings.revoke_key(session, who.badge, reason=reason)
        act.facts["sessions_ended"] = endings.end_sessions(session, who.badge)
    publish(session, PersonDeactivated(badge=who.badge))


def _active(session: Session, badge: str) -> Person:
    who = queries.person(session, badge)
    if not who.active:
        raise Invalid(f"{queries.called(who)} is not active", resolver="an administrator")
    return who


def _period(role: str, starts_at: datetime, until: datetime | None, at: datetime) -> Held:
    if role not in set(Role):
        raise Invalid(f"there is no role {role!r}", resolver="who asks for it")
    if starts_at < at or (until is not None and until <= starts_at):
        raise Invalid("a role begins now or later and ends after that", resolver="who asks for it")
    return Held(role=Role(role), starts_at=starts_at, until=until)


def _check_scope(role: Role, scope: str) -> None:
    if scope == WHOLE_SITE:
        return
    if role is not Role.INSPECTOR or rules.product_of(scope) is None:
        raise Invalid(
            f"{scope!r} cannot be the scope of {role}: an inspector may be limited to one product,"
            " every other role is held for this site",
            resolver="who asks for it",
        )


def _check_exclusion(session: Session, who: Person, wanted: Held) -> None:
    other = rules.conflict(wanted, queries.held_for_ever(session, who.natural_key))
    if other is not None:
        raise RolesExclude(
            f"{queries.called(who)} holds {other}, which excludes {wanted.role}",
            resolver=f"an administrator, by ending {other} first",
        )


def open_request(session: Session, request_id: UUID) -> RoleRequest:
    """The request that nobody granted yet; `NotFound` or `Invalid` otherwise."""
    asked = session.get(RoleRequest, request_id)
    if asked is None:
        raise NotFound("there is no such request for a role", resolver="who asks for the role")
    given = session.scalars(select(RoleGrant).where(RoleGrant.request_id == request_id)).first()
    if given is not None:
        when = show(given.approved_at, moment(session).zone)
        raise Invalid(
            f"this request was granted on {when}", resolver="nobody: the role is held since then"
        )
    return asked


def _ended(session: Session, grant_id: UUID) -> bool:
    return (
        session.scalars(select(RoleEnd.id).where(RoleEnd.grant_id == grant_id)).first() is not None
    )


def _check_superseded(session: Session, who: Person, supersedes: UUID | None) -> None:
    if supersedes is None:
        return
    earlier = session.get(Qualification, supersedes)
    if earlier is None or earlier.badge != who.badge:
        raise NotFound("there is no such qualification of this person", resolver="who records it")
