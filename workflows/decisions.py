"""Decision tables (DMN hit policies) as expressions of our own language (URS-MRC-040).

A table becomes the expression of each parameter that it decides, so it is checked, evaluated,
recorded with its inputs and evaluated again after a correction like any other calculation. Where
the policy does not give an answer (no rule holds, or several where one must) the result is
unknown: never guessed, never the last one that held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from workflows.step import DecisionRule, DecisionTable, Step
from workflows.words import Aggregation, HitPolicy

Case = tuple[str, str]
"""A condition and the value that it gives, each in brackets."""


def decided(step: Step) -> Step:
    """The step with the expressions that its table stands for."""
    if step.decision is None:
        return step
    table = step.decision
    parameters = tuple(
        replace(parameter, expression=expression(table, parameter.code))
        if parameter.code in outputs(table) and parameter.expression is None
        else parameter
        for parameter in step.parameters
    )
    return replace(step, parameters=parameters)


def outputs(table: DecisionTable) -> tuple[str, ...]:
    """The codes of the parameters that a table decides, in order."""
    return tuple(dict.fromkeys(output.parameter for rule in table.rules for output in rule.outputs))


def expression(table: DecisionTable, code: str) -> str | None:
    """What a table says of one parameter; None when a rule says nothing of it."""
    cases = [(f"({rule.when})", value) for rule in table.rules if (value := _value(rule, code))]
    if len(cases) != len(table.rules) or not cases:
        return None
    match table.policy:
        case HitPolicy.FIRST:
            return _first(cases)
        case HitPolicy.UNIQUE:
            return f"if({_count(cases)} = 1, {_first(cases)}, {_unknown(cases)})"
        case HitPolicy.ANY:
            return _any(cases)
        case HitPolicy.COLLECT:
            return _collected(cases, table.aggregation)


def _value(rule: DecisionRule, code: str) -> str | None:
    return next((f"({o.value})" for o in rule.outputs if o.parameter == code), None)


def _first(cases: Sequence[Case]) -> str:
    text = _unknown(cases)
    for condition, value in reversed(cases):
        text = f"if({condition}, {value}, {text})"
    return text


def _unknown(cases: Sequence[Case]) -> str:
    """A value of the right type that nobody knows: what depends on 1 / 0 is unknown."""
    value = cases[0][1]
    return f"if(1 / 0 = 1, {value}, {value})"


def _count(cases: Sequence[Case]) -> str:
    return " + ".join(f"if({condition}, 1, 0)" for condition, _ in cases)


def _any(cases: Sequence[Case]) -> str:
    """The value of a rule that holds, when all that hold give the same."""
    differ = [
        f"(not ({one} and {other}) or {a} = {b})"
        for (one, a), (other, b) in combinations(cases, 2)
        if a != b
    ]
    if not differ:
        return _first(cases)
    return f"if({' and '.join(differ)}, {_first(cases)}, {_unknown(cases)})"


def _collected(cases: Sequence[Case], aggregation: Aggregation | None) -> str | None:
    if aggregation is Aggregation.COUNT:
        return _count(cases)
    if aggregation is Aggregation.SUM:
        # A value less itself is nothing in the unit of the value.
        return " + ".join(f"if({when}, {value}, {value} - {value})" for when, value in cases)
    if aggregation is None:
        return None
    if len(cases) == 1:
        return _first(cases)
    lowest = aggregation is Aggregation.MINIMUM
    pick, rest = ("min", "max") if lowest else ("max", "min")
    beyond = f"{rest}({', '.join(value for _, value in cases)})"
    picked = ", ".join(f"if({when}, {value}, {beyond})" for when, value in cases)
    return f"if({_count(cases)} = 0, {_unknown(cases)}, {pick}({picked}))"
