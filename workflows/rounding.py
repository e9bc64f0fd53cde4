"""Rounding of exact results: half up, down or up to a number of decimals (away from floats)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from workflows.words import Rounding

SHOWN_DIGITS = 34


def to_decimals(value: Fraction, decimals: int, rule: Rounding = Rounding.HALF_UP) -> Decimal:
    """The value with exactly `decimals` decimals; half up, down and up act on the magnitude."""
    scaled = abs(value) * 10**decimals
    whole = scaled.numerator // scaled.denominator
    rest = scaled - whole
    if rule is Rounding.UP:
        whole += rest > 0
    elif rule is Rounding.HALF_UP:
        whole += rest >= Fraction(1, 2)
    sign = 1 if value < 0 and whole else 0
    return Decimal((sign, tuple(int(digit) for digit in str(whole)), -decimals))


def to_decimal(value: Fraction) -> Decimal:
    """The value as Decimal: exact where it ends, else to 34 significant digits or one more."""
    places = _terminating_places(value.denominator)
    if places is not None:
        return to_decimals(value, places)
    whole = abs(value.numerator) // value.denominator
    size = len(str(whole)) if whole else 0
    return to_decimals(value, max(SHOWN_DIGITS - size, 0) + _leading_zeros(value))


def _terminating_places(denominator: int) -> int | None:
    powers = {2: 0, 5: 0}
    for prime in powers:
        while denominator % prime == 0:
            denominator //= prime
            powers[prime] += 1
    return max(powers.values()) if denominator == 1 else None


def _leading_zeros(value: Fraction) -> int:
    """At least as many as zeros follow the point of a number below 1, at most one more."""
    if abs(value) >= 1:
        return 0
    return len(str(value.denominator)) - len(str(abs(value.numerator)))
