"""Exceptions over all batches: counts that lead to what is behind them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from ebr import queries as records
from ebr.entry import Entry
from tests.support import batches
from tests.support.records import RecordPlant
from tests.support.web import Visitor

Enter = Callable[[str], Visitor]


@pytest.fixture
def ended(plant: RecordPlant) -> RecordPlant:
    """A batch with a value beyond its alert limit and one that a person reported."""
    batches.plan(plant)
    batches.run_up_to(plant, "Y", A=Entry(values={"mass": ("10.30",)}))
    batches.report(plant, "Y", "a drum was labelled twice")
    return plant


@pytest.fixture
def found(ended: RecordPlant) -> list[tuple[str, str, str]]:
    """Batch, severity and text of everything that was raised on the site."""
    with ended.house.reading() as session:
        return [
            (run.number, case.severity, case.text)
            for run in records.runs(session)
            for case in records.exceptions(session, run)
        ]


def rows(visitor: Visitor, path: str) -> list[dict[str, str]]:
    text = visitor.get(path).get_data(as_text=True).removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.urs("URS-DEV-040")
def test_every_exception_is_counted_once_and_listed(
    found: list[tuple[str, str, str]], enter: Enter
) -> None:
    visitor = enter("P-107")
    listed = rows(visitor, "/exceptions?csv=cases")
    assert sorted((row["Batch"], row["Severity"], row["What"]) for row in listed) == sorted(found)
    counted = rows(visitor, "/exceptions?csv=counts")
    assert sum(int(row["Total"]) for row in counted) == len(found) > 1


def test_a_count_leads_to_the_exceptions_behind_it(
    found: list[tuple[str, str, str]], enter: Enter
) -> None:
    visitor = enter("P-107")
    step = rows(visitor, "/exceptions?by=step&csv=counts")[0]
    behind = rows(visitor, f"/exceptions?by=step&what={step['Step']}&csv=cases")
    assert len(behind) == int(step["Total"])
    assert {row["Step"] for row in behind} == {step["Step"]}


def test_the_page_narrows_by_severity_and_says_when_nothing_fits(
    found: list[tuple[str, str, str]], enter: Enter
) -> None:
    visitor = enter("P-107")
    here = {severity for _batch, severity, _text in found}
    away = sorted({"critical", "major", "minor", "information"} - here)[0]
    assert rows(visitor, f"/exceptions?severity={away}&csv=cases") == []
    assert "None was raised that fits." in visitor.get(f"/exceptions?severity={away}").text
    assert "month-bars" in visitor.get("/exceptions").text


def test_the_register_of_batches_narrows_by_state_and_keeps_every_number(
    ended: RecordPlant, enter: Enter
) -> None:
    visitor = enter("P-107")
    every = rows(visitor, "/batches?csv=batches")
    assert {"B-2045"} <= {row["Batch"] for row in every}
    running = rows(visitor, "/batches?state=running&csv=batches")
    assert [row["Batch"] for row in running] == ["B-2045"]
    assert rows(visitor, "/batches?state=cancelled&csv=batches") == []
