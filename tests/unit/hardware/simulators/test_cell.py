"""The whole cell in model time, without wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hardware.simulators.cell import Cell
from hardware.simulators.errors import ArgumentRefused, CommandRefused

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TEN = timedelta(seconds=10)


def granulated(cell: Cell) -> Cell:
    """Bring the cell to the end of G130 in steps of ten seconds."""
    unit = cell.granulator
    cell.charge("GRA-01", "powder", 94.0)
    cell.charge("BV-01", "water", 17.0)
    cell.charge("BV-01", "povidone", 3.0)
    unit.write("SC101", 80.0)
    unit.write("XC101", 101)
    for _ in range(30):
        cell.advance(cell.now + TEN)
    for word in (201, 301, 401):
        unit.write("XC101", word)
        while unit.logic.running():
            cell.advance(cell.now + TEN)
    return cell


def test_the_same_seed_and_calls_give_the_same_values() -> None:
    one, other = granulated(Cell(START, 7)), granulated(Cell(START, 7))
    assert one.picture() == other.picture()
    assert granulated(Cell(START, 8)).picture() != one.picture()


def test_the_discharged_wet_mass_lies_in_the_dryer_at_15_percent() -> None:
    cell = granulated(Cell(START))
    assert cell.dryer.solids_kg == pytest.approx(97.0)
    assert cell.dryer.moisture == pytest.approx(14.9, abs=0.1)
    assert cell.granulator.dry_kg == 0.0


def test_time_reaches_the_moment_exactly_and_never_goes_back() -> None:
    cell = Cell(START)
    odd = START + timedelta(seconds=3.7)
    cell.advance(odd)
    assert cell.now == odd
    assert cell.advance(START) == []
    assert cell.now == odd


def test_an_advance_can_stop_at_the_change_of_a_unit() -> None:
    cell = Cell(START)
    cell.blender.start({"revolutions": 12, "speed": 12})
    changes = cell.advance(START + timedelta(hours=1), until_change=True)
    assert [(c.unit, c.state) for c in changes] == [("BLE-01", 0)]
    assert cell.now == changes[0].at
    assert 60 <= (cell.now - START).total_seconds() <= 66


def test_resting_units_take_the_time_that_busy_ones_have_taken() -> None:
    cell = Cell(START)
    meter = cell.values("MTR-01")["JQ901"]
    cell.blender.start({"revolutions": 120, "speed": 12})
    cell.advance(START + timedelta(minutes=6))
    assert cell.values("MTR-01")["JQ901"] - meter == pytest.approx(35.0 * 0.1, rel=0.01)


def test_a_week_of_rest_is_one_step() -> None:
    cell = Cell(START)
    cell.advance(START + timedelta(days=7))
    assert cell.now == START + timedelta(days=7)
    assert cell.values("WGH-01")["WI502"] == 0.0


def test_water_for_the_vessel_is_drawn_at_the_water_point() -> None:
    cell = Cell(START)
    cell.charge("BV-01", "water", 17.0)
    assert cell.values("PW-03")["FQ601"] == 17.0
    assert cell.values("GRA-01")["WI111"] == 17.0


@pytest.mark.parametrize(
    ("unit", "material", "mass"),
    [
        ("BV-01", "water", 61.0),
        ("BV-01", "sugar", 1.0),
        ("GRA-01", "water", 1.0),
        ("GRA-01", "powder", 0.0),
        ("TAB-01", "blend", -1.0),
        ("TAB-01", "powder", 1.0),
        ("WGH-01", "powder", 1.0),
        ("XXX-99", "powder", 1.0),
    ],
)
def test_a_wrong_charge_changes_nothing(unit: str, material: str, mass: float) -> None:
    cell = Cell(START)
    before = cell.picture()
    with pytest.raises(CommandRefused):
        cell.charge(unit, material, mass)
    assert cell.picture() == before


def test_only_a_scale_is_a_scale() -> None:
    with pytest.raises(ArgumentRefused):
        Cell(START).scale("GRA-01")
