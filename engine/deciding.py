"""Conditions, cardinalities and correlations, evaluated on values that the host resolves.

Nothing is guessed: where a value is missing the answer is unknown and the run waits for it. What
was asked, with inputs and result, goes into the journal (URS-EXE-050).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.host import Problem
from engine.models import Instance
from engine.moves import Move
from workflows.expressions.language import Outcome
from workflows.expressions.types import Given
from workflows.model import ExclusiveGateway, Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a gateway decided: a flow, or why none could be chosen; `asked` for the journal."""

    flow: Flow | None
    problem: Problem | None
    asked: list[dict[str, Any]]


def evaluate(move: Move, instance: Instance, text: str) -> Outcome:
    """The result of an expression as seen from an instance."""
    compiled = move.program.expression(text)
    values = {name: resolve(move, instance, name) for name in compiled.names}
    return compiled.evaluate(values)


def resolve(move: Move, instance: Instance, name: str) -> Given:
    """A value by name: the round is the engine's own, everything else the host's."""
    if name == "round":
        return instance.round
    return move.host.value(move.session, move.run, instance.path, name)


def asked(flow: str | None, text: str, outcome: Outcome) -> dict[str, Any]:
    """One evaluated expression as a journal fact."""
    return {
        "flow": flow,
        "expression": text,
        "inputs": [{"name": name, "value": value} for name, value in outcome.inputs.items()],
        "result": shown(outcome),
        "problems": list(outcome.problems),
    }


def shown(outcome: Outcome) -> bool | str | None:
    """A result as the journal keeps it; None when unknown."""
    value = outcome.value
    if isinstance(value, Decimal):
        return format(value, "f")
    return value if isinstance(value, (bool, str)) else None


def decide(move: Move, instance: Instance, gateway: ExclusiveGateway, path: str) -> Decision:
    """The first flow, in document order, whose condition is true; else the default.

    A condition that is unknown stops the search: a later one must not win by its absence.
    """
    level, questions = move.level(instance), []
    chosen: Flow | None = None
    for flow in level.outgoing(gateway.id):
        if flow.id == gateway.default:
            continue
        text = flow.condition or "true"
        outcome = evaluate(move, instance, text)
        questions.append(asked(flow.id, text, outcome))
        if not outcome.is_known:
            fact = f"{gateway.id} cannot be decided: {'; '.join(outcome.problems)}"
            problem = Problem(kind="value_unknown", path=path, element=gateway.id, fact=fact)
            return Decision(flow=None, problem=problem, asked=questions)
        if outcome.is_true:
            chosen = flow
            break
    else:
        chosen = next((f for f in level.outgoing(gateway.id) if f.id == gateway.default), None)
    return _bounded(instance, gateway, chosen, path, questions)


def _bounded(
    instance: Instance,
    gateway: ExclusiveGateway,
    chosen: Flow | None,
    path: str,
    questions: list[dict[str, Any]],
) -> Decision:
    problem: Problem | None = None
    if chosen is None:
        fact = f"no condition of {gateway.id} is true and it has no default flow"
        problem = Problem(kind="no_flow", path=path, element=gateway.id, fact=fact)
    elif chosen.max_rounds is not None and instance.counts.get(chosen.id, 0) >= chosen.max_rounds:
        fact = f"{chosen.id} may be taken {chosen.max_rounds} times and was"
        problem = Problem(kind="rounds_exhausted", path=path, element=gateway.id, fact=fact)
    flow = None if problem else chosen
    return Decision(flow=flow, problem=problem, asked=questions)
