"""Conditions, cardinalities and correlations, evaluated on values that the host resolves.

Nothing is guessed: where a value is missing the answer is unknown and the run waits for it. What
was asked, with inputs and result, goes into the journal (URS-EXE-050).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from engine.host import Problem
from engine.models import Instance
from engine.moves import Move
from workflows.drawn import drawn_id
from workflows.expressions.language import Outcome
from workflows.expressions.types import Given
from workflows.model import ExclusiveGateway, Flow, InclusiveGateway

Deciding: TypeAlias = ExclusiveGateway | InclusiveGateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a gateway decided: flows, or why none could be chosen; `asked` for the journal."""

    flows: tuple[Flow, ...]
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


def decide(move: Move, instance: Instance, gateway: Deciding, path: str) -> Decision:
    """The flows that leave a gateway now, in document order; the default when no condition is true.

    An exclusive gateway takes the first true one, an inclusive one every true one and every flow
    without condition. A condition that is unknown stops the search: a later one must not win by
    its absence.
    """
    level, questions = move.level(instance), []
    taken: list[Flow] = []
    met = False
    for flow in level.outgoing(gateway.id):
        if flow.id == gateway.default:
            continue
        if flow.condition is None and isinstance(gateway, InclusiveGateway):
            taken.append(flow)
            continue
        text = flow.condition or "true"
        outcome = evaluate(move, instance, text)
        questions.append(asked(flow.id, text, outcome))
        if not outcome.is_known:
            fact = f"{drawn_id(gateway.id)} cannot be decided: {'; '.join(outcome.problems)}"
            problem = Problem(
                kind="value_unknown", path=path, element=drawn_id(gateway.id), fact=fact
            )
            return Decision(flows=(), problem=problem, asked=questions)
        if outcome.is_true:
            taken.append(flow)
            met = True
            if isinstance(gateway, ExclusiveGateway):
                break
    if not met:
        taken += [flow for flow in level.outgoing(gateway.id) if flow.id == gateway.default]
    return _bounded(instance, gateway, taken, path, questions)


def _bounded(
    instance: Instance,
    gateway: Deciding,
    taken: Sequence[Flow],
    path: str,
    questions: list[dict[str, Any]],
) -> Decision:
    element = drawn_id(gateway.id)
    problem: Problem | None = None
    spent = [flow for flow in taken if _is_spent(instance, flow)]
    if not taken:
        fact = f"no condition of {element} is true and it has no default flow"
        problem = Problem(kind="no_flow", path=path, element=element, fact=fact)
    elif spent:
        fact = f"{spent[0].id} may be taken {spent[0].max_rounds} times and was"
        problem = Problem(kind="rounds_exhausted", path=path, element=element, fact=fact)
    return Decision(flows=() if problem else tuple(taken), problem=problem, asked=questions)


def _is_spent(instance: Instance, flow: Flow) -> bool:
    return flow.max_rounds is not None and instance.counts.get(flow.id, 0) >= flow.max_rounds
