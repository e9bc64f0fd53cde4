"""What a series of samples says, and what it must not say about its holes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.series import (
    Hole,
    Point,
    change,
    held_since,
    held_throughout,
    holes,
    summarize,
    value_at,
)

T0 = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def points(*pairs: tuple[float, str | None]) -> list[Point]:
    return [Point(at(t), None if v is None else Decimal(v)) for t, v in pairs]


@pytest.mark.urs("URS-PRO-010")
def test_the_mean_is_weighted_with_time_and_reproducible_by_hand() -> None:
    series = points((0, "10"), (10, "20"), (15, "40"))
    summary = summarize(series, at(0), at(20))
    assert summary.mean == Decimal(10 * 10 + 20 * 5 + 40 * 5) / 20
    assert (summary.minimum, summary.maximum, summary.last) == (
        Decimal(10),
        Decimal(40),
        Decimal(40),
    )
    assert (summary.samples, summary.known) == (3, timedelta(seconds=20))


def test_the_sample_before_the_window_holds_into_it() -> None:
    summary = summarize(points((-5, "10"), (5, "20")), at(0), at(10))
    assert summary.mean == 15
    assert summary.first == 10


@pytest.mark.urs("URS-PRO-040")
def test_a_bad_stretch_is_a_hole_and_is_never_bridged() -> None:
    series = points((0, "10"), (10, None), (20, None), (30, "50"))
    assert holes(series, at(0), at(35)) == [Hole(at(10), at(30))]
    assert summarize(series, at(0), at(35)).mean == Decimal(10 * 10 + 50 * 5) / 15


@pytest.mark.urs("URS-PRO-040")
def test_silence_is_a_hole_too_and_the_last_one_stays_open() -> None:
    series = points((0, "10"), (40, "11"))
    assert holes(series, at(0), at(70)) == [Hole(at(15), at(40)), Hole(at(55), None)]
    assert holes([], at(0), at(10)) == [Hole(at(0), None)]


def test_a_condition_held_without_interruption_begins_where_it_became_true() -> None:
    warm = {"T": points(*((t, "39.9" if t < 30 else "40.0") for t in range(0, 160, 10)))}
    assert held_since(warm, lambda v: v["T"] >= 40, at(0), at(150)) == at(30)


@pytest.mark.urs("URS-PRO-020")
@pytest.mark.parametrize("break_", ["39.9", None])
def test_one_cold_or_bad_sample_begins_the_waiting_anew(break_: str | None) -> None:
    warm = {
        "T": points(*((t, break_ if t == 100 else "41") for t in range(0, 160, 10))),
    }
    assert held_since(warm, lambda v: v["T"] >= 40, at(0), at(150)) == at(110)


def test_silence_interrupts_and_an_unknown_present_does_not_hold() -> None:
    silent = {"T": points((0, "41"), (60, "41"))}
    assert held_since(silent, lambda v: v["T"] >= 40, at(0), at(60)) == at(60)
    assert held_since(silent, lambda v: v["T"] >= 40, at(0), at(80)) is None
    assert held_since({"T": []}, lambda v: True, at(0), at(10)) is None


@pytest.mark.urs("URS-PRO-020")
@pytest.mark.parametrize("hole", [None, 0, 10, 20, 30])
@pytest.mark.parametrize("cold", [None, 0, 10, 20, 30])
def test_held_throughout_is_held_since_the_very_start(cold: int | None, hole: int | None) -> None:
    def text(t: int) -> str | None:
        return None if t == hole else "39.9" if t == cold else "41"

    warm = {"T": points(*((t, text(t)) for t in range(0, 40, 10)))}
    for start, end in ((0, 30), (5, 30), (12, 44), (0, 60), (30, 30)):
        since = held_since(warm, lambda v: v["T"] >= 40, at(start), at(end))
        held = held_throughout(warm, lambda v: v["T"] >= 40, at(start), at(end))
        assert held is (since == at(start))


def test_two_tags_must_both_be_known() -> None:
    both = {"A": points((0, "1"), (10, "1")), "B": points((10, "2"))}
    assert held_since(both, lambda v: v["A"] < v["B"], at(0), at(15)) == at(10)


@pytest.mark.parametrize(
    ("values", "rollover", "rise"),
    [
        (["5", "8", "8", "20"], None, "15"),
        (["40", "47", "0", "3"], None, "10"),
        (["4294967290", "4294967295", "4"], "4294967295", "10"),
        (["7"], None, "0"),
        ([], None, "0"),
    ],
)
def test_a_total_never_falls_over_resets_and_rollovers(
    values: list[str], rollover: str | None, rise: str
) -> None:
    series = points(*((float(i), v) for i, v in enumerate(values)))
    end = None if rollover is None else Decimal(rollover)
    assert change(series, rollover=end) == Decimal(rise)


@given(st.lists(st.integers(0, 1000), max_size=30))
def test_no_counter_ever_gives_negative_use(values: list[int]) -> None:
    series = [Point(at(i), Decimal(v)) for i, v in enumerate(values)]
    assert change(series) >= 0


def test_the_value_at_a_moment_is_the_last_one_unless_too_old() -> None:
    series = points((0, "1"), (10, "2"))
    assert value_at(series, at(9.9)) == 1
    assert value_at(series, at(25)) == 2
    assert value_at(series, at(25.1)) is None
    assert value_at(series, at(-1)) is None
