"""Which products a document over many records covers (URS-IAM-020, URS-REP-040).

Without a product it is about the whole site, and only for people whose roles are not limited to
some products; somebody limited asks for one product after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.actors import Actor, ActorKind
from ebr import queries
from ebr.printables import Subject
from personnel import permissions
from workflows import queries as definitions


@dataclass(frozen=True, slots=True)
class Scope:
    """The records of one product by its code, or with None of the whole site."""

    session: Session
    product: str | None

    @classmethod
    def of(cls, session: Session, subject: Subject) -> Scope:
        """The product that a subject names, if any."""
        return cls(session, subject.get("product") or None)

    def require(self, permission: str, *, by: Actor) -> None:
        """Raise NotPermitted or OutOfScope; services act for people who were asked before."""
        if by.kind is not ActorKind.PERSON:
            return
        permissions.require(self.session, by, permission)
        permissions.require_reach(self.session, by, permission, self.product)

    def streams(self) -> frozenset[str] | None:
        """The records of the product, None for all of the site."""
        if self.product is None:
            return None
        made: dict[str, bool] = {}
        for run in queries.runs(self.session):
            if run.file_digest not in made:
                product = definitions.load(self.session, run.file_digest).header.product
                made[run.file_digest] = product is not None and product.code == self.product
        return frozenset(run.stream for run in queries.runs(self.session) if made[run.file_digest])

    @property
    def words(self) -> str:
        """What is covered, for the pages."""
        return f"Product {self.product}" if self.product else "All products"

    @property
    def file_words(self) -> str:
        """What is covered, for the name of a file."""
        return f" {self.product}" if self.product else ""
