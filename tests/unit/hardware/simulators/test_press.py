"""TAB-01 on the blend of the golden batch: golden behaviour of C040 to C130."""

from __future__ import annotations

import pytest

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.press import PackState, Press, StopReason


def ready(blend: float = 99.10) -> Press:
    unit = Press(1)
    unit.charge("blend", blend)
    unit.write("XC201", 1)
    unit.write("SC201", 40.0)
    return unit


def run(unit: Press, limit: int = 8_000) -> int:
    seconds = 0
    while unit.state is PackState.EXECUTE and seconds < limit:
        unit.step(1.0)
        seconds += 1
    return seconds


def test_the_golden_batch_is_compressed_in_about_110_minutes() -> None:
    unit = ready()
    unit.start({"mode": "setup"})
    run(unit)
    assert (unit.state, unit.rejects, unit.good) == (PackState.IDLE, 360, 0)
    unit.start({})
    assert 108 * 60 <= run(unit) <= 111 * 60
    assert unit.state is PackState.COMPLETE
    assert unit.reason is StopReason.BIN_EMPTY
    assert unit.tool > 5_000_000
    # 156,108 good tablets by mass and 528 samples that left the press as good ones.
    assert unit.good == pytest.approx(156_636, abs=150)
    assert unit.blend_kg == pytest.approx(0.33, abs=0.001)


def test_rejects_stay_below_two_percent_from_the_first_quarter_of_an_hour() -> None:
    unit = ready()
    unit.start({})
    for _ in range(15 * 60):
        unit.step(1.0)
    assert unit.rejects / (unit.good + unit.rejects) < 0.02
    assert unit.good + unit.rejects == pytest.approx(15 * 1440, abs=100)


def test_forces_stay_inside_the_alert_limits_for_the_whole_run() -> None:
    unit = ready()
    unit.start({})
    while unit.state is PackState.EXECUTE:
        unit.step(1.0)
        values = unit.values()
        assert 14.0 <= values["WI201"] <= 22.0
        assert 2.0 <= values["WI202"] <= 6.0
        assert values["WI203"] <= 500.0


def test_the_turret_turns_on_for_a_last_sample_when_the_bin_is_empty() -> None:
    unit = ready(1.0)
    unit.start({})
    run(unit)
    for _ in range(10):
        unit.step(1.0)
    assert 30.0 <= unit.values()["SI201"] <= 50.0
    for _ in range(20):
        unit.step(1.0)
    assert unit.values()["SI201"] == pytest.approx(0.0, abs=0.1)
    assert unit.values()["WI201"] > 14.0


def test_the_press_does_not_start_without_permit_or_blend_or_twice() -> None:
    unit = ready()
    unit.write("XC201", 0)
    with pytest.raises(CommandRefused, match="permit"):
        unit.start({})
    unit.write("XC201", 1)
    unit.set("blend", 0.1)
    with pytest.raises(CommandRefused, match="empty"):
        unit.start({})
    unit.set("blend", 5.0)
    unit.start({})
    with pytest.raises(CommandRefused, match="already"):
        unit.start({})


def test_a_dropped_permit_holds_the_press_and_a_new_start_counts_on() -> None:
    unit = ready()
    unit.start({})
    for _ in range(60):
        unit.step(1.0)
    unit.write("XC201", 0)
    assert (unit.state, unit.reason) == (PackState.HELD, StopReason.PERMIT)
    made = unit.good
    unit.step(60.0)
    assert unit.good == made
    unit.write("XC201", 1)
    unit.start({})
    unit.step(1.0)
    assert unit.good >= made


def test_a_new_run_begins_its_counters_but_never_the_tool_counter() -> None:
    unit = ready(1.0)
    unit.start({})
    run(unit)
    tool = unit.tool
    unit.charge("blend", 1.0)
    unit.start({})
    assert (unit.good, unit.rejects) == (0, 0)
    assert unit.tool == tool


def test_the_tool_counter_rolls_over() -> None:
    unit = ready()
    unit.set("tool_counter", 2**32 - 10)
    unit.start({})
    for _ in range(10):
        unit.step(1.0)
    assert 0 <= unit.values()["KQ203"] < 1_000


@pytest.mark.parametrize("value", [29.9, 50.1])
def test_a_turret_speed_outside_30_to_50_is_refused(value: float) -> None:
    unit = ready()
    with pytest.raises(OutOfRange):
        unit.write("SC201", value)
    assert unit.values()["SC201"] == 40.0


def test_unknown_settings_and_modes_are_refused() -> None:
    with pytest.raises(ArgumentRefused):
        ready().start({"mode": "fast"})
    with pytest.raises(ArgumentRefused):
        ready().start({"speed": 40})
