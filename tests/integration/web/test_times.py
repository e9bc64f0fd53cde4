"""What runs out when stands on the page of a step, of the batch, and in the record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.integration.ebr.test_times import BETWEEN, MIX, begin, perform, recipe
from tests.support.places import site_url
from tests.support.records import RECORD, RecordPlant, make_tables, staff
from tests.support.web import Visitor

BATCH = "/records/B-2045"
TWENTY = '<bw:timing maximum="PT20M"/>'


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """A takes ten minutes at least; B begins 30 to 60 min after it."""
    make_tables(site_url(tmp_path / "site.db"))
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    staff(made)
    made.start(recipe(MIX + '<bw:hold name="wet" act="starts" limit="P1D"/>', TWENTY + BETWEEN))
    yield made
    made.close()


def page(app: Flask, address: str) -> str:
    """The page for Anna Kern, who signs in anew: sessions end while time passes."""
    visitor = Visitor(app)
    visitor.login("P-101")
    return text_of(visitor, address)


def text_of(visitor: Visitor, address: str) -> str:
    return " ".join(visitor.get(address).get_data(as_text=True).split())


@pytest.mark.urs("URS-EXE-070")
def test_a_step_tells_its_own_times_and_those_before_it(app: Flask, plant: RecordPlant) -> None:
    assert "takes at least 10 min" in page(app, f"{BATCH}/steps/A/1")
    begin(plant, "A")
    assert "in 10 min" in page(app, f"{BATCH}/steps/A/1")
    plant.later(minutes=10)
    assert "has passed" in page(app, f"{BATCH}/steps/A/1")
    perform(plant, "A")
    told = page(app, f"{BATCH}/steps/B/1")
    for words in (
        "may begin, after A",
        "in 30 min",
        "takes at most 20 min",
        "hold time A to B, ends with the start of this step",
        "60 min left",
        "hold time wet",
        "24 h 00 min left",
    ):
        assert words in told, words


@pytest.mark.urs("URS-EXE-070")
def test_what_is_over_is_marked_everywhere(app: Flask, plant: RecordPlant) -> None:
    begin(plant, "A")
    plant.later(minutes=10)
    perform(plant, "A")
    plant.later(minutes=61)
    plant.work()
    for address in (f"{BATCH}/steps/B/1", BATCH):
        assert "over for 60 s" in page(app, address)
    record = page(app, "/batches/B-2045/record/equipment")
    assert "A to B" in record
    assert "exceeded" in record
    plant.person("P-101").start(RECORD, plant.path("B"))
    assert "must be performed" in page(app, f"{BATCH}/steps/B/1")


def test_the_side_of_the_page_is_asked_for_by_itself(app: Flask, plant: RecordPlant) -> None:
    begin(plant, "A")
    plant.later(minutes=9)
    assert "in 60 s" in page(app, f"{BATCH}/steps/A/1?fragment=side")


def test_the_times_are_german_for_who_reads_german(operator: Visitor, plant: RecordPlant) -> None:
    form = operator.forms("/work").to("/language")
    operator.client.post("/language", data={**form, "language": "de"})
    begin(plant, "A")
    told = text_of(operator, f"{BATCH}/steps/A/1")
    assert "darf durchgeführt werden" in told
    assert "Zeiten" in told
