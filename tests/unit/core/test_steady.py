"""Steady time: what lasts does not feel that somebody sets the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import HeldClock, SystemClock
from core.steady import BOOTS, Steady

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.urs("URS-TIM-020")
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_setting_the_clock_moves_no_steady_time(jump: timedelta) -> None:
    clock = HeldClock(START)
    steady = Steady(clock)
    clock.move(timedelta(minutes=1))
    clock.step(jump)
    assert steady.now() == START + timedelta(minutes=1)
    assert steady.parted() == jump


def test_processes_of_one_boot_agree_whenever_they_were_started(tmp_path: Path) -> None:
    clock = HeldClock(START)
    first = Steady(clock, tmp_path / "clock.json")
    clock.step(HOUR)
    second = Steady(clock, tmp_path / "clock.json")
    assert second.now() == first.now() == START
    assert second.parted() == HOUR


def test_what_one_process_has_told_the_others_need_not_tell(tmp_path: Path) -> None:
    clock = HeldClock(START)
    first, second = (Steady(clock, tmp_path / "clock.json") for _ in range(2))
    clock.step(HOUR)
    with first.telling() as known:
        first.tell(told=known.told + first.parted())
    assert second.parted() == HOUR
    with second.telling():
        assert second.parted() == timedelta(0)


def test_what_could_not_be_written_down_is_not_told(tmp_path: Path) -> None:
    clock = HeldClock(START)
    steady = Steady(clock, tmp_path / "clock.json")
    clock.step(HOUR)
    with pytest.raises(RuntimeError), steady.telling():
        raise RuntimeError("the database does not answer")
    assert steady.parted() == HOUR
    assert Steady(clock, tmp_path / "clock.json").parted() == HOUR


def test_another_boot_begins_anew_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    for _ in range(2 * BOOTS):
        clock = HeldClock(START + HOUR)
        assert Steady(clock, tmp_path / "clock.json").now() == START + HOUR
    assert (tmp_path / "clock.json").read_text().count("zero") == BOOTS


@pytest.mark.parametrize("content", ["", "{", "[]", '{"%s": {}}', '{"%s": {"zero": 1}}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    clock, place = HeldClock(START), tmp_path / "clock.json"
    place.write_text(content.replace("%s", clock.boot()))
    assert Steady(clock, place).now() == START
    clock.step(HOUR)
    assert Steady(clock, place).now() == START


def test_without_a_place_to_write_a_process_still_goes_its_own_way(tmp_path: Path) -> None:
    clock = HeldClock(START)
    steady = Steady(clock, tmp_path / "missing" / "clock.json")
    clock.step(HOUR)
    assert steady.now() == START


def test_the_clock_of_this_machine_counts_one_boot() -> None:
    first, second = SystemClock(), SystemClock()
    assert first.boot() == second.boot()
    assert first.monotonic() <= second.monotonic()
    assert first.synchronised() in (True, False, None)
