"""The life cycle as a truth table, and when something may start."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from workflows import rules
from workflows.durations import BadDuration, cycle, duration, moment
from workflows.errors import IllegalTransition, NotStartable
from workflows.rules import VersionState

DATE = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
ALLOWED = {
    ("draft", "in_review"),
    ("draft", "withdrawn"),
    ("in_review", "draft"),
    ("in_review", "approved"),
    ("approved", "effective"),
    ("approved", "withdrawn"),
    ("effective", "superseded"),
    ("effective", "withdrawn"),
}


@pytest.mark.parametrize(("state", "target"), list(product(VersionState, VersionState)))
@pytest.mark.urs("URS-MRC-010")
def test_a_version_moves_only_along_its_life_cycle(
    state: VersionState, target: VersionState
) -> None:
    if (state, target) in ALLOWED:
        rules.check_move("R v1", state, target)
        assert rules.can_move(state, target)
    else:
        with pytest.raises(IllegalTransition):
            rules.check_move("R v1", state, target)


@pytest.mark.parametrize("state", [s for s in VersionState if s is not VersionState.DRAFT])
@pytest.mark.urs("URS-MRC-010")
def test_content_changes_in_draft_only(state: VersionState) -> None:
    rules.check_editable("R v1", VersionState.DRAFT)
    with pytest.raises(IllegalTransition):
        rules.check_editable("R v1", state)


@pytest.mark.urs("URS-MRC-050")
def test_nothing_starts_a_second_before_the_effective_time() -> None:
    second = timedelta(seconds=1)
    rules.check_startable("R v1", "effective", DATE, DATE)
    rules.check_startable("R v1", "effective", DATE, DATE + second)
    with pytest.raises(NotStartable):
        rules.check_startable("R v1", "effective", DATE, DATE - second)


@pytest.mark.parametrize("state", [s for s in VersionState if s is not VersionState.EFFECTIVE])
@pytest.mark.urs("URS-MRC-050")
def test_nothing_starts_on_a_version_in_another_state(state: VersionState) -> None:
    with pytest.raises(NotStartable):
        rules.check_startable("R v1", state, DATE, DATE)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT1S", 1), ("PT30M", 1800), ("PT1H30M", 5400), ("P7D", 604_800), ("P1DT1H", 90_000)],
)
def test_durations_have_a_fixed_length(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "PT0S", "P1M", "P1Y", "PT1.5H", "5 min"])
def test_what_is_no_exact_duration_is_refused(text: str) -> None:
    with pytest.raises(BadDuration):
        duration(text)


def test_cycles_and_moments_are_read_exactly() -> None:
    assert cycle("R/PT15M") == (None, timedelta(minutes=15))
    assert cycle("R3/PT15M") == (3, timedelta(minutes=15))
    assert moment("2026-11-22T07:00:00+01:00") == DATE
    for wrong in ("R0/PT15M", "PT15M", "R/PT0S", "R3/2026-01-01/PT5M"):
        with pytest.raises(BadDuration):
            cycle(wrong)
    for wrong in ("2026-11-22T06:00:00", "2026-11-22", "tomorrow"):
        with pytest.raises(BadDuration):
            moment(wrong)
