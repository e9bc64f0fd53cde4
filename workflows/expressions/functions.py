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
    """One function: rules by number of arguments; `many` holds from two arguments on."""

    takes: str
    rules: tuple[tuple[int, Rule], ...]
    many: bool = False

    def rule_for(self, count: int) -> Rule | None:
        """The rule for this many arguments, None when the function does not take them."""
        if self.many and count > 1:
            return Rule.ALIKE
        return dict(self.rules).get(count)


_EXTREME = Function("one name or several values", ((1, Rule.SERIES),), many=True)
_OVER_NAME = Function("one name", ((1, Rule.SERIES),))
_STEP = Function("a value and a step", ((2, Rule.TO_STEP),))

FUNCTIONS: dict[str, Function] = {
    "abs": Function("one value", ((1, Rule.ALIKE),)),
    "round": _STEP,
    "down": _STEP,
    "if": Function("a condition and two values", ((3, Rule.CHOICE),)),
    "known": Function("one name", ((1, Rule.PRESENCE),)),
    "min": _EXTREME,
    "max": _EXTREME,
    "sum": _OVER_NAME,
    "mean": _OVER_NAME,
    "sd": _OVER_NAME,
    "count": Function("one name", ((1, Rule.SERIES_COUNT),)),
    "outside": Function("a name, low and high", ((3, Rule.SERIES_OUTSIDE),)),
}
