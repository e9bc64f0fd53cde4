"""The door of every command: the actor holds a role that permits the act, or is refused.

Deny by default, in the service layer (URS-IAM-020); the table stands in `personnel.matrix`.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.actors import Actor, ActorKind
from core.errors import NotPermitted
from core.house import moment
from core.sites import SiteMode, the_site
from personnel import queries
from personnel.matrix import DEMONSTRATION, SERVICES, roles_with


def require(session: Session, by: Actor, permission: str) -> str:
    """The actor may do this now, else `NotPermitted`; answers the role that gives the right.

    Where several roles of the person give it, the one that the actor acts as is preferred.
    """
    allowed = [str(role) for role in roles_with(permission)]
    if permission in DEMONSTRATION and the_site(session).mode != SiteMode.DEMONSTRATION:
        raise NotPermitted("this is possible at a DEMONSTRATION site only", resolver="nobody")
    if by.kind is not ActorKind.PERSON:
        return _service_role(by, permission)
    held = queries.roles_of(session, by.id, moment(session).site)
    giving = [role for role in held if role in allowed]
    if not giving:
        raise _refusal(session, by, permission, allowed)
    return by.role if by.role in giving else giving[0]


def can(session: Session, by: Actor, permission: str) -> bool:
    """For screens: would `require` let the actor through?"""
    try:
        require(session, by, permission)
    except NotPermitted:
        return False
    return True


def _service_role(by: Actor, permission: str) -> str:
    if permission in SERVICES.get(by.id, frozenset()):
        return by.role
    raise NotPermitted(
        f"{by.name} is a {by.kind} and may not do this", resolver="a person", permission=permission
    )


def _refusal(session: Session, by: Actor, permission: str, allowed: list[str]) -> NotPermitted:
    able = queries.people_who_can(session, permission, at=moment(session).site)
    return NotPermitted(
        f"{by.name} holds no role for this (needed: {' or '.join(allowed)})",
        resolver=", ".join(able) or "an administrator, by granting the role",
        permission=permission,
    )
