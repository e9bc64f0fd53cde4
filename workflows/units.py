"""The approved units: a closed list of UCUM symbols with exact factors and dimensions.

A unit that is not here is refused (URS-MRC-090), so a typing mistake never becomes a new unit.
Degrees Celsius stand for themselves: no other temperature unit is approved, because a difference
of temperatures and a temperature do not convert alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

Dimension: TypeAlias = tuple[tuple[str, int], ...]

DIMENSIONLESS: Dimension = ()


class UnknownUnit(ValueError):
    """The unit is not one of the approved units."""


class UnitMismatch(ValueError):
    """The two units measure different things."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A UCUM symbol, its exact factor to the base units of its dimension, and the dimension."""

    symbol: str
    factor: Fraction
    dimension: Dimension


def combine(first: Dimension, second: Dimension, sign: int = 1) -> Dimension:
    """The dimension of a product (`sign` 1) or a quotient (`sign` -1)."""
    powers = dict(first)
    for base, power in second:
        powers[base] = powers.get(base, 0) + sign * power
    return tuple(sorted((base, power) for base, power in powers.items() if power))


def _dimension(**powers: int) -> Dimension:
    return tuple(sorted(powers.items()))


MASS = _dimension(kg=1)
LENGTH = _dimension(m=1)
TIME = _dimension(s=1)
VOLUME = _dimension(m=3)
FORCE = _dimension(kg=1, m=1, s=-2)
ENERGY = _dimension(kg=1, m=2, s=-2)
CONDUCTANCE = _dimension(kg=-1, m=-2, s=3, A=2)
FREQUENCY = combine(DIMENSIONLESS, TIME, -1)
SPEED = combine(LENGTH, TIME, -1)
COUNT_PER_MASS = combine(DIMENSIONLESS, MASS, -1)

_TABLE: tuple[tuple[Dimension, dict[str, str]], ...] = (
    (DIMENSIONLESS, {"1": "1", "%": "1/100", "[ppm]": "1/1000000"}),
    (MASS, {"kg": "1", "g": "1/1000", "mg": "1/1000000", "ug": "1/1000000000", "t": "1000"}),
    (LENGTH, {"m": "1", "cm": "1/100", "mm": "1/1000", "um": "1/1000000"}),
    (TIME, {"s": "1", "ms": "1/1000", "min": "60", "h": "3600", "d": "86400"}),
    (combine(LENGTH, LENGTH), {"m2": "1", "cm2": "1/10000"}),
    (VOLUME, {"m3": "1", "L": "1/1000", "mL": "1/1000000"}),
    (_dimension(Cel=1), {"Cel": "1"}),
    (_dimension(A=1), {"A": "1", "mA": "1/1000"}),
    (FREQUENCY, {"/s": "1", "/min": "1/60", "/h": "1/3600", "Hz": "1"}),
    (SPEED, {"m/s": "1", "mm/s": "1/1000", "m/min": "1/60"}),
    (combine(MASS, TIME, -1), {"kg/min": "1/60", "kg/h": "1/3600", "g/min": "1/60000"}),
    (
        combine(VOLUME, TIME, -1),
        {"m3/h": "1/3600", "L/min": "1/60000", "L/h": "1/3600000", "mL/min": "1/60000000"},
    ),
    (combine(MASS, VOLUME, -1), {"kg/m3": "1", "g/mL": "1000", "kg/L": "1000", "mg/L": "1/1000"}),
    (combine(MASS, combine(LENGTH, LENGTH), -1), {"ug/cm2": "1/100000", "mg/m2": "1/1000000"}),
    (FORCE, {"N": "1", "kN": "1000"}),
    (ENERGY, {"J": "1", "kJ": "1000", "kW.h": "3600000", "N.m": "1"}),
    (combine(ENERGY, TIME, -1), {"W": "1", "kW": "1000"}),
    (
        combine(FORCE, combine(LENGTH, LENGTH), -1),
        {"Pa": "1", "hPa": "100", "kPa": "1000", "mbar": "100", "bar": "100000"},
    ),
    (
        combine(CONDUCTANCE, LENGTH, -1),
        {"S/m": "1", "mS/cm": "1/10", "uS/cm": "1/10000"},
    ),
    (COUNT_PER_MASS, {"[CFU]/g": "1000", "/g": "1000", "/kg": "1"}),
)

UNITS: dict[str, Unit] = {
    symbol: Unit(symbol, Fraction(factor), dimension)
    for dimension, symbols in _TABLE
    for symbol, factor in symbols.items()
}


def unit(symbol: str) -> Unit:
    """The approved unit with this symbol. Raises UnknownUnit."""
    try:
        return UNITS[symbol]
    except KeyError:
        raise UnknownUnit(f"{symbol!r} is not an approved unit") from None


def convert(value: Decimal, source: str, target: str) -> Fraction:
    """The exact value in another unit of the same dimension. Raises UnknownUnit, UnitMismatch."""
    from_, to = unit(source), unit(target)
    if from_.dimension != to.dimension:
        raise UnitMismatch(f"{source} does not convert to {target}")
    return Fraction(value) * from_.factor / to.factor


KINDS: dict[Dimension, str] = {
    DIMENSIONLESS: "ratio, count",
    MASS: "mass",
    LENGTH: "length",
    combine(LENGTH, LENGTH): "area",
    TIME: "time",
    FREQUENCY: "frequency",
    VOLUME: "volume",
    _dimension(Cel=1): "temperature",
    _dimension(A=1): "current",
    SPEED: "speed",
    combine(MASS, TIME, -1): "mass flow",
    combine(VOLUME, TIME, -1): "volume flow",
    combine(MASS, VOLUME, -1): "density, concentration",
    combine(MASS, combine(LENGTH, LENGTH), -1): "residue on a surface",
    FORCE: "force",
    ENERGY: "torque, energy",
    combine(ENERGY, TIME, -1): "power",
    combine(FORCE, combine(LENGTH, LENGTH), -1): "pressure",
    combine(CONDUCTANCE, LENGTH, -1): "conductivity",
    COUNT_PER_MASS: "counts by mass",
}
"""What is measured, by dimension, for people."""


def symbols_of(dimension: Dimension) -> Iterable[str]:
    """The approved units of one dimension, for messages."""
    return [u.symbol for u in UNITS.values() if u.dimension == dimension]
