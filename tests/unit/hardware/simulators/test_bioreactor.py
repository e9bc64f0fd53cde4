"""Bioreactor BRX-01: set points, disturbances, weights, and what it refuses."""

from __future__ import annotations

import pytest

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.bioreactor import Bioreactor


def after(unit: Bioreactor, seconds: float) -> dict[str, float | int]:
    """What it shows after a time."""
    unit.step(seconds)
    return unit.values()


def test_what_is_measured_follows_its_set_point() -> None:
    unit = Bioreactor(1)
    unit.write("TC901", 36.8)
    unit.write("OC901", 40)
    shown = after(unit, 3600)
    assert shown["TI901"] == pytest.approx(36.8, abs=0.1)
    assert shown["OI901"] == pytest.approx(40, abs=1)
    assert shown["TC901"] == 36.8


def test_low_oxygen_and_alkali_come_and_go() -> None:
    unit = Bioreactor(1)
    unit.write("OC901", 40)
    unit.set("oxygen_loss", 25)
    unit.set("alkali", 0.2)
    shown = after(unit, 3600)
    assert shown["OI901"] == pytest.approx(15, abs=1)
    assert shown["AI901"] == pytest.approx(7.2, abs=0.02)
    unit.charge("carbon dioxide", 1.0)
    assert after(unit, 3600)["AI901"] == pytest.approx(7.0, abs=0.02)


def test_weights_are_what_was_charged() -> None:
    unit = Bioreactor(1)
    unit.charge("medium", 100.0)
    unit.charge("medium", 60.0)
    unit.charge("feed", 8.0)
    unit.charge("feed", 5.0)
    shown = unit.values()
    assert (shown["WI901"], shown["WI902"]) == (160.0, 5.0)
    unit.charge("harvest", 80.0)
    assert (unit.values()["WI901"], unit.values()["WI903"]) == (0.0, 80.0)


@pytest.mark.parametrize(("tag", "value"), [("TC901", 41.0), ("AC901", 5.9), ("SC901", 151.0)])
def test_a_set_point_outside_its_range_is_refused(tag: str, value: float) -> None:
    with pytest.raises(OutOfRange):
        Bioreactor(1).write(tag, value)


def test_it_refuses_what_it_cannot_hold_or_does_not_know() -> None:
    unit = Bioreactor(1)
    with pytest.raises(CommandRefused):
        unit.charge("medium", 251.0)
    with pytest.raises(ArgumentRefused):
        unit.charge("povidone", 1.0)
    with pytest.raises(ArgumentRefused):
        unit.set("moisture", 1.0)
