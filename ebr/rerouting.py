"""Would a gateway have decided otherwise after a correction? Told, never acted on (URS-EXE-100)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ebr.context import StepContext
from engine import queries as flow
from workflows.expressions.language import compile
from workflows.expressions.types import Given, Shape
from workflows.names import declared_names


def changed_decisions(
    context: StepContext, before: Mapping[str, Decimal | None], after: Mapping[str, Decimal | None]
) -> list[str]:
    """Elements whose recorded decision used a value of this step and would now differ.

    `before` and `after` are numbers by parameter code. All other inputs stay as recorded.
    """
    moved = {
        f"{context.spec.key}.{code}": (old, after.get(code))
        for code, old in before.items()
        if old != after.get(code)
    }
    return [
        str(fact["path"])
        for fact in flow.journal_of(context.session, context.stream)
        if fact["fact"] == "decision.made" and _differs(context, fact, moved)
    ]


def _differs(
    context: StepContext,
    fact: Mapping[str, Any],
    moved: Mapping[str, tuple[Decimal | None, Decimal | None]],
) -> bool:
    return any(_answers_otherwise(context, question, moved) for question in fact["asked"])


def _answers_otherwise(
    context: StepContext,
    question: Mapping[str, Any],
    moved: Mapping[str, tuple[Decimal | None, Decimal | None]],
) -> bool:
    recorded = {entry["name"]: entry["value"] for entry in question["inputs"]}
    used = {
        name: new
        for name, (old, new) in moved.items()
        if name in recorded and old is not None and recorded[name] == str(old)
    }
    if not used:
        return False
    types = declared_names(context.procedure)
    values: dict[str, Given] = {
        name: used[name] if name in used else _given(value, types[name].shape)
        for name, value in recorded.items()
        if name in types
    }
    outcome = compile(question["expression"], types).evaluate(values)
    return outcome.value is not question["result"]


def _given(value: Any, shape: Shape) -> Given:
    if value is None or isinstance(value, bool):
        return value
    return Decimal(value) if shape is Shape.NUMBER else str(value)
