"""Writes the reference page of the expression language by evaluating its examples."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product

from workflows.expressions import language
from workflows.expressions.errors import ExpressionError
from workflows.expressions.evaluation import MAX_SERIES
from workflows.expressions.examples import (
    CALLS,
    NAMES,
    OPERATORS,
    UNIT_RULES,
    VALUES,
    WRONG,
    Wrong,
)
from workflows.expressions.functions import FUNCTIONS
from workflows.expressions.language import Outcome
from workflows.expressions.tokens import MAX_DIGITS, MAX_LENGTH
from workflows.expressions.tree import MAX_DEPTH, MAX_NODES
from workflows.expressions.types import BOOLEAN, Given
from workflows.units import KINDS, symbols_of

TRUTH: tuple[Given, ...] = (True, False, None)
SHOWN = 46
HEAD = """# Expressions

Generated from the code by `python -m tools.reference`; a test compares it.

Conditions, limits, quantities, set points, numbers of rounds and calculated parameters are
expressions. The language has no side effects, no loops and no way out of itself; an approved
expression always answers in about a millisecond (URS-MRC-090). Every result on this page was made
by evaluating what stands beside it.

## Values

| Written | Is |
| --- | --- |
| `2.5`, `40.0 Cel`, `2.5 %`, `80 /min` | a number, with its unit behind it |
| `'clear'` | a text |
| `true`, `false` | a truth value |
| `G170.mean` | the latest value of parameter `mean` of step `G170` |
| `G170.round` | how often step `G170` has been performed so far |
| `G170.elapsed` | how long its latest performance took, or takes so far |
| `round` | the round of this level, when it is repeated by a call activity |
| `batch.size`, `formula.KEY`, `theory.KEY` | batch size, formula line, theoretical yield, scaled |
| `FBD.TI102` | tag `TI102`, now, of the unit bound to equipment requirement `FBD` |

A name that is not declared is refused when the file is imported.
"""
OPERATORS_HEAD = """
## Operators, weakest first

| Operator | Takes | Example | Answers |
| --- | --- | --- | --- |"""
OPERATORS_FOOT = """
Signs and calls bind strongest, brackets group. Comparisons do not chain: write
`1 < x and x < 3`. `<`, `<=`, `>` and `>=` order numbers only. A division behind a number needs
blanks: `3 / x`."""
FUNCTIONS_HEAD = """
## Functions

| Function | Answers | Example | Gives |
| --- | --- | --- | --- |"""
FUNCTIONS_FOOT = """
*All values of a name* are the replicates of the latest performance of its step; seen from outside
a repeated level they are those of the latest performance in every round."""
MISSING_HEAD = """
## What is missing

A value that is not recorded, stale or bad is missing, and what depends on it is unknown: never
false, never zero. Only where the other side decides alone there is an answer:

| `a` | `b` | `a and b` | `a or b` | `not a` |
| --- | --- | --- | --- | --- |"""
MISSING_FOOT = """
A comparison or a calculation with something unknown is unknown, and so is a division by zero. `if`
needs its condition and the value that is chosen, not the other one. `known(name)` is always true or
false. The sum of an empty list is 0 and its count 0; its mean is unknown, and one missing value
makes every function over the list unknown. A gateway whose condition is unknown does not choose:
the run waits for the value, and says for which. Each condition that was asked stands in the record
with its inputs and its result (URS-EXE-050)."""
UNITS_HEAD = """
## Units

Units are checked when the file is imported. In a limit, a quantity or a set point a number without
unit counts in the unit beside it. Anywhere else it never stands beside a percentage, because one of
`2.5 %` and `250 %` would be wrong. Degrees Celsius stand for themselves and do not convert.

| Rule | For example true |
| --- | --- |"""
KINDS_HEAD = """
Approved units, by kind:

| Kind | Units |
| --- | --- |"""
ERRORS_HEAD = """
## Errors

