"""What the quality unit decided, in the batch register and the exception report (URS-REL-060)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from quality.commands.deviations import close_deviation
from tests.integration.quality.test_release import CRITICAL, correct, made
from tests.support import batches, recorded, sheets
from tests.support.records import START, RecordPlant

__all__ = ["made"]
DAY = f"{START:%Y-%m-%d}"
NEXT = f"{START + timedelta(days=1):%Y-%m-%d}"


def row(plant: RecordPlant, day: str = DAY) -> dict[str, str]:
    """The line of the batch in the register."""
    issued = sheets.issue(plant.house, "register", plant.person("P-107").actor, day=day)
    assert sheets.unsaid(issued) == []
    (found,) = issued.rows("batches")
    return found


@pytest.fixture
def plant(plant: RecordPlant, tmp_path: Path) -> RecordPlant:
    """A site that issues every kind of document."""
    recorded.furnish(plant, tmp_path)
    sheets.register(plant)
    return plant


@pytest.mark.urs("URS-EXE-020", "URS-REP-010", "URS-SIG-090")
def test_a_release_stands_in_the_register_with_its_signature_until_it_is_voided(
    made: RecordPlant,
) -> None:
    assert row(made)["decision"] == "not decided"
    batches.review(made)
    batches.release(made)
    decided = row(made)["decision"]
    assert decided.startswith("Released for packaging\nSamuel Okafor (P-107)\napproved · QA\n2026-")
    made.later(days=1)
    correct(made)
    assert row(made)["decision"] == decided, "that day it was released"
    assert row(made, NEXT)["decision"].startswith("UNDER REASSESSMENT\n")


def test_a_rejected_batch_and_one_without_a_series_are_named(plant: RecordPlant) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "K")
    batches.reject(plant)
    assert row(plant)["decision"].startswith("Rejected\nSamuel Okafor (P-107)\nrejected · QA\n")
    by = plant.person("P-107").actor
    issued = sheets.issue(plant.house, "register", by, day=DAY, product="500010")
    assert issued.rows("gaps") == [
        {
            "numbers": "B-2045",
            "count": "1",
            "explanation": "a batch, but its number was not drawn from a series of this site",
        }
    ]
    other = sheets.issue(plant.house, "register", by, day=DAY, product="500020")
    assert other.rows("batches") == []


@pytest.mark.urs("URS-DEV-030", "URS-REP-010")
def test_a_deviation_stands_in_the_exception_report_open_and_then_closed_with_its_signature(
    plant: RecordPlant,
) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "A", A=CRITICAL)
    by = plant.person("P-107").actor
    first = sheets.issue(plant.house, "exceptions", by, record="B-2045")
    (found,) = first.rows("deviations")
    assert (found["number"], found["state"], found["conclusion"]) == ("DEV-001", "open", "OPEN")
    assert "About batch/B-2045, exception 1" in found["what"]
    assert first.data["mark"] == "IN PROCESS"
    plant.person("P-107").sign(
        close_deviation, "DEV-001", "the scale had drifted", meaning="approved",
        record="deviation/DEV-001",
    )  # fmt: skip
    second = sheets.issue(plant.house, "exceptions", by, since=DAY, until=DAY)
    (closed,) = second.rows("deviations")
    assert closed["conclusion"].startswith("the scale had drifted\nSamuel Okafor (P-107)\n")
    assert closed["signed"].startswith("Samuel Okafor (P-107)\napproved · QA\n2026-")
    assert sheets.unsaid(first) == sheets.unsaid(second) == []
