"""Bottle line PK-2: a run of a whole lot, its counters, what it refuses."""

from __future__ import annotations

import pytest

from hardware.simulators.errors import ArgumentRefused, CommandRefused
from hardware.simulators.models.bottles import BottleLine
from hardware.simulators.models.press import PackState


def run(line: BottleLine, seconds: int = 4000) -> int:
    """Let the line run; answers after how many seconds it was complete."""
    for second in range(seconds):
        line.step(1.0)
        if line.state is PackState.COMPLETE:
            return second
    raise AssertionError("the line does not end")


def test_the_golden_lot_fills_1561_bottles_and_leaves_8_tablets() -> None:
    line = BottleLine(1)
    line.charge("tablets", 97.63)
    assert line.tablets == 156_108
    line.start({})
    assert 2300 < run(line) < 2500
    shown = line.values()
    assert (shown["KQ801"], shown["KQ802"], shown["XS801"]) == (1561, 12, PackState.COMPLETE)
    assert line.tablets == 8
    assert 61.9 < shown["WI801"] < 63.1


def test_a_stopped_run_goes_on_and_a_line_at_rest_is_reset() -> None:
    line = BottleLine(1)
    line.charge("tablets", 6.254)
    line.start({"speed": 30})
    for _ in range(60):
        line.step(1.0)
    line.stop()
    before = line.good
    assert 20 < before < 31
    line.start({})
    run(line)
    assert line.good == 100
    line.stop()
    assert (line.good, line.rejects, line.tablets, line.state) == (0, 0, 0, PackState.IDLE)


def test_an_empty_or_running_line_is_not_started() -> None:
    line = BottleLine(1)
    with pytest.raises(CommandRefused):
        line.start({})
    line.charge("tablets", 1.0)
    line.start({})
    with pytest.raises(CommandRefused):
        line.start({})


@pytest.mark.parametrize(("material", "kg"), [("blend", 10.0), ("tablets", 301.0)])
def test_the_hopper_takes_tablets_up_to_its_size(material: str, kg: float) -> None:
    with pytest.raises((ArgumentRefused, CommandRefused)):
        BottleLine(1).charge(material, kg)
