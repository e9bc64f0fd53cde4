"""The exception report of a record and of a period (URS-REP-010)."""

from __future__ import annotations

import pytest

from core.errors import NotPermitted
from ebr import queries as records
from ebr.report.period import NoPeriod
from tests.support import sheets
from tests.support.records import PEOPLE, RecordPlant


@pytest.fixture
def plant(batch: RecordPlant) -> RecordPlant:
    """The recorded batch at a site that issues everything."""
    sheets.register(batch)
    return batch


@pytest.mark.urs("URS-REP-010", "URS-REP-030")
def test_every_exception_of_a_record_stands_in_the_report_with_decision_and_signature(
    plant: RecordPlant,
) -> None:
    made = sheets.issue(plant.house, "exceptions", plant.person("P-107").actor, record="B-2045")
    with plant.house.reading() as session:
        cases = records.exceptions(session, records.run_of(session, "B-2045"))
        known = [(case.severity, case.text) for case in cases]
    assert [
        (row["severity"], row["what"].splitlines()[1]) for row in made.rows("exceptions")
    ] == known
    assert sheets.unsaid(made) == []
    signed = [row["signed"] for row in made.rows("exceptions") if row["signed"] != "–"]
    assert signed
    assert all(PEOPLE["P-107"].name in each or PEOPLE["P-105"].name in each for each in signed)


@pytest.mark.urs("URS-REP-010")
def test_a_period_without_any_says_so(plant: RecordPlant) -> None:
    by = plant.person("P-107").actor
    day = "2025-01-02"
    made = sheets.issue(plant.house, "exceptions", by, since=day, until=day)
    assert made.data["statement"] == (
        "No exception was raised and no deviation was opened in this period."
    )
    assert made.data["mark"] == ""
    assert made.holds("No exception was raised in this period.")
    assert made.holds("No deviation was opened in this period.")


def test_a_period_that_is_not_over_is_marked_on_every_page(plant: RecordPlant) -> None:
    with plant.house.reading() as session:
        day = records.run_of(session, "B-2045").started_at
    assert day is not None
    by = plant.person("P-107").actor
    made = sheets.issue(plant.house, "exceptions", by, since=f"{day:%Y-%m-%d}", until="2999-12-31")
    assert made.data["mark"] == "PERIOD NOT OVER"
    assert made.text.count("PERIODNOTOVER") >= made.pages
    assert made.rows("exceptions")
    assert sheets.unsaid(made) == []


@pytest.mark.parametrize(
    ("since", "until"),
    [("", "2026-01-01"), ("2026-02-30", "2026-03-01"), ("2026-03-02", "2026-03-01"),
     ("2998-01-01", "2998-01-02"), ("20260301", "20260302")],
)  # fmt: skip
def test_days_that_are_none_or_in_the_wrong_order_are_refused(
    plant: RecordPlant, since: str, until: str
) -> None:
    with pytest.raises(NoPeriod):
        sheets.issue(
            plant.house, "exceptions", plant.person("P-107").actor, since=since, until=until
        )


def test_who_may_read_no_record_gets_none(plant: RecordPlant) -> None:
    with pytest.raises(NotPermitted):
        sheets.issue(
            plant.house, "exceptions", plant.person("A-001").actor,
            since="2026-01-01", until="2026-01-02",
        )  # fmt: skip
