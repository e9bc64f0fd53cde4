"""Evaluates a checked expression over exact fractions in base units; three-valued.

An input that is missing makes everything unknown that depends on it, except where the other side
decides alone (Kleene: false and unknown is false).
"""

from __future__ import annotations

import decimal
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from workflows.expressions.tree import Binary, Call, Constant, Name, Number, Tree, Unary
from workflows.expressions.types import SERIES, UNKNOWN, Given, Shape, Type, Unknown
from workflows.units import UNITS

MAX_MAGNITUDE = 40
MAX_SERIES = 10_000
ROOT_DIGITS = 50

Exact: TypeAlias = Fraction | bool | str | Unknown


class Evaluation:
    """One evaluation; `problems` says why something is unknown, in words."""

    def __init__(self, names: Mapping[str, Type], values: Mapping[str, Given]) -> None:
        self._names = names
        self._values = values
        self.problems: list[str] = []

    def value(self, tree: Tree) -> Exact:
        """The value of a part. Raises TypeError for a value that is not of its declared type."""
        match tree:
            case Number():
                return tree.value * (UNITS[tree.unit].factor if tree.unit else 1)
            case Constant():
                return tree.value
            case Name():
                return self._named(tree.name)
            case Unary():
                return self._unary(tree)
            case Binary():
                return self._binary(tree)
            case Call():
                return self._call(tree)

    def _named(self, name: str) -> Exact:
        given = self._values.get(name)
        if given is None:
            return self._unknown(f"{name} has no value")
        return _typed(name, self._names[name], given)

    def _unknown(self, problem: str) -> Unknown:
        if problem not in self.problems:
            self.problems.append(problem)
        return UNKNOWN

    def _unary(self, tree: Unary) -> Exact:
        operand = self.value(tree.operand)
        if operand is UNKNOWN:
            return UNKNOWN
        return (not operand) if tree.operator == "not" else -_number(operand)

    def _binary(self, tree: Binary) -> Exact:
        left, right = self.value(tree.left), self.value(tree.right)
        if tree.operator in ("and", "or"):
            return _kleene(left, right, deciding=tree.operator == "or")
        if left is UNKNOWN or right is UNKNOWN:
            return UNKNOWN
        if tree.operator in ("=", "!="):
            return (left == right) is (tree.operator == "=")
        return self._arithmetic(tree.operator, _number(left), _number(right))

    def _arithmetic(self, operator: str, left: Fraction, right: Fraction) -> Exact:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right if right else self._unknown("division by zero")
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
            case _:
                return left >= right

    def _call(self, tree: Call) -> Exact:
        first = tree.arguments[0]
        if tree.function == "known" and isinstance(first, Name):
            return self._values.get(first.name) is not None
        if tree.function == "if":
            return self._if(tree)
        if tree.function in ("sum", "mean", "sd", "count", "outside") or (
            tree.function in ("min", "max") and len(tree.arguments) == 1
        ):
            return self._over_series(tree)
        values = [self.value(argument) for argument in tree.arguments]
        if any(value is UNKNOWN for value in values):
            return UNKNOWN
        return _plain(tree.function, [_number(value) for value in values])

    def _if(self, tree: Call) -> Exact:
        condition, yes, no = tree.arguments
        decided = self.value(condition)
        if decided is UNKNOWN:
            return UNKNOWN
        return self.value(yes if decided else no)

    def _over_series(self, tree: Call) -> Exact:
        name = tree.arguments[0]
        if not isinstance(name, Name):
            raise TypeError(f"{tree.function} was given no series; the checker refuses that")
        series = self._series(name.name)
        bounds = [self.value(bound) for bound in tree.arguments[1:]]
        if series is None or any(bound is UNKNOWN for bound in bounds):
            return UNKNOWN
        return self._reduce(tree.function, name.name, series, [_number(b) for b in bounds])

    def _series(self, name: str) -> list[Fraction] | None:
        given = self._values.get(name + SERIES)
        if given is None or isinstance(given, (Decimal, bool, str, int)):
            self._unknown(f"{name} has no list of values")
            return None
        if len(given) > MAX_SERIES:
            raise ValueError(f"{name}: more than {MAX_SERIES} values")
        if any(value is None for value in given):
            self._unknown(f"a value of {name} is missing")
            return None
        return [_series_number(name, self._names[name], value) for value in given]

    def _reduce(
        self, function: str, name: str, series: list[Fraction], bounds: Sequence[Fraction]
    ) -> Exact:
        if function == "count":
            return Fraction(len(series))
        if function == "sum":
            return sum(series, Fraction(0))
        if function == "outside":
            low, high = bounds
            return Fraction(sum(not low <= value <= high for value in series))
        if len(series) < (2 if function == "sd" else 1):
            return self._unknown(f"{name} has too few values for {function}")
        if function == "sd":
            return standard_deviation(series)
        if function == "mean":
            return sum(series, Fraction(0)) / len(series)
        return min(series) if function == "min" else max(series)


def standard_deviation(series: Sequence[Fraction]) -> Fraction:
    """Sample standard deviation of two or more values, the root taken to 50 digits."""
    mean = sum(series, Fraction(0)) / len(series)
    variance = sum(((value - mean) ** 2 for value in series), Fraction(0)) / (len(series) - 1)
    with decimal.localcontext(prec=ROOT_DIGITS):
        return Fraction((Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt())


def _plain(function: str, values: Sequence[Fraction]) -> Fraction:
    if function == "abs":
        return abs(values[0])
    if function == "min":
        return min(values)
    if function == "max":
        return max(values)
    value, step = values
    half = Fraction(1, 2) if function == "round" else Fraction(0)
    magnitude = (abs(value) / step + half).__floor__() * step
    return magnitude if value >= 0 else -magnitude


def _kleene(left: Exact, right: Exact, *, deciding: bool) -> bool | Unknown:
    if left is deciding or right is deciding:
        return deciding
    return UNKNOWN if left is UNKNOWN or right is UNKNOWN else not deciding


def _number(value: Exact) -> Fraction:
    if isinstance(value, Fraction):
        return value
    raise TypeError(f"a number is needed, not {value!r}")


def _typed(name: str, declared: Type, given: Given) -> Fraction | bool | str:
    if declared.shape is Shape.BOOLEAN and isinstance(given, bool):
        return given
    if declared.shape is Shape.TEXT and isinstance(given, str):
        return given
    if declared.shape is Shape.NUMBER:
        return _series_number(name, declared, given)
    raise TypeError(f"{name}: {given!r} is not a {declared.shape.value}")


def _series_number(name: str, declared: Type, given: object) -> Fraction:
    if isinstance(given, bool) or not isinstance(given, (Decimal, int)):
        raise TypeError(f"{name}: {given!r} is not an exact number")
    exact = Decimal(given)
    if not exact.is_finite() or (exact and abs(exact.adjusted()) > MAX_MAGNITUDE):
        raise ValueError(f"{name}: {given} is not a usable number")
    return Fraction(exact) * UNITS[declared.unit].factor
