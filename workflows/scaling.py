"""Scaling of a recipe to a batch size: every formula quantity grows linearly (URS-MRC-070).

A weighing target is rounded half up to the readability of the bound scale; what is compared with
limits is the rounded target, what is recorded are both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from core.errors import Refusal
from workflows.recipe import BatchSize, Capability, Header
from workflows.rounding import to_decimal, to_decimals


class SizeNotAllowed(Refusal):
    """The batch size lies outside the range of the recipe."""

    rule: ClassVar[str] = "batch.size"
    http_status: ClassVar[int] = 422


def factor(size: Decimal, allowed: BatchSize) -> Fraction:
    """The factor from the reference size to `size` (both in the recipe's unit).

    Raises SizeNotAllowed outside the recipe's range.
    """
    if not allowed.minimum <= size <= allowed.maximum:
        raise SizeNotAllowed(
            f"{size} {allowed.unit} is outside {allowed.minimum} to {allowed.maximum}"
            f" {allowed.unit}",
            resolver="the planner, with an allowed size; the recipe author, with a new version",
        )
    return Fraction(size) / Fraction(allowed.reference)


def scaled_formula(header: Header, size: Decimal) -> Mapping[str, Decimal]:
    """Values of ``batch.size``, ``formula.KEY`` and ``theory.KEY`` for a batch of `size`.

    Exact, in the units of the header. Raises SizeNotAllowed, and ValueError without batch size.
    """
    if header.batch_size is None:
        raise ValueError("the definition has no batch size")
    times = factor(size, header.batch_size)
    values = {"batch.size": size}
    for item in header.ingredients:
        values[f"formula.{item.key}"] = to_decimal(Fraction(item.quantity) * times)
    for theory in header.theories:
        values[f"theory.{theory.key}"] = to_decimal(Fraction(theory.quantity) * times)
    return values


def weighing_target(quantity: Fraction | Decimal, readability: Decimal) -> Decimal:
    """The target rounded half up to the readability of the scale (``0.01``, ``0.001`` ...).

    `readability` is any positive step such as 0.005, in the unit of the quantity; the answer has
    its decimals. Raises ValueError for a step that is not positive.
    """
    if readability <= 0:
        raise ValueError("readability must be positive")
    steps = to_decimals(Fraction(quantity) / Fraction(readability), 0)
    return steps * readability


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a unit can do, in the unit of the capability it is compared with."""

    minimum: Decimal
    maximum: Decimal


def covers(offered: Range, needed: Capability, times: Fraction) -> bool:
    """Whether a unit's range includes what the recipe needs at this batch size (URS-MRC-080)."""
    grows = times if needed.scaled else Fraction(1)
    low_ok = needed.minimum is None or offered.minimum <= Fraction(needed.minimum) * grows
    high_ok = needed.maximum is None or Fraction(needed.maximum) * grows <= offered.maximum
    return low_ok and high_ok
