"""Scaling to a batch size, with the golden numbers of the demo plant."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows import scaling
from workflows.recipe import BatchSize, Capability, Header, Ingredient, Theory
from workflows.rounding import to_decimal, to_decimals
from workflows.units import UnitMismatch, UnknownUnit, convert
from workflows.words import Category, Rounding

SIZE = BatchSize(reference=Decimal("100.000"), minimum=Decimal(60), maximum=Decimal(120), unit="kg")


def header() -> Header:
    ingredient = Ingredient(
        key="cellulose",
        code="200110",
        name="Cellulose",
        function="filler",
        quantity=Decimal("8.500"),
        unit="kg",
    )
    granules = Theory(key="granules", quantity=Decimal("97.000"), unit="kg")
    return Header(
        code="T-1",
        title="T",
        category=Category.PROCEDURE,
        batch_size=SIZE,
        ingredients=(ingredient,),
        theories=(granules,),
    )


@pytest.mark.urs("URS-MRC-070")
def test_formula_and_yields_scale_linearly() -> None:
    assert scaling.scaled_formula(header(), Decimal(100)) == {
        "batch.size": Decimal(100),
        "formula.cellulose": Decimal("8.5"),
        "theory.granules": Decimal(97),
    }
    assert scaling.scaled_formula(header(), Decimal(70))["formula.cellulose"] == Decimal("5.95")


@pytest.mark.parametrize("size", ["59.999", "120.001", "250"])
def test_a_size_outside_the_range_is_refused(size: str) -> None:
    with pytest.raises(scaling.SizeNotAllowed):
        scaling.factor(Decimal(size), SIZE)


def test_the_ends_of_the_range_are_allowed() -> None:
    assert scaling.factor(Decimal(60), SIZE) == Fraction(3, 5)
    assert scaling.factor(Decimal(120), SIZE) == Fraction(6, 5)


def test_the_golden_target_of_the_second_lot() -> None:
    first = Decimal("36.50") * Decimal("0.994") * (1 - Decimal("0.0030"))
    share = Decimal("0.998") * (1 - Decimal("0.0020"))
    target = (Fraction(80) - Fraction(first)) / Fraction(share)
    assert to_decimals(target, 5) == Decimal("44.00368")
    assert scaling.weighing_target(target, Decimal("0.01")) == Decimal("44.00")


def test_a_target_is_rounded_half_up_to_the_readability() -> None:
    assert scaling.weighing_target(Decimal("1.005"), Decimal("0.01")) == Decimal("1.01")
    assert scaling.weighing_target(Decimal("1.0024"), Decimal("0.005")) == Decimal("1.000")
    assert str(scaling.weighing_target(Decimal("1.0025"), Decimal("0.005"))) == "1.005"
    with pytest.raises(ValueError, match="positive"):
        scaling.weighing_target(Decimal(1), Decimal(0))


@pytest.mark.urs("URS-MRC-080")
def test_a_unit_must_cover_the_scaled_need() -> None:
    need = Capability(
        name="working_volume", unit="L", minimum=Decimal(200), maximum=Decimal(240), scaled=True
    )
    large = scaling.Range(minimum=Decimal(120), maximum=Decimal(300))
    small = scaling.Range(minimum=Decimal(45), maximum=Decimal(110))
    assert scaling.covers(large, need, Fraction(1))
    assert not scaling.covers(small, need, Fraction(1))
    assert scaling.covers(large, need, Fraction(6, 5))
    assert not scaling.covers(large, need, Fraction(1, 2))


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        ("2.345", Rounding.HALF_UP, "2.35"),
        ("-2.345", Rounding.HALF_UP, "-2.35"),
        ("2.349", Rounding.DOWN, "2.34"),
        ("2.341", Rounding.UP, "2.35"),
        ("0", Rounding.UP, "0.00"),
        ("-0.001", Rounding.HALF_UP, "0.00"),
    ],
)
def test_rounding_follows_its_rule(value: str, rule: Rounding, expected: str) -> None:
    assert str(to_decimals(Fraction(value), 2, rule)) == expected


@given(st.fractions(min_value=-(10**12), max_value=10**12, max_denominator=10**6))
def test_a_shown_number_is_as_near_as_its_digits(value: Fraction) -> None:
    shown = to_decimal(value)
    assert abs(Fraction(shown) - value) <= abs(value) * Fraction(1, 10**33)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_a_number_that_terminates_is_shown_exactly(value: Decimal) -> None:
    assert to_decimal(Fraction(value)) == value


def test_units_convert_exactly_or_not_at_all() -> None:
    assert convert(Decimal("1.5"), "kg", "g") == 1500
    assert convert(Decimal(90), "min", "h") == Fraction(3, 2)
    assert convert(Decimal("1.3"), "uS/cm", "mS/cm") == Fraction(13, 10_000)
    with pytest.raises(UnitMismatch):
        convert(Decimal(1), "kg", "L")
    with pytest.raises(UnknownUnit):
        convert(Decimal(1), "lb", "kg")
