"""The machines go on where they stood before a restart."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardware.simulators import memory
from hardware.simulators.cell import Cell
from hardware.simulators.memory import MemoryUnreadable

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def drying() -> Cell:
    """Ten minutes into drying, with blend in the press and a tared container on a scale."""
    cell = Cell(START)
    cell.charge("FBD-01", "granules", 97.0)
    cell.dryer.write("TC103", 60.0)
    cell.dryer.write("FC102", 2000.0)
    cell.dryer.write("XC102", 101)
    cell.charge("TAB-01", "blend", 50.0)
    cell.press.write("XC201", 1)
    cell.press.start({})
    cell.scale("WGH-02").place(1.25, "container 1")
    cell.advance(START + timedelta(minutes=10))
    cell.scale("WGH-02").tare()
    return cell


def test_a_restart_in_the_middle_of_drying_changes_nothing(tmp_path: Path) -> None:
    before, after = drying(), Cell(START + timedelta(minutes=10))
    memory.save(before, tmp_path / "cell.json")
    memory.load(after, tmp_path / "cell.json")
    assert memory.remember(after) == memory.remember(before)
    for cell in (before, after):
        cell.advance(START + timedelta(hours=2))
    assert after.dryer.logic.word == before.dryer.logic.word == 103
    assert after.dryer.moisture == pytest.approx(before.dryer.moisture)
    assert after.press.good == before.press.good
    assert after.values("WGH-02") == before.values("WGH-02")


def test_without_a_file_the_machines_are_empty(tmp_path: Path) -> None:
    cell = Cell(START)
    memory.load(cell, tmp_path / "none.json")
    assert memory.remember(cell) == memory.remember(Cell(START))


@pytest.mark.parametrize(
    "damage",
    [
        lambda m: m.update(form=2),
        lambda m: m["units"]["FBD-01"].pop("moisture"),
        lambda m: m["units"].update({"FBD-77": {}}),
        lambda m: m["units"]["FBD-01"].update(moisture="wet"),
        lambda m: m["units"]["FBD-01"].update({"logic.state": 77}),
        lambda m: m["units"]["GRA-01"].update(set_points={"SC101": 1.0}),
        lambda m: m["units"]["TAB-01"].update(permit=1),
        lambda m: m["units"]["TAB-01"].update(luck=1),
        lambda m: m.update(units=[]),
    ],
)
def test_a_damaged_memory_is_refused_as_a_whole(damage: object) -> None:
    assert callable(damage)
    kept = json.loads(json.dumps(memory.remember(drying())))
    damage(kept)
    cell = Cell(START)
    with pytest.raises(MemoryUnreadable):
        memory.recall(cell, kept)
    assert memory.remember(cell) == memory.remember(Cell(START))


def test_a_unit_of_a_newer_version_begins_empty_beside_the_remembered_ones() -> None:
    """A site goes on after an upgrade that brings another machine."""
    kept = json.loads(json.dumps(memory.remember(drying())))
    del kept["units"]["TAB-01"]
    cell = Cell(START)
    memory.recall(cell, kept)
    assert memory.remember(cell)["units"]["FBD-01"] == kept["units"]["FBD-01"]
    assert (
        memory.remember(cell)["units"]["TAB-01"] == memory.remember(Cell(START))["units"]["TAB-01"]
    )


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cell.json").write_text('{"form": 1, "uni')
    with pytest.raises(MemoryUnreadable, match="JSON"):
        memory.load(Cell(START), tmp_path / "cell.json")
