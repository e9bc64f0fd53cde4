"""What is known about people: who, which roles at a date, which gap, who could do it instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased

from core.actors import Actor, ActorKind
from core.clock import show
from core.db import site_of
from core.errors import NotFound
from core.house import moment
from core.types import UtcDateTime
from personnel import rules
from personnel.errors import NotIndependent, NotQualified
from personnel.matrix import roles_with
from personnel.models import (
    Credential,
    Person,
    PublicKey,
    Qualification,
    RoleEnd,
    RoleGrant,
    Undertaking,
)
from personnel.rules import Held, Role, Training

BADGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,39}\Z")


_AT = bindparam("at", type_=UtcDateTime())
# The keys begin with the site: without it the database would read the tables whole.
_SITE: BindParameter[int] = bindparam("site")
_BADGE = and_(Person.site_id == _SITE, Person.badge_key == bindparam("badge"))
_WITHDRAWN = aliased(Qualification)


def _in_force(query: Select[Any]) -> Select[Any]:
    return (
        query.join(
            Person, and_(Person.site_id == RoleGrant.site_id, Person.badge == RoleGrant.badge)
        )
        .outerjoin(
            RoleEnd, and_(RoleEnd.site_id == RoleGrant.site_id, RoleEnd.grant_id == RoleGrant.id)
        )
        .where(
            RoleGrant.site_id == _SITE,
            RoleGrant.starts_at <= _AT,
            or_(RoleGrant.until.is_(None), RoleGrant.until > _AT),
            or_(RoleEnd.id.is_(None), RoleEnd.ended_at > _AT),
            or_(Person.deactivated_at.is_(None), Person.deactivated_at > _AT),
        )
        .order_by(RoleGrant.starts_at, RoleGrant.role)
    )


# Asked in every act, so built once: building costs as much as asking.
_GRANTS = _in_force(select(RoleGrant))
_GRANTS_OF = _GRANTS.where(_BADGE)
_ROLES_OF = _in_force(select(RoleGrant.role)).where(_BADGE)
_PERSON = select(Person).where(_BADGE)
_NAMES = select(Person.badge, Person.name).where(_BADGE)
_TRAININGS = select(
    Qualification.badge,
    Qualification.subject,
    Qualification.valid_from,
    Qualification.valid_until,
).where(
    Qualification.site_id == _SITE,
    Qualification.badge.in_(bindparam("badges", expanding=True)),
    ~exists().where(
        _WITHDRAWN.site_id == Qualification.site_id, _WITHDRAWN.supersedes_id == Qualification.id
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """One grant in the access report: who held what, since when, given by whom."""

    badge: str
    name: str
    role: str
    scope: str
    starts_at: datetime
    until: datetime | None
    requested_by: str
    approved_by: str


def find(session: Session, badge: str) -> Person | None:
    """The person with that badge in any spelling of its letters, active or not."""
    if not BADGE.match(badge.strip()):
        return None
    # Pages name the same few people again and again; the row that this session holds is the same.
    known: dict[str, Person] = session.info.setdefault("people", {})
    folded = fold(badge)
    if folded not in known or known[folded] not in session:
        found = session.scalars(_PERSON, _asked(session, badge)).one_or_none()
        if found is None:
            return None
        known[folded] = found
    return known[folded]


def fold(badge: str) -> str:
    """A badge or personnel number as it is compared: no spelling of it is another one."""
    return badge.strip().casefold()


def _asked(session: Session, badge: str) -> dict[str, Any]:
    return {"site": site_of(session), "badge": fold(badge)}


def person(session: Session, badge: str) -> Person:
    """The person with that badge, active or not; `NotFound` otherwise."""
    found = find(session, badge)
    if found is None:
        raise _nobody(badge)
    return found


def _nobody(badge: str) -> NotFound:
    return NotFound(f"nobody here has the badge {badge!r}", resolver="an administrator")


def called(who: Person) -> str:
    """Printed name and badge, as refusals name people."""
    return _called(who.name, who.badge)


def _called(name: str, badge: str) -> str:
    return f"{name} ({badge})"


def actor(
    session: Session, badge: str, *, role: str, terminal: str = "", login_session: str = ""
) -> Actor:
    """The person as the one who acts, with the name as of now."""
    who = person(session, badge)
    return Actor(
        kind=ActorKind.PERSON,
        id=who.badge,
        name=who.name,
        role=role,
        terminal=terminal,
        session=login_session,
    )


def grants(session: Session, *, at: datetime, badge: str | None = None) -> Sequence[RoleGrant]:
    """The grants in force at that site time, of active people only, in the order of giving."""
    if badge is None:
        return session.scalars(_GRANTS, {"site": site_of(session), "at": at}).all()
    return session.scalars(_GRANTS_OF, {**_asked(session, badge), "at": at}).all()


def roles_of(session: Session, badge: str, at: datetime) -> list[str]:
    """Codes of the roles that the person holds at that site time; none when deactivated."""
    asked = {**_asked(session, badge), "at": at}
    return list(dict.fromkeys(session.scalars(_ROLES_OF, asked)))


def access_ended(session: Session, badge: str, at: datetime) -> datetime | None:
    """When the last role of somebody ended by its own date, with none held or coming; else None.

    Somebody who never held one, or from whom one was taken, is not answered for here.
    """
    query = (
        select(RoleGrant.until)
        .outerjoin(RoleEnd, RoleEnd.grant_id == RoleGrant.id)
        .where(RoleGrant.badge == badge, RoleEnd.id.is_(None))
    )
    ends = session.scalars(query).all()
    if not ends or any(end is None or end > at for end in ends):
        return None
    return _last(ends)


def _last(moments: Iterable[datetime | None]) -> datetime:
    return max(moment for moment in moments if moment is not None)


def held_for_ever(session: Session, natural_key: str) -> list[Held]:
    """All grants, past and coming, of the human being under any badge, with their real ends."""
    rows = session.execute(
        select(RoleGrant, RoleEnd.ended_at, Person.deactivated_at)
        .join(Person, Person.badge == RoleGrant.badge)
        .outerjoin(RoleEnd, RoleEnd.grant_id == RoleGrant.id)
        .where(Person.natural_key == natural_key)
    ).all()
    return [
        Held(role=Role(grant.role), starts_at=grant.starts_at, until=_first(grant.until, *ends))
        for grant, *ends in rows
    ]


def _first(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def trainings(session: Session, badges: Iterable[str]) -> dict[str, list[Training]]:
    """Qualifications in force (not superseded), by badge."""
    found: dict[str, list[Training]] = {}
    rows = session.execute(_TRAININGS, {"site": site_of(session), "badges": list(badges)})
    for badge, subject, valid_from, valid_until in rows:
        found.setdefault(badge, []).append(
            Training(subject=subject, valid_from=valid_from, valid_until=valid_until)
        )
    return found


def qualification_gap(session: Session, badge: str, subject: str, at: datetime) -> str | None:
    """What is missing for work under `subject` at that site time, in words; None: nothing."""
    return next((gap for _, gap in qualification_gaps(session, badge, [subject], at)), None)


def qualification_gaps(
    session: Session, badge: str, subjects: Iterable[str], at: datetime
) -> list[tuple[str, str]]:
    """Of the subjects those that the person lacks at that site time, each with what is missing."""
    matches = BADGE.match(badge.strip())
    who = session.execute(_NAMES, _asked(session, badge)).one_or_none() if matches else None
    if who is None:
        raise _nobody(badge)
    own = trainings(session, [who.badge]).get(who.badge, [])
    words, zone = _called(who.name, who.badge), moment(session).zone
    gaps = ((subject, rules.gap(words, subject, own, at, zone)) for subject in subjects)
    return [(subject, gap) for subject, gap in gaps if gap is not None]


def require_qualified(session: Session, badge: str, subject: str, at: datetime) -> None:
    """`NotQualified`, naming the gap and who can close it, unless trained (URS-IAM-110)."""
    missing = qualification_gap(session, badge, subject, at)
    if missing is not None:
        able = ", ".join(people_who_can(session, "training.record", at=at))
        raise NotQualified(missing, resolver=f"{able or 'nobody yet'}, by recording the training")


def people_who_can(
    session: Session, who: str, subject: str | None = None, at: datetime | None = None
) -> list[str]:
    """Names with badge of those who hold the role or permission `who` (and the qualification).

    For the refusals' "who can resolve"; sorted by badge. `at` is site time, now if not given.
    """
    when = at or moment(session).site
    wanted = [who] if who in set(Role) else [str(role) for role in roles_with(who)]
    badges = {grant.badge for grant in grants(session, at=when) if grant.role in wanted}
    if subject is not None:
        badges = {b for b in badges if qualification_gap(session, b, subject, when) is None}
    rows = session.scalars(select(Person).where(Person.badge.in_(badges)).order_by(Person.badge))
    return [called(row) for row in rows]


def require_independent(session: Session, badge: str, others: Iterable[str]) -> None:
    """`NotIndependent` when the person is, as a human being, one of the others (URS-SIG-040)."""
    who = person(session, badge)
    for other in others:
        acted = person(session, other)
        if rules.same_natural_person(who.natural_key, [acted.natural_key]):
            raise NotIndependent(
                f"{called(who)} is the same person as {called(acted)}, who acted before",
                resolver="another person",
            )


def access_report(session: Session, at: datetime) -> list[AccessLine]:
    """Who held which role at that site time (URS-IAM-040), by badge."""
    names = {row.badge: row.name for row in session.scalars(select(Person))}
    lines = [
        AccessLine(
            badge=grant.badge,
            name=names[grant.badge],
            role=grant.role,
            scope=grant.scope,
            starts_at=grant.starts_at,
            until=grant.until,
            requested_by=grant.requested_by,
            approved_by=grant.approved_by,
        )
        for grant in grants(session, at=at)
    ]
    return sorted(lines, key=lambda line: (line.badge, line.role))


def credential_of(session: Session, badge: str, *, lock: bool = False) -> Credential | None:
    """The person's credential; `lock` orders writers on PostgreSQL."""
    query = select(Credential).where(Credential.badge == badge)
    if lock:
        # What another writer committed while we waited must not hide behind what we read before.
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def public_key(session: Session, key_id: str) -> bytes:
    """The 32 bytes of a public key, revoked or not: signatures of the past verify with it."""
    row = session.scalars(select(PublicKey).where(PublicKey.key_id == key_id)).one_or_none()
    if row is None:
        raise NotFound(f"no personal key {key_id} is known here", resolver="quality assurance")
    return bytes.fromhex(row.public_key)


def has_undertaken(session: Session, badge: str) -> bool:
    """The person has signed that the electronic signature binds."""
    return (
        session.scalars(select(Undertaking.id).where(Undertaking.badge == badge)).first()
        is not None
    )


def lock_in_words(session: Session, credential: Credential) -> str | None:
    """Until when the account is locked, by the clock people see, in words; None when it is not."""
    now = moment(session)
    until = credential.locked_until
    if until is None or until <= now.steady:
        return None
    return show(now.as_shown(until), now.zone)


def accounts(session: Session, natural_key: str) -> Sequence[Person]:
    """All accounts that the human being ever had."""
    return session.scalars(select(Person).where(Person.natural_key == fold(natural_key))).all()
