"""The door of every command: the actor holds a role that permits the act, or is refused.

Deny by default, in the service layer (URS-IAM-020); the table stands in `personnel.matrix`.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.actors import Actor, ActorKind
from core.errors import NotPermitted
from core.house import moment
from core.sites import SiteMode, the_site
from personnel import queries, rules
from personnel.errors import OutOfScope
from personnel.matrix import DEMONSTRATION, SERVICES, roles_with


def require(session: Session, by: Actor, permission: str) -> str:
    """The actor may do this now, else `NotPermitted`; answers the role that gives the right.

    Where several roles of the person give it, the one that the actor acts as is preferred.
    """
    role = _giving_role(session, by, permission)
    if role is None:
        raise _refusal(session, by, permission)
    return role


def require_reach(session: Session, by: Actor, permission: str, product: str | None) -> None:
    """The roles that give a person the permission reach records of this product (None: of none).

    Asked after `require`, where a record is handed out. Raises `OutOfScope` (URS-IAM-020).
    """
    able, at = roles_with(permission), moment(session).site
    giving = [grant for grant in queries.grants(session, at=at, badge=by.id) if grant.role in able]
    reached = rules.reach(grant.scope for grant in giving)
    if reached is not None and product not in reached:
        products = ", ".join(sorted(reached)) or "none"
        raise OutOfScope(
            f"{by.name} ({by.id}) may read records of product {products} only",
            resolver="an administrator, by an invitation to more",
        )


def can(session: Session, by: Actor, permission: str) -> bool:
    """For screens: would `require` let the actor through?"""
    return _giving_role(session, by, permission) is not None


def _giving_role(session: Session, by: Actor, permission: str) -> str | None:
    allowed = roles_with(permission)
    if permission in DEMONSTRATION and the_site(session).mode != SiteMode.DEMONSTRATION:
        return None
    if by.kind is not ActorKind.PERSON:
        named = by.kind is ActorKind.SERVICE and permission in SERVICES.get(by.id, frozenset())
        return by.role if named else None
    held = queries.roles_of(session, by.id, moment(session).site)
    giving = [role for role in held if role in allowed]
    return by.role if by.role in giving else next(iter(giving), None)


def _refusal(session: Session, by: Actor, permission: str) -> NotPermitted:
    if permission in DEMONSTRATION and the_site(session).mode != SiteMode.DEMONSTRATION:
        return NotPermitted(
            "this is possible at a DEMONSTRATION site only",
            resolver="nobody here: do it at a DEMONSTRATION site",
        )
    able = ", ".join(queries.people_who_can(session, permission, at=moment(session).site))
    needed = " or ".join(roles_with(permission))
    why = f"holds no role for this (needed: {needed})"
    if by.kind is not ActorKind.PERSON:
        why = f"is a {by.kind}; this takes a person"
    return NotPermitted(
        f"{by.name} {why}",
        resolver=able or "an administrator, by granting the role",
        permission=permission,
    )
