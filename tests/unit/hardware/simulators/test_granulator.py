"""GRA-01 with BV-01 on the load of the demo recipe: golden behaviour of G030 to G130."""

from __future__ import annotations

import math

import pytest

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.granulator import Granulator

SEEDS = (1, 2, 3, 4, 5)


def loaded(seed: int = 1) -> Granulator:
    unit = Granulator(seed)
    unit.charge("powder", 94.0)
    unit.charge_vessel("water", 17.0)
    unit.charge_vessel("povidone", 3.0)
    unit.write("SC101", 80.0)
    return unit


def run(unit: Granulator, word: int, limit: int = 2_000) -> int:
    """Start a phase and step until it has ended; returns the seconds."""
    unit.write("XC101", word)
    for second in range(1, limit):
        unit.step(1.0)
        if not unit.logic.running():
            return second
    raise AssertionError("the phase has not ended")


def dry_mixed(seed: int = 1) -> Granulator:
    unit = loaded(seed)
    unit.write("XC101", 101)
    for _ in range(300):
        unit.step(1.0)
    return unit


def massed(seed: int = 1) -> Granulator:
    unit = dry_mixed(seed)
    run(unit, 201)
    run(unit, 301)
    return unit


@pytest.mark.parametrize("seed", SEEDS)
def test_base_power_of_dry_mixing_is_8_kw(seed: int) -> None:
    unit = dry_mixed(seed)
    assert unit.values()["XS101"] == 102
    assert unit.base_power == pytest.approx(8.0, abs=0.02)
    assert unit.values()["JI101"] == pytest.approx(8.0, abs=0.2)
    assert unit.values()["SI101"] == pytest.approx(80.0, abs=1.0)


def test_the_impeller_lags_by_three_seconds() -> None:
    unit = loaded()
    unit.write("XC101", 101)
    for _ in range(3):
        unit.step(1.0)
    assert unit.values()["SI101"] == pytest.approx(80.0 * (1.0 - math.exp(-1.0)), abs=1.0)


@pytest.mark.parametrize("seed", SEEDS)
def test_binder_goes_in_at_4_kg_per_minute_until_the_vessel_is_empty(seed: int) -> None:
    unit = dry_mixed(seed)
    unit.write("XC101", 201)
    rates = []
    while unit.logic.running():
        unit.step(1.0)
        rates.append(unit.values()["FI101"])
    assert 4.9 * 60 <= len(rates) <= 5.1 * 60
    assert all(3.7 <= rate <= 4.3 for rate in rates[5:])
    assert unit.values()["FQ101"] == pytest.approx(20.0, abs=0.001)
    assert unit.values()["WI111"] == 0.0
    assert unit.values()["SI102"] == pytest.approx(1500.0, abs=15.0)


def test_the_binder_total_resets_at_start() -> None:
    unit = massed()
    unit.charge_vessel("water", 1.0)
    unit.write("XC101", 201)
    assert unit.values()["FQ101"] == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_wet_massing_stops_by_itself_at_the_end_point_after_3_minutes(seed: int) -> None:
    unit = dry_mixed(seed)
    run(unit, 201)
    seconds = run(unit, 301)
    assert 2.7 * 60 <= seconds <= 3.3 * 60
    assert unit.values()["XS101"] == 303
    assert unit.values()["JI101"] == pytest.approx(14.0, abs=0.3)
    assert unit.values()["TI101"] < 40.0


def test_a_sample_ten_seconds_after_the_end_point_still_meets_the_speed() -> None:
    unit = massed()
    for _ in range(10):
        unit.step(1.0)
    assert 115.0 <= unit.values()["SI101"] <= 125.0
    for _ in range(30):
        unit.step(1.0)
    assert unit.values()["SI101"] < 1.0


def test_the_end_point_power_is_kept_until_the_next_start() -> None:
    unit = massed()
    shown = unit.values()["JI101"]
    unit.step(600.0)
    assert unit.values()["JI101"] == shown
    unit.write("XC101", 401)
    assert unit.values()["JI101"] < 5.0


def test_too_little_liquid_ends_after_five_minutes_below_the_end_point() -> None:
    unit = Granulator(1)
    unit.charge("powder", 94.0)
    unit.charge_vessel("water", 12.0)
    unit.charge_vessel("povidone", 3.0)
    unit.write("SC101", 80.0)
    unit.write("XC101", 101)
    for _ in range(300):
        unit.step(1.0)
    run(unit, 201)
    assert run(unit, 301) == 300
    assert unit.values()["JI101"] < 13.0


def test_extra_water_raises_the_power_of_a_second_massing() -> None:
    unit = massed()
    before = unit.values()["JI101"]
    unit.charge("water", 1.0)
    unit.write("XC101", 301)
    for _ in range(20):
        unit.step(1.0)
    assert unit.values()["JI101"] > before


def test_discharge_takes_five_minutes_and_hands_over_the_wet_mass_once() -> None:
    unit = massed()
    assert run(unit, 401) == 300
    batch = unit.take_discharged()
    assert batch is not None
    assert batch == pytest.approx((94.0, 17.0, 3.0))
    assert unit.take_discharged() is None


@pytest.mark.parametrize(
    ("tag", "value"), [("SC101", 150.1), ("SC101", -1.0), ("SC102", 3001), ("SC101", float("nan"))]
)
def test_a_set_point_outside_its_range_is_refused(tag: str, value: float) -> None:
    unit = loaded()
    before = unit.values()[tag]
    with pytest.raises(OutOfRange):
        unit.write(tag, value)
    assert unit.values()[tag] == before


@pytest.mark.parametrize("tag", ["SI101", "XS101", "WI111"])
def test_a_measured_value_cannot_be_written(tag: str) -> None:
    with pytest.raises(ArgumentRefused):
        loaded().write(tag, 1.0)


@pytest.mark.parametrize("word", [101, 201, 401])
def test_an_empty_machine_without_set_points_does_not_start(word: int) -> None:
    unit = Granulator(1)
    with pytest.raises(CommandRefused):
        unit.write("XC101", word)
    assert unit.values()["XS101"] == 1
    assert unit.values()["XC101"] == 0


@pytest.mark.parametrize(("material", "mass"), [("povidone", 1.0), ("powder", 150.0)])
def test_the_bowl_refuses_other_material_and_too_much(material: str, mass: float) -> None:
    unit = loaded()
    with pytest.raises(CommandRefused):
        unit.charge(material, mass)
    assert unit.dry_kg == 94.0
