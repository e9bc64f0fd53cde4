"""A record is cut into portions by its length alone, and nothing is lost at a cut."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ebr.report import portions
from ebr.report.model import RecordView
from ebr.report.portions import Heading, portions_of
from ebr.report.stepmodel import StepView


@pytest.fixture
def long(view: RecordView) -> RecordView:
    """The record with as many steps and entries as a long one has."""
    return replace(view, levels=view.levels * 60, trail=view.trail * 60)


def test_a_short_record_is_one_portion(view: RecordView) -> None:
    (only,) = portions_of(view)
    assert (only.first, only.lists, only.begins_trail) == (True, True, True)
    assert only.trail == view.trail


@pytest.mark.urs("URS-REP-030")
def test_a_long_record_loses_nothing_and_keeps_its_order(long: RecordView) -> None:
    found = portions_of(long)
    assert len(found) > 2
    steps = [item for each in found for item in each.items if isinstance(item, StepView)]
    assert steps == list(long.steps())
    assert [line for each in found for line in each.trail] == list(long.trail)
    assert [each.first for each in found].count(True) == 1
    assert [each.lists for each in found].count(True) == 1


def test_no_portion_grows_with_the_record(long: RecordView) -> None:
    weights = [
        sum(portions._lines(item) for item in (*each.items, *each.trail))
        for each in portions_of(long)
    ]
    assert max(weights) < 1.5 * portions.LINES_AT_MOST


def test_no_portion_ends_with_a_heading(long: RecordView) -> None:
    for each in portions_of(long)[:-1]:
        assert not each.items or not isinstance(each.items[-1], Heading)


def test_the_trail_has_one_beginning(long: RecordView) -> None:
    begun = [each.trail[0] for each in portions_of(long) if each.begins_trail]
    assert begun[0] is long.trail[0]


def test_the_same_record_is_cut_at_the_same_places(long: RecordView) -> None:
    assert portions_of(long) == portions_of(long)
