"""The arithmetic of records: the demonstration batch and two of the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import arithmetic
from tests.support.history import Past
from tests.support.story import RECORD, Played

START = datetime(2026, 8, 3, 6, 0, tzinfo=UTC)


@pytest.mark.urs("URS-EXE-110", "URS-PRO-040")
def test_the_demonstration_batch_adds_up(story: Played) -> None:
    assert story.ask(arithmetic.problems, RECORD) == []


@pytest.mark.urs("URS-EXE-110", "URS-PRO-040")
@pytest.mark.parametrize("number", ["B-2033", "B-2034"])
def test_past_batches_add_up(past: Past, number: str) -> None:
    assert past.ask(arithmetic.problems, f"batch/{number}") == []


def changed(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Any], Any]) -> None:
    """Let one reader of the facts answer something else than the record holds."""
    true = getattr(arithmetic.Facts, name)

    def lies(self: arithmetic.Facts, key: str, code: str) -> Any:
        return change((key, code, true(self, key, code)))

    monkeypatch.setattr(arithmetic.Facts, name, lies)


@pytest.mark.parametrize(
    ("key", "code", "named"),
    [
        ("B014", "actual", "B014 percent"),
        ("B080", "actual", "are lost"),
        ("C140", "net", "drums hold"),
        ("C140", "tablets", "tablets of"),
        ("C160", "waste", "C160 accountability"),
    ],
)
def test_one_changed_number_does_not_add_up(
    past: Past, monkeypatch: pytest.MonkeyPatch, key: str, code: str, named: str
) -> None:
    changed(monkeypatch, "number", lambda told: told[2] + (1 if told[:2] == (key, code) else 0))
    found = past.ask(arithmetic.problems, "batch/B-2033")
    assert any(named in problem for problem in found), found


def test_a_weight_that_no_container_holds_is_named(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, "numbers", lambda told: told[2][:-1] if told[0] == "D040" else told[2])
    found = past.ask(arithmetic.problems, "batch/B-2033")
    assert any(problem.startswith("D040: scales showed") for problem in found), found


def times(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=second) for second in seconds]


def test_a_trend_needs_a_point_every_ten_seconds() -> None:
    start, end = times(0, 30)
    assert list(arithmetic.thin(times(0, 10, 20, 30), [], start, end)) == []
    assert len(list(arithmetic.thin(times(0, 10, 21, 30), [], start, end))) == 1
    assert len(list(arithmetic.thin(times(0, 10), [], start, end))) == 1
    assert len(list(arithmetic.thin([], [], start, end))) == 1


def test_a_hole_explains_what_is_missing_and_holds_no_point() -> None:
    start, end = times(0, 60)
    hole = [(START + timedelta(seconds=25), START + timedelta(seconds=50))]
    assert list(arithmetic.thin(times(0, 10, 50, 60), hole, start, end)) == []
    found = list(arithmetic.thin(times(0, 10, 20, 30, 40, 50, 60), hole, start, end))
    assert found == ["1 points in the hole from 06:00:25"]
