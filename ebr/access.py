"""Who may take a record out as a copy: the permission, for the product that the record is about.

The role of an inspector may be limited to one product (URS-IAM-020). The pages keep to that by
themselves; what a command hands out is asked for here, whoever calls it.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.actors import Actor, ActorKind
from ebr import queries
from personnel import permissions
from workflows import queries as definitions


def require(session: Session, number: str, permission: str, *, by: Actor) -> None:
    """The person may do this with this record; services act for people who were asked before.

    Raises NotPermitted, NoSuchRun, and OutOfScope for a record of another product (or of none).
    """
    if by.kind is not ActorKind.PERSON:
        return
    permissions.require(session, by, permission)
    run = queries.run_of(session, number)
    product = definitions.load(session, run.file_digest).header.product
    permissions.require_reach(session, by, permission, product.code if product else None)
