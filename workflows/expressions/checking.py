"""Types and units of a parsed expression, checked before anything is approved (URS-MRC-090).

A number without unit never stands for a percentage: ``LOD > 2.5`` is refused where LOD is in
percent, because one of ``2.5 %`` and ``250 %`` would be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.expressions.errors import ExpressionError
from workflows.expressions.functions import FUNCTIONS, Rule
from workflows.expressions.tree import (
    COMPARISONS,
    Binary,
    Call,
    Constant,
    Name,
    Number,
    Tree,
    Unary,
)
from workflows.expressions.types import SERIES, Shape, Type
from workflows.units import DIMENSIONLESS, UNITS, Dimension, combine, symbols_of


@dataclass(frozen=True, slots=True)
class Checked:
    """What a part of an expression is; `bare` numbers have no unit and name nothing."""

    shape: Shape
    dimension: Dimension = DIMENSIONLESS
    percent: bool = False
    bare: bool = False
    choices: tuple[str, ...] = ()


TRUTH = Checked(Shape.BOOLEAN)


class Checker:
    """Walks a tree once; `used` collects the names that a value must be given for."""

    def __init__(self, names: Mapping[str, Type]) -> None:
        self._names = names
        self.used: set[str] = set()

    def check(self, tree: Tree) -> Checked:
        """The type of a part. Raises ExpressionError at the position of the mistake."""
        match tree:
            case Number():
                return self._number(tree)
            case Constant():
                is_truth = isinstance(tree.value, bool)
                return TRUTH if is_truth else Checked(Shape.TEXT)
            case Name():
                self.used.add(tree.name)
                return self._declared(tree)
            case Unary():
                return self._unary(tree)
            case Binary():
                return self._binary(tree)
            case Call():
                return self._call(tree)

    def _number(self, tree: Number) -> Checked:
        if tree.unit is None:
            return Checked(Shape.NUMBER, bare=True)
        unit = UNITS[tree.unit]
        return Checked(Shape.NUMBER, unit.dimension, percent=tree.unit == "%")

    def _declared(self, tree: Name) -> Checked:
        declared = self._names.get(tree.name)
        if declared is None:
            raise ExpressionError(
                f"{tree.name} is not a declared name",
                position=tree.position,
                rule="expression.name",
            )
        if declared.shape is not Shape.NUMBER:
            return Checked(declared.shape, choices=declared.choices)
        unit = UNITS[declared.unit]
        return Checked(Shape.NUMBER, unit.dimension, percent=declared.unit == "%")

    def _unary(self, tree: Unary) -> Checked:
        operand = self.check(tree.operand)
        needed = Shape.BOOLEAN if tree.operator == "not" else Shape.NUMBER
        self._need(operand, needed, tree.position)
        return operand

    def _binary(self, tree: Binary) -> Checked:
        left, right = self.check(tree.left), self.check(tree.right)
        if tree.operator in ("and", "or"):
            self._need(left, Shape.BOOLEAN, tree.position)
            self._need(right, Shape.BOOLEAN, tree.position)
            return TRUTH
        if tree.operator in COMPARISONS:
            return self._comparison(tree, left, right)
        self._need(left, Shape.NUMBER, tree.position)
        self._need(right, Shape.NUMBER, tree.position)
        if tree.operator in ("+", "-"):
            return self._alike(left, right, tree.position)
        return _scaled(left, right, 1 if tree.operator == "*" else -1)

    def _comparison(self, tree: Binary, left: Checked, right: Checked) -> Checked:
        if left.shape is not right.shape:
            raise _mistake(f"a {left.shape.value} is compared with a {right.shape.value}", tree)
        if left.shape is Shape.NUMBER:
            self._alike(left, right, tree.position)
        elif tree.operator not in ("=", "!="):
            raise _mistake(f"{tree.operator} orders numbers only", tree)
        self._check_choice(left, tree.right)
        self._check_choice(right, tree.left)
        return TRUTH

    def _check_choice(self, side: Checked, other: Tree) -> None:
        if not side.choices or not isinstance(other, Constant):
            return
        if other.value not in side.choices:
            allowed = ", ".join(side.choices)
            raise _mistake(f"{other.value!r} is none of the choices {allowed}", other)

    def _alike(self, left: Checked, right: Checked, position: int) -> Checked:
        if left.dimension != right.dimension:
            raise ExpressionError(
                f"{_words(left)} and {_words(right)} do not go together",
                position=position,
                rule="expression.unit",
            )
        if (left.percent and right.bare) or (right.percent and left.bare):
            raise ExpressionError(
                "a number without unit stands beside a percentage: write its unit, like 2.5 %",
                position=position,
                rule="expression.unit",
            )
        percent = left.percent or right.percent
        return Checked(Shape.NUMBER, left.dimension, percent, left.bare and right.bare)

    def _need(self, part: Checked, shape: Shape, position: int) -> None:
        if part.shape is not shape:
            raise ExpressionError(
                f"a {shape.value} is needed here, not a {part.shape.value}",
                position=position,
                rule="expression.type",
            )

    def _call(self, tree: Call) -> Checked:
        function = FUNCTIONS.get(tree.function)
        if function is None:
            known = ", ".join(sorted(FUNCTIONS))
            raise _mistake(f"{tree.function} is not a function; there are {known}", tree)
        rule = function.rule_for(len(tree.arguments))
        if rule is None:
            raise _mistake(f"{tree.function} takes {function.takes}", tree)
        return self._by_rule(rule, tree)

    def _by_rule(self, rule: Rule, tree: Call) -> Checked:
        if rule is Rule.PRESENCE:
            self._listed(tree, suffix="")
            return TRUTH
        if rule is Rule.CHOICE:
            return self._if(tree)
        if rule in (Rule.SERIES, Rule.SERIES_COUNT, Rule.SERIES_OUTSIDE):
            return self._series(rule, tree)
        parts = [self.check(argument) for argument in tree.arguments]
        for part in parts:
            self._need(part, Shape.NUMBER, tree.position)
        result = parts[0]
        for part in parts[1:]:
            result = self._alike(result, part, tree.position)
        if rule is Rule.TO_STEP:
            self._positive_step(tree)
            return parts[0]
        return result

    def _if(self, tree: Call) -> Checked:
        condition, yes, no = (self.check(argument) for argument in tree.arguments)
        self._need(condition, Shape.BOOLEAN, tree.position)
        self._need(no, yes.shape, tree.position)
        return self._alike(yes, no, tree.position) if yes.shape is Shape.NUMBER else yes

    def _series(self, rule: Rule, tree: Call) -> Checked:
        of = self._listed(tree, suffix=SERIES)
        if rule is Rule.SERIES_COUNT:
            return Checked(Shape.NUMBER)
        self._need(of, Shape.NUMBER, tree.position)
        for bound in tree.arguments[1:]:
            part = self.check(bound)
            self._need(part, Shape.NUMBER, bound.position)
            self._alike(of, part, bound.position)
        return Checked(Shape.NUMBER) if rule is Rule.SERIES_OUTSIDE else of

    def _listed(self, tree: Call, *, suffix: str) -> Checked:
        first = tree.arguments[0]
        if not isinstance(first, Name):
            raise _mistake(f"{tree.function} of one argument takes a name", tree)
        declared = self._declared(first)
        self.used.add(first.name + suffix)
        return declared

    def _positive_step(self, tree: Call) -> None:
        step = tree.arguments[1]
        if not isinstance(step, Number) or step.value <= 0:
            raise _mistake(f"{tree.function} rounds to a written step such as 0.01 kg", tree)


def _scaled(left: Checked, right: Checked, sign: int) -> Checked:
    percent = sign == 1 and ((left.percent and right.bare) or (right.percent and left.bare))
    percent = percent or (sign == -1 and left.percent and right.bare)
    return Checked(
        Shape.NUMBER,
        combine(left.dimension, right.dimension, sign),
        percent,
        left.bare and right.bare,
    )


def _words(part: Checked) -> str:
    units = list(symbols_of(part.dimension))
    if part.dimension == DIMENSIONLESS:
        return "a number without unit" if part.bare else "a ratio"
    return f"a quantity in {units[0]}" if units else "a quantity of an unnamed kind"


def _mistake(message: str, tree: Tree) -> ExpressionError:
    return ExpressionError(message, position=tree.position, rule="expression.type")
