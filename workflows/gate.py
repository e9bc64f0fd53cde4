"""The gate before a version takes effect; higher packages register its checks.

The composed house provides the gates under the name ``gates``; without them nothing takes effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy.orm import Session

from core.house import service
from workflows.errors import NotReadyForEffect

MAKE_EFFECTIVE = "recipe.make_effective"


class Condition(Protocol):
    """One checked condition, as the gates answer it."""

    @property
    def met(self) -> bool:
        """Whether it holds."""

    @property
    def fact(self) -> str:
        """What was found."""

    @property
    def resolver(self) -> str:
        """Who can resolve it."""


class Gates(Protocol):
    """What this package asks of the gates of the house."""

    def conditions(
        self, session: Session, gate: str, facts: Mapping[str, Any]
    ) -> Sequence[Condition]:
        """Every condition of a gate, met or not."""


def require_ready(session: Session, *, name: str, file_digest: str) -> None:
    """Raise NotReadyForEffect naming each unmet condition of the gate."""
    gates: Gates = service(session, "gates")
    facts = {"definition": name, "file_digest": file_digest}
    unmet = [c for c in gates.conditions(session, MAKE_EFFECTIVE, facts) if not c.met]
    if unmet:
        raise NotReadyForEffect(
            "; ".join(condition.fact for condition in unmet),
            resolver="; ".join(dict.fromkeys(c.resolver for c in unmet if c.resolver)),
        )
