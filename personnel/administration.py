"""Who may administer people: administrators, and the set-up of a new site until it has two.

A site starts without people. The service named ``set-up`` adds the first two administrators; from
then on, for ever, administration is done by people, and what gives power takes two of them.
"""

from __future__ import annotations

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from core.actors import Actor, ActorKind
from core.house import moment
from personnel import permissions, queries
from personnel.errors import SecondPersonNeeded
from personnel.models import PublicKey, RoleGrant
from personnel.rules import Role

SETUP = "set-up"
LEAST_ADMINISTRATORS = 2


def require(session: Session, by: Actor, permission: str) -> None:
    """An administrator with that permission, or set-up while the site has no administrators."""
    if is_setup(session, by):
        return
    permissions.require(session, by, permission)


def is_setup(session: Session, by: Actor) -> bool:
    """True for the set-up service until two administrators have ever enrolled."""
    if by.kind is not ActorKind.SERVICE or by.id != SETUP:
        return False
    enrolled = (
        select(func.count(distinct(RoleGrant.badge)))
        .join(PublicKey, PublicKey.badge == RoleGrant.badge)
        .where(RoleGrant.role == Role.ADMIN)
    )
    return (session.scalar(enrolled) or 0) < LEAST_ADMINISTRATORS


def require_another(session: Session, by: Actor, *others: str, act: str) -> None:
    """`SecondPersonNeeded` when the actor is, as a human being, one of the others."""
    if is_setup(session, by):
        return
    own = queries.person(session, by.id).natural_key
    for other in others:
        known = queries.find(session, other)
        if known is not None and known.natural_key == own:
            raise SecondPersonNeeded(
                f"{by.name} may not {act}: it takes a person other than {queries.called(known)}",
                resolver=_someone_else(session, own),
            )


def require_administrators_left(session: Session, badge: str) -> None:
    """Refuse to take the role from one of the last two administrators: resets need two people."""
    now = moment(session).site
    left = {grant.badge for grant in queries.grants(session, at=now) if grant.role == Role.ADMIN}
    if badge in left and len(left) <= LEAST_ADMINISTRATORS:
        raise SecondPersonNeeded(
            "a site keeps at least two administrators", resolver="add another administrator first"
        )


def _someone_else(session: Session, natural_key: str) -> str:
    able = queries.people_who_can(session, "credential.confirm")
    own = {queries.called(row) for row in queries.accounts(session, natural_key)}
    return ", ".join(name for name in able if name not in own) or "another administrator"
