"""The page of a batch tells which conditions it waits for by itself, though no step is open."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebr import automatic
from ebr.entry import Entry
from tests.integration.ebr.test_waits import BIND, HEADER, bind, equip, feed
from tests.support.bpmn import (
    bpmn,
    conditional,
    end,
    process,
    start,
    step,
    subprocess,
    task,
    wait,
)
from tests.support.places import site_url
from tests.support.records import RECORD, RecordPlant, make_tables, staff
from tests.support.web import Visitor

PAGE = "/records/B-2045"
MOISTURE = (
    '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2">'
    '<bw:label lang="en">Loss on drying</bw:label></bw:parameter>'
)
TOO_HOT = start("ES", conditional("FBD.TI102 > 45.0 Cel"), sustained="PT30S", severity="minor")
DRY = wait("C", conditional("D.lod < 2 %")).replace('id="C"', 'id="C" name="Dry enough"')


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """After D the flow waits until the product is dry; beside it the temperature is watched."""
    make_tables(site_url(tmp_path / "site.db"))
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    staff(made)
    equip(made)
    made.start(
        bpmn(
            process(
                "OP",
                start(),
                task("P", step("P", BIND, kind="bind")),
                task("D", step("D", MOISTURE, kind="entry")),
                DRY,
                task("LAST"),
                end(),
                subprocess("ESP", "ES > COOL > EE", task("COOL"), end("EE"), begins=TOO_HOT),
                flows="start > P > D > C > LAST > end",
                header=HEADER,
            )
        )
    )
    bind(made)
    made.work()
    yield made
    made.close()


def measured(plant: RecordPlant, lod: str) -> None:
    entry = Entry(values={"lod": (lod,)})
    plant.person("P-101").perform(RECORD, plant.path("D"), entry)
    plant.work()


def shown(visitor: Visitor) -> str:
    """The text of the page."""
    return html.unescape(visitor.get(PAGE).get_data(as_text=True))


@pytest.mark.urs("URS-EXE-050")
def test_it_tells_what_the_flow_waits_for_by_name_and_where(
    visitor: Visitor, plant: RecordPlant
) -> None:
    visitor.login("P-105")
    assert "Dry enough" not in shown(visitor), "the flow is not there yet"
    measured(plant, "2.50")
    page = shown(visitor)
    for words in ("Waits for a condition", "D Loss on drying < 2\u202f%", "Dry enough"):
        assert words in page
    assert "the flow goes on" in page


@pytest.mark.urs("URS-EXE-050", "URS-PRO-020")
def test_it_tells_what_is_measured_now_and_when_nothing_good_is(
    visitor: Visitor, plant: RecordPlant
) -> None:
    visitor.login("P-105")
    assert "no good value" in shown(visitor)
    feed(plant, "41.5")
    page = shown(visitor)
    assert "> 45.0\u202f°C, for 30\u202fs" in page or "> 45.0\u202f°C, for 30 s" in page
    assert "now 41.5\u202f°C" in page


def test_what_was_met_is_waited_for_no_more(visitor: Visitor, plant: RecordPlant) -> None:
    visitor.login("P-105")
    measured(plant, "1.50")
    assert automatic.watch(plant.house) == 1
    page = shown(visitor)
    assert "Loss on drying < 2" not in page
    assert "> 45.0" in page
