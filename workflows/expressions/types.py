"""The types that names and results of expressions have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final, Literal, TypeAlias

SERIES = "[]"
"""Suffix of a name in `Compiled.names` that stands for all values recorded under it."""


class Shape(Enum):
    """What a value is."""

    NUMBER = "number"
    BOOLEAN = "truth value"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a name: a number in an approved unit, a truth value, or a text.

    `choices` are the only texts that the name may have, when not empty.
    """

    shape: Shape
    unit: str = "1"
    choices: tuple[str, ...] = ()


BOOLEAN = Type(Shape.BOOLEAN)


def number(unit: str = "1") -> Type:
    """A number that counts in `unit`."""
    return Type(Shape.NUMBER, unit)


def text(*choices: str) -> Type:
    """A text, one of `choices` when given."""
    return Type(Shape.TEXT, choices=choices)


class Missing(Enum):
    """The third value: an input is not recorded, stale or bad, so nothing follows from it."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Missing.UNKNOWN
Unknown: TypeAlias = Literal[Missing.UNKNOWN]
Value: TypeAlias = Decimal | bool | str
Given: TypeAlias = Value | int | Sequence[Decimal | int | None] | None
