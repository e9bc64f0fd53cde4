"""Would a gateway have decided otherwise after a correction? Told, never acted on (URS-EXE-100)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ebr import definitions
from ebr.context import StepContext
from ebr.dependents import Change
from engine import queries as flow
from workflows.expressions.types import SERIES, Given, Shape

Changes = Mapping[str, Sequence[Change]]


def changed_decisions(context: StepContext, changes: Changes) -> list[str]:
    """Elements whose recorded decision used a value that was corrected and would now differ.

    `changes` are by name. All other inputs stay as recorded.
    """
    return [
        str(fact["path"])
        for fact in flow.journal_of(context.session, context.stream)
        if fact["fact"] == "decision.made"
        and any(_answers_otherwise(context, question, changes) for question in fact["asked"])
    ]


def _answers_otherwise(context: StepContext, question: Mapping[str, Any], changes: Changes) -> bool:
    recorded = {entry["name"]: entry["value"] for entry in question["inputs"]}
    definition = definitions.of(context.run.file_digest, context.procedure)
    before, now = {}, {}
    for name, value in recorded.items():
        plain = name.removesuffix(SERIES)
        before[name] = _given(value, definition.types[plain].shape)
        now[name] = _renewed(value, before[name], changes.get(plain, ()))
    if now == before:
        return False
    outcome = definition.expression(question["expression"], None).evaluate(now)
    return outcome.value is not question["result"]


def _renewed(recorded: Any, given: Any, changes: Sequence[Change]) -> Given:
    """The input as it would be now; of several values each change concerns one."""
    if not isinstance(recorded, list):
        return next((change.now for change in changes if recorded in change.former), given)
    known, renewed = list(recorded), list(given)
    for change in changes:
        place = next((n for n, value in enumerate(known) if value in change.former), None)
        if place is not None:
            known[place] = renewed[place] = change.now
    return renewed


def _given(value: Any, shape: Shape) -> Any:
    if isinstance(value, list):
        return [_given(each, shape) for each in value]
    if value is None or isinstance(value, bool):
        return value
    return Decimal(value) if shape is Shape.NUMBER else str(value)
