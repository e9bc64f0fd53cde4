"""The functions of the language: how many arguments each takes and how it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Rule(Enum):
    """How the arguments of a function are typed and its result follows from them."""

    ALIKE = auto()
    """Numbers of one unit give a number of that unit."""
    TO_STEP = auto()
    """A number and a written step of its unit."""
    CHOICE = auto()
    """A condition and two values alike."""
    PRESENCE = auto()
    """A name; true when it has a value."""
    SERIES = auto()
    """A name; a number of its unit over all its values."""
    SERIES_COUNT = auto()
    """A name; how many values there are."""
    SERIES_OUTSIDE = auto()
    """A name, low and high; how many values lie outside."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: rules by number of arguments; `many` holds from two arguments on.

    `written` shows its arguments and `answers` says the result, for the reference.
    """

    takes: str
    written: str
    answers: str
    rules: tuple[tuple[int, Rule], ...]
    many: bool = False

    def rule_for(self, count: int) -> Rule | None:
        """The rule for this many arguments, None when the function does not take them."""
        if self.many and count > 1:
            return Rule.ALIKE
        return dict(self.rules).get(count)


_OVER_NAME = ((1, Rule.SERIES),)
_TO_STEP = ((2, Rule.TO_STEP),)
_STEP = "a value and a step"
_MANY = "one name or several values"

FUNCTIONS: dict[str, Function] = {
    "abs": Function("one value", "abs(x)", "the magnitude", ((1, Rule.ALIKE),)),
    "round": Function(_STEP, "round(x, step)", "`x` to a written step, half up", _TO_STEP),
    "down": Function(_STEP, "down(x, step)", "`x` down to a written step, towards zero", _TO_STEP),
    "if": Function(
        "a condition and two values",
        "if(condition, a, b)",
        "`a` when the condition is true, `b` when it is false",
        ((3, Rule.CHOICE),),
    ),
    "known": Function(
        "one name", "known(name)", "whether the name has a value", ((1, Rule.PRESENCE),)
    ),
    "min": Function(
        _MANY, "min(a, b, ...)", "the smallest; of one name, of all its values", _OVER_NAME, True
    ),
    "max": Function(
        _MANY, "max(a, b, ...)", "the largest; of one name, of all its values", _OVER_NAME, True
    ),
    "sum": Function("one name", "sum(name)", "the sum of all its values; 0 of none", _OVER_NAME),
    "mean": Function("one name", "mean(name)", "the mean of all its values", _OVER_NAME),
    "sd": Function(
        "one name", "sd(name)", "their sample standard deviation, of two or more", _OVER_NAME
    ),
    "count": Function(
        "one name", "count(name)", "how many values it has", ((1, Rule.SERIES_COUNT),)
    ),
    "outside": Function(
        "a name, low and high",
        "outside(name, low, high)",
        "how many of its values lie below `low` or above `high`",
        ((3, Rule.SERIES_OUTSIDE),),
    ),
}