An expression that is wrong is refused when the file is imported, with the element, the line, a code
and the place in the text; a caret stands below it on the command line, a line on the screen. The
first mistake is told. Every way to be refused:
"""


def page() -> str:
    """The page in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD.rstrip("\n")
    yield OPERATORS_HEAD
    for sign, takes, example in OPERATORS:
        yield f"| `{sign}` | {takes} | `{example}` | {answer(example)} |"
    yield OPERATORS_FOOT
    yield FUNCTIONS_HEAD
    for name, function in FUNCTIONS.items():
        example = CALLS[name]
        told = f"| `{function.written}` | {function.answers} | `{example}` |"
        yield f"{told} {answer(example)} |"
    yield FUNCTIONS_FOOT
    yield f"In these examples {_given()}."
    yield MISSING_HEAD
    for a, b in product(TRUTH, TRUTH):
        yield _truth_row(a, b)
    yield MISSING_FOOT
    yield from _units()
    yield ERRORS_HEAD.rstrip("\n")
    for code in dict.fromkeys(refusal(wrong).rule for wrong in WRONG):
        yield from _errors(code)
    yield from _bounds()


def _given() -> str:
    told = []
    for name, value in VALUES.items():
        if isinstance(value, list):
            told.append(f"`{name.removesuffix('[]')}` has the values {', '.join(map(str, value))}")
        elif not name.endswith("[]"):
            shown = f"'{value}'" if isinstance(value, str) else str(value).lower()
            unit = NAMES[name].unit
            told.append(f"`{name}` is {shown}{'' if unit == '1' else f' {unit}'}")
    return "; ".join(told)


def answer(example: str) -> str:
    """The result of an example in words."""
    compiled = language.compile(example, NAMES)
    return shown(compiled.evaluate(VALUES), compiled.unit)


def shown(outcome: Outcome, unit: str | None = None) -> str:
    """A result in words: a number of at most ten decimals with its unit."""
    if isinstance(outcome.value, bool):
        return "true" if outcome.value else "false"
    if isinstance(outcome.value, Decimal):
        rounded = f"{round(outcome.value, 10):f}"
        number = rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
        return number if unit in (None, "1") else f"{number} {unit}"
    return str(outcome.value) if outcome.is_known else "unknown"


def _truth_row(a: Given, b: Given) -> str:
    names = {"a": BOOLEAN, "b": BOOLEAN}
    texts = ("a and b", "a or b", "not a")
    told = [language.compile(text, names).evaluate({"a": a, "b": b}) for text in texts]
    given = ("unknown" if each is None else str(each).lower() for each in (a, b))
    return f"| {' | '.join((*given, *map(shown, told)))} |"


def _units() -> Iterator[str]:
    yield UNITS_HEAD
    for rule, example in UNIT_RULES:
        yield f"| {rule} | `{example}` |"
    yield KINDS_HEAD
    for dimension, kind in KINDS.items():
        yield f"| {kind} | {' '.join(f'`{symbol}`' for symbol in symbols_of(dimension))} |"


def refusal(wrong: Wrong) -> ExpressionError:
    """The error of a text that is wrong. Raises ValueError when it compiles."""
    try:
        if wrong.condition:
            language.compile_condition(wrong.text, NAMES)
        else:
            language.compile(wrong.text, NAMES, unit=wrong.unit)
    except ExpressionError as error:
        return error
    raise ValueError(f"{wrong.text} is no example of a mistake")


def _errors(code: str) -> Iterator[str]:
    yield f"\n### `{code}`\n"
    yield "```text"
    for wrong in WRONG:
        error = refusal(wrong)
        if error.rule == code:
            text, position = _cut(wrong.text, error.position)
            yield f"{text}\n{' ' * position}^ {error}"
    yield "```"


def _cut(text: str, position: int) -> tuple[str, int]:
    """A long text with its middle left out, so that the place of the mistake still shows."""
    if len(text) <= SHOWN:
        return text, position
    begin = max(0, min(position - SHOWN // 2, len(text) - SHOWN))
    cut = text[begin : begin + SHOWN]
    before, behind = "..." if begin else "", "..." if begin + SHOWN < len(text) else ""
    return before + cut + behind, position - begin + len(before)


def _bounds() -> Iterator[str]:
    yield "\n## Bounds\n"
    yield f"At most {MAX_LENGTH:,} characters, {MAX_NODES} parts, {MAX_DEPTH} levels of nesting,"
    yield f"{MAX_DIGITS} digits in a number, {MAX_SERIES:,} values in a list. A longer text is"
    yield "refused before it is read."
