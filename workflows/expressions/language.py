"""The one door to the expression language: `compile` a text, then `evaluate` it.

Deterministic, without side effects, bounded in length, depth, parts and digits, so that an
approved recipe always answers in about a millisecond (URS-MRC-090). Numbers are exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from workflows.expressions.checking import Checked, Checker
from workflows.expressions.errors import ExpressionError
from workflows.expressions.evaluation import Evaluation
from workflows.expressions.tree import Tree, parse
from workflows.expressions.types import UNKNOWN, Given, Shape, Type, Unknown
from workflows.rounding import to_decimal, to_decimals
from workflows.units import UNITS, unit
from workflows.words import Rounding

Recorded: TypeAlias = str | bool | list[str | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result with what it came from, as it goes into the record.

    `value` counts in the unit of the compiled expression (34 digits where it does not terminate);
    `exact` is the same number unrounded. `problems` says why a result is unknown.
    """

    value: Decimal | bool | str | Unknown
    exact: Fraction | None = None
    inputs: Mapping[str, Recorded] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether there is a result."""
        return self.value is not UNKNOWN

    @property
    def is_true(self) -> bool:
        """Whether the result is the truth value true; unknown is not true."""
        return self.value is True

    def rounded(self, decimals: int, rule: Rounding = Rounding.HALF_UP) -> Decimal:
        """The number with `decimals` decimals, rounded once. Raises ValueError without number."""
        if self.exact is None:
            raise ValueError("there is no number to round")
        return to_decimals(self.exact, decimals, rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A checked expression: `names` are the inputs it needs (``D040.net[]`` is a list).

    `unit` is the symbol that a number result counts in.
    """

    text: str
    names: frozenset[str]
    shape: Shape
    unit: str | None
    scale: Fraction
    tree: Tree
    types: Mapping[str, Type]

    def evaluate(self, values: Mapping[str, Given]) -> Outcome:
        """The result for these inputs; a name without value, or None, is missing.

        Raises TypeError or ValueError when a value is not of the declared type.
        """
        run = Evaluation(self.types, values)
        result = run.value(self.tree)
        inputs = {name: _recorded(values.get(name)) for name in sorted(self.names)}
        if not isinstance(result, Fraction):
            return Outcome(value=result, inputs=inputs, problems=tuple(run.problems))
        exact = result / self.scale
        return Outcome(
            value=to_decimal(exact), exact=exact, inputs=inputs, problems=tuple(run.problems)
        )


def compile(text: str, names: Mapping[str, Type], *, unit: str | None = None) -> Compiled:
    """Compile any expression. Raises ExpressionError with the position of the first mistake.

    With `unit` the result must be a number of that kind; a number without any unit counts in it
    (so ``2.5`` as a limit in percent means 2.5 %). Without it a number counts in base units, or
    in percent where the expression does.
    """
    tree = parse(text)
    checker = Checker(names)
    checked = checker.check(tree)
    symbol, scale = _result_unit(checked, unit)
    types = {name: names[name.removesuffix("[]")] for name in checker.used}
    types |= {name.removesuffix("[]"): type_ for name, type_ in types.items()}
    return Compiled(
        text=text,
        names=frozenset(checker.used),
        shape=checked.shape,
        unit=symbol,
        scale=scale,
        tree=tree,
        types=types,
    )


def compile_condition(text: str, names: Mapping[str, Type]) -> Compiled:
    """Compile an expression that answers true or false. Raises ExpressionError."""
    compiled = compile(text, names)
    if compiled.shape is not Shape.BOOLEAN:
        raise ExpressionError(
            "a condition answers true or false", position=0, rule="expression.type"
        )
    return compiled


def _result_unit(checked: Checked, wanted: str | None) -> tuple[str | None, Fraction]:
    if wanted is None:
        if checked.shape is not Shape.NUMBER:
            return None, Fraction(1)
        percent = "%" if checked.percent else _base_symbol(checked)
        return percent, UNITS[percent].factor if percent else Fraction(1)
    target = unit(wanted)
    if checked.shape is not Shape.NUMBER:
        raise ExpressionError(f"a number in {wanted} is needed", position=0, rule="expression.type")
    if checked.bare:
        return wanted, Fraction(1)
    if checked.dimension != target.dimension:
        raise ExpressionError(
            f"the result is not a quantity in {wanted}", position=0, rule="expression.unit"
        )
    return wanted, target.factor


def _base_symbol(checked: Checked) -> str | None:
    for symbol, known in UNITS.items():
        if known.dimension == checked.dimension and known.factor == 1:
            return symbol
    return None


def _recorded(given: Given) -> Recorded:
    if given is None or isinstance(given, (bool, str)):
        return given
    if isinstance(given, (Decimal, int)):
        return str(given)
    return [None if value is None else str(value) for value in given]
