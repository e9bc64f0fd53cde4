"""Exceptions over all records are counted as they were raised (URS-DEV-040)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quality import trending
from quality.trending import Case

BEGIN = datetime(2026, 1, 31, 22, 30, tzinfo=UTC)


def case(number: int, after_days: int = 0, **more: object) -> Case:
    given: dict[str, object] = {
        "record": "batch/B-1",
        "batch": "B-1",
        "digest": "d",
        "number": number,
        "type": "out_of_limit",
        "severity": "minor",
        "state": "open",
        "text": "",
        "step": "G170",
        "units": ("FBD-01",),
        "deviation": "",
        "decision": "",
        "raised_at": BEGIN + timedelta(days=after_days),
    }
    return Case(**{**given, **more})  # type: ignore[arg-type]


SEEDED = [
    case(1),
    case(2, severity="critical", state="decided"),
    case(1, 60, record="batch/B-2", batch="B-2", units=("FBD-01", "BAL-02")),
    case(3, type="data_gap", units=(), step="", severity="information", state="listed"),
]


@pytest.mark.urs("URS-DEV-040")
def test_counts_by_type_are_those_of_the_seeded_set() -> None:
    limit, gap = trending.tallies(SEEDED, lambda each: (each.type,))
    assert (limit.what, limit.total, limit.records, limit.undecided) == ("out_of_limit", 3, 2, 2)
    assert limit.by_severity == {"critical": 1, "major": 0, "minor": 2, "information": 0}
    assert limit.last == BEGIN + timedelta(days=60)
    assert (gap.what, gap.total, gap.undecided) == ("data_gap", 1, 0)


@pytest.mark.urs("URS-DEV-040")
def test_an_exception_counts_under_each_unit_of_its_step_and_under_none_without_any() -> None:
    counted = trending.tallies(SEEDED, lambda each: each.units)
    assert [(tally.what, tally.total) for tally in counted] == [("FBD-01", 3), ("BAL-02", 1)]


def test_months_are_those_of_the_site_and_an_empty_one_is_not_left_out() -> None:
    there = trending.months(SEEDED, "Europe/Zurich")
    assert [(month.name, month.total) for month in there] == [
        ("2026-01", 3),
        ("2026-02", 0),
        ("2026-03", 0),
        ("2026-04", 1),
    ]
    assert trending.months(SEEDED[:1], "Pacific/Auckland")[0].name == "2026-02"


def test_without_any_exception_there_is_no_month() -> None:
    assert trending.months([], "UTC") == []
