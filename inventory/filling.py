"""Recording a step whose recipe asks for values that come from labels and lots.

Order: what is known before the entry (a target, which limits may use), then what was typed and
measured, then, in the order of the recipe, calculated values and those that follow from the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.models import Grade
from inventory.errors import UnknownLabelValue
from workflows.rounding import to_decimals
from workflows.step import Parameter
from workflows.words import DataType, Origin


@dataclass(frozen=True, slots=True)
class Filled:
    """A value that the kind gives, with where it comes from (lot, container, account ...)."""

    value: Decimal | int | str
    source: Mapping[str, Any]


Values = Mapping[str, Filled]
Late = Mapping[str, Callable[[], Filled]]
"""Values that are worked out when their turn comes, after the calculated ones before them."""


def record(
    context: StepContext,
    entry: Entry,
    before: Values,
    after: Callable[[], Late],
    *,
    recorded_elsewhere: Collection[str] = (),
) -> None:
    """Record all parameters of the step; `after` runs when what was given is stored.

    Parameters in `recorded_elsewhere` are the caller's. Raises UnknownLabelValue for a label value
    that the kind does not give, and everything that `ebr.values.record` raises.
    """
    done = set(recorded_elsewhere)
    for parameter in _of_labels(context):
        if parameter.code in before:
            store(context, parameter, before[parameter.code])
            done.add(parameter.code)
    _record_given(context, entry, done)
    late = after()
    for parameter in context.spec.parameters:
        if parameter.origin is Origin.CALCULATED:
            values.calculate(context, parameter)
        elif parameter.origin is Origin.LABEL and parameter.code not in done:
            _store_late(context, parameter, late)


def known(values: Values) -> Late:
    """Values that are known already, as late ones."""
    return {code: partial(_same, filled) for code, filled in values.items()}


def _same(filled: Filled) -> Filled:
    return filled


def _of_labels(context: StepContext) -> list[Parameter]:
    return [each for each in context.spec.parameters if each.origin is Origin.LABEL]


def _record_given(context: StepContext, entry: Entry, done: Collection[str]) -> None:
    labels = {parameter.code for parameter in _of_labels(context)}
    given = tuple(
        parameter
        for parameter in context.spec.parameters
        if parameter.origin not in (Origin.LABEL, Origin.CALCULATED) and parameter.code not in done
    )
    typed = {code: texts for code, texts in entry.values.items() if code not in labels | set(done)}
    narrow = replace(context, spec=replace(context.spec, parameters=given))
    values.record(narrow, replace(entry, values=typed))


def _store_late(context: StepContext, parameter: Parameter, late: Late) -> None:
    if parameter.code in late:
        store(context, parameter, late[parameter.code]())
    elif parameter.required:
        raise UnknownLabelValue(
            f"{parameter.code} of {context.spec.key} is given by no label, lot or container",
            resolver="the recipe author",
        )


def store(context: StepContext, parameter: Parameter, filled: Filled) -> None:
    """Store one value that the kind gives, with the decimals of the parameter."""
    value = filled.value
    if isinstance(value, str) or parameter.data_type is DataType.SCAN:
        values.store(
            context,
            parameter,
            0,
            str(value),
            None,
            grade=Grade.SCANNED,
            source=dict(filled.source),
        )
        return
    exact = Decimal(value)
    decimals = 0 if parameter.data_type is DataType.INTEGER else parameter.decimals
    shown = exact
    if decimals is not None:
        shown = to_decimals(Fraction(exact), decimals, parameter.rounding)
    values.store(
        context,
        parameter,
        0,
        format(shown, "f"),
        shown,
        grade=Grade.CALCULATED,
        unrounded=exact,
        source=dict(filled.source),
    )
