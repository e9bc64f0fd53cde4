"""FBD-01 on the load of the demo recipe: golden behaviour of G140 to G190."""

from __future__ import annotations

import math

import pytest

from hardware.simulators.errors import CommandRefused, OutOfRange
from hardware.simulators.models.dryer import Dryer

SEEDS = (1, 2, 3)


def ready(seed: int = 1) -> Dryer:
    unit = Dryer(seed)
    unit.load(97.0, 14.9)
    unit.write("TC103", 60.0)
    unit.write("FC102", 2000.0)
    return unit


def trend(unit: Dryer, word: int) -> list[dict[str, float | int]]:
    """Start a phase and return all values, one a second, until it has ended."""
    unit.write("XC102", word)
    points: list[dict[str, float | int]] = []
    while unit.logic.running() and len(points) < 7_200:
        unit.step(1.0)
        points.append(unit.values())
    return points


@pytest.mark.parametrize("seed", SEEDS)
def test_drying_takes_50_to_60_minutes_and_stays_inside_every_alert_limit(seed: int) -> None:
    unit = ready(seed)
    points = trend(unit, 101)
    assert 50 * 60 <= len(points) <= 60 * 60
    assert points[-1]["XS102"] == 103
    warm = points[240:]
    assert all(57.0 <= p["TI103"] <= 63.0 for p in warm)
    assert all(1800.0 <= p["FI102"] <= 2200.0 for p in points[30:])
    assert all(p["TI102"] <= 46.0 for p in points)
    assert all(p["PDI102"] <= 2000.0 for p in points)
    assert min(p["TI102"] for p in points[-119:]) >= 39.7


def test_the_product_stays_between_27_and_30_while_it_is_wet() -> None:
    points = trend(ready(), 101)
    plateau = [p["TI102"] for p in points[600:] if p["MI102"] > 5.0]
    assert len(plateau) > 20 * 60
    assert all(27.0 <= value <= 30.0 for value in plateau)


def test_the_inlet_lags_by_45_seconds() -> None:
    unit = ready()
    unit.write("XC102", 101)
    for _ in range(45):
        unit.step(1.0)
    expected = 21.0 + 39.0 * (1.0 - math.exp(-1.0))
    assert unit.values()["TI103"] == pytest.approx(expected, abs=0.5)


def test_further_drying_lasts_ten_minutes_and_stays_below_46() -> None:
    unit = ready()
    trend(unit, 101)
    moisture = unit.moisture
    for _ in range(25 * 60):
        unit.step(1.0)
    points = trend(unit, 101)
    assert len(points) == 600
    assert max(p["TI102"] for p in points) <= 46.0
    assert 1.5 < unit.moisture < moisture - 0.4


@pytest.mark.parametrize("minutes_between", [0, 25])
def test_cooling_reaches_30_in_8_to_15_minutes(minutes_between: int) -> None:
    unit = ready()
    trend(unit, 101)
    trend(unit, 101)
    for _ in range(minutes_between * 60):
        unit.step(1.0)
    points = trend(unit, 201)
    assert len(points) <= 15 * 60
    assert points[-1]["TI102"] <= 30.0
    if minutes_between == 0:
        assert len(points) >= 8 * 60


@pytest.mark.parametrize("seconds", [10, 20, 40])
def test_air_and_heat_run_on_for_a_sample_that_comes_late(seconds: int) -> None:
    unit = ready()
    trend(unit, 101)
    for _ in range(seconds):
        unit.step(1.0)
    assert 1800.0 <= unit.values()["FI102"] <= 2200.0
    assert 57.0 <= unit.values()["TI103"] <= 63.0


def test_a_batch_adds_about_40_pa_to_the_filter() -> None:
    unit = ready()
    trend(unit, 101)
    assert unit.filter_pa == pytest.approx(940.0, abs=5.0)


def test_a_story_can_set_the_moisture_and_drying_then_takes_longer() -> None:
    unit = ready()
    unit.set("moisture", 18.0)
    assert len(trend(unit, 101)) > 60 * 60


def test_drying_needs_set_points_and_a_load() -> None:
    unit = Dryer(1)
    unit.load(97.0, 15.0)
    with pytest.raises(CommandRefused, match="FC102"):
        unit.write("XC102", 101)
    unit.write("FC102", 2000.0)
    with pytest.raises(CommandRefused, match="TC103"):
        unit.write("XC102", 101)
    unit.write("TC103", 60.0)
    unit.charge("granules", 0.0)
    with pytest.raises(CommandRefused, match="not loaded"):
        unit.write("XC102", 101)
    assert unit.values()["XS102"] == 1


@pytest.mark.parametrize(("tag", "value"), [("TC103", 80.1), ("TC103", 19.9), ("FC102", 3001.0)])
def test_a_set_point_outside_its_range_is_refused(tag: str, value: float) -> None:
    unit = ready()
    before = unit.values()[tag]
    with pytest.raises(OutOfRange):
        unit.write(tag, value)
    assert unit.values()[tag] == before


def test_a_running_dryer_is_not_loaded() -> None:
    unit = ready()
    unit.write("XC102", 101)
    with pytest.raises(CommandRefused):
        unit.charge("granules", 50.0)
