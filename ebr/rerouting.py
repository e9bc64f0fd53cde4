"""Would a gateway have decided otherwise after a correction? Told, never acted on (URS-EXE-100)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ebr import definitions
from ebr.context import StepContext
from engine import queries as flow
from workflows.expressions.types import Given, Shape


def changed_decisions(
    context: StepContext, moved: Mapping[str, tuple[Decimal, Decimal | None]]
) -> list[str]:
    """Elements whose recorded decision used a value that was corrected and would now differ.

    `moved` holds the former and the present number by name. All other inputs stay as recorded.
    """
    return [
        str(fact["path"])
        for fact in flow.journal_of(context.session, context.stream)
        if fact["fact"] == "decision.made" and _differs(context, fact, moved)
    ]


def _differs(
    context: StepContext,
    fact: Mapping[str, Any],
    moved: Mapping[str, tuple[Decimal, Decimal | None]],
) -> bool:
    return any(_answers_otherwise(context, question, moved) for question in fact["asked"])


def _answers_otherwise(
    context: StepContext,
    question: Mapping[str, Any],
    moved: Mapping[str, tuple[Decimal, Decimal | None]],
) -> bool:
    recorded = {entry["name"]: entry["value"] for entry in question["inputs"]}
    used = {
        name: new
        for name, (old, new) in moved.items()
        if name in recorded and recorded[name] == str(old)
    }
    if not used:
        return False
    definition = definitions.of(context.run.file_digest, context.procedure)
    types = definition.types
    values: dict[str, Given] = {
        name: used[name] if name in used else _given(value, types[name].shape)
        for name, value in recorded.items()
        if name in types
    }
    outcome = definition.expression(question["expression"], None).evaluate(values)
    return outcome.value is not question["result"]


def _given(value: Any, shape: Shape) -> Given:
    if value is None or isinstance(value, bool):
        return value
    return Decimal(value) if shape is Shape.NUMBER else str(value)
