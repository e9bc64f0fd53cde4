"""Gates: lower commands run them, higher packages register checks, and a missing check refuses.

``batch.start``, ``recipe.make_effective``, ``equipment.bind``, ``lot.use`` and ``release`` are the
gates of the house. Each unmet condition says its rule, the fact and who can resolve it, so that a
screen shows all of them at once (promise 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from core.errors import BrokenPromise
from core.house import service
from ebr.errors import GateClosed


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One checked condition: `met`, the fact found, the evidence, and who can resolve it."""

    rule: str
    met: bool
    fact: str
    resolver: str = ""


Check = Callable[[Session, Mapping[str, Any]], list[Condition]]


class Gates:
    """Checks by gate; composed in `app.bootstrap`, where `expect` names what must be there."""

    def __init__(self, expected: Mapping[str, frozenset[str]]) -> None:
        self._expected = expected
        self._checks: dict[str, dict[str, Check]] = {gate: {} for gate in expected}

    def register(self, gate: str, name: str, check: Check) -> None:
        """Add a named check to a gate."""
        if name in self._of(gate):
            raise BrokenPromise(f"check {name} of gate {gate} is registered twice")
        self._checks[gate][name] = check

    def conditions(self, session: Session, gate: str, facts: Mapping[str, Any]) -> list[Condition]:
        """Every condition of the gate, met or not; `BrokenPromise` when a check is missing."""
        missing = self._expected.get(gate, frozenset()) - self._of(gate).keys()
        if missing:
            raise BrokenPromise(f"gate {gate} lacks its checks: {', '.join(sorted(missing))}")
        found: list[Condition] = []
        for check in self._checks[gate].values():
            found += check(session, facts)
        return found

    def _of(self, gate: str) -> dict[str, Check]:
        try:
            return self._checks[gate]
        except KeyError:
            raise BrokenPromise(f"the house was composed without the gate {gate}") from None


def conditions(session: Session, gate: str, **facts: Any) -> list[Condition]:
    """All conditions of a gate for these facts, for a screen that explains them."""
    gates: Gates = service(session, "gates")
    return gates.conditions(session, gate, facts)


def require(session: Session, gate: str, **facts: Any) -> list[Condition]:
    """All conditions hold, else `GateClosed` naming each unmet one."""
    found = conditions(session, gate, **facts)
    unmet = [condition for condition in found if not condition.met]
    if unmet:
        raise GateClosed(
            "; ".join(condition.fact for condition in unmet),
            resolver="; ".join(dict.fromkeys(c.resolver for c in unmet if c.resolver)),
            **_by_rule(unmet),
        )
    return found


def _by_rule(unmet: list[Condition]) -> dict[str, str]:
    facts: dict[str, list[str]] = {}
    for condition in unmet:
        facts.setdefault(condition.rule, []).append(condition.fact)
    return {rule: "; ".join(told) for rule, told in facts.items()}
