"""A series of numbers is filled row by row with Enter, with keys for gloves, or by a device."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ebr.entry import Entry
from tests.integration.ebr.test_waits import BIND, HEADER, at_dryer, feed
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.browser import assert_fits
from tests.support.records import RecordPlant, staffed
from tests.ui.work.test_looks import use_theme, violations

MASSES = ("624.1", "625.4", "690.2", "626.0")
SERIES = (
    '<bw:parameter code="mass" dataType="decimal" unit="mg" decimals="1" replicates="4">'
    '<bw:label lang="en">Mass of 4 tablets</bw:label>'
    '<bw:limit tier="action" low="600.0" high="650.0"/></bw:parameter>'
    '<bw:parameter code="mean" dataType="decimal" unit="mg" decimals="1" origin="calculated"'
    ' expression="mean(S.mass)"><bw:label lang="en">Mean mass</bw:label>'
    '<bw:limit tier="alert" low="620.0" high="640.0"/></bw:parameter>'
    '<bw:parameter code="beyond" dataType="integer" origin="calculated"'
    ' expression="outside(S.mass, 0.95 * S.mean, 1.05 * S.mean)">'
    '<bw:label lang="en">Beyond 5 % of the mean</bw:label></bw:parameter>'
)
READ = (
    '<bw:parameter code="heat" dataType="decimal" unit="Cel" decimals="1" origin="device"'
    ' source="FBD.TI102" replicates="3"><bw:label lang="en">Heat of 3 places</bw:label>'
    "</bw:parameter>"
)


def recipe() -> bytes:
    """Bind, four masses with their mean, three temperatures from the dryer."""
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", BIND, kind="bind")),
            task("S", step("S", SERIES, kind="series", mode="none"), name="Weigh one by one"),
            task("R", step("R", READ, kind="series", mode="none"), name="Take one by one"),
            end(),
            flows="start > P > S > R > end",
            header=HEADER,
        )
    )


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """The batch waits at its first series."""
    made = staffed(tmp_path)
    at_dryer(made, recipe())
    made.work()
    yield made
    made.close()


def begin(page: Page, address: str, key: str) -> None:
    """Start a step and see its table."""
    page.goto(f"{address}/records/B-2045/steps/{key}/1")
    page.get_by_role("button", name="Start this step").click()
    expect(page.get_by_role("table")).to_be_visible()


@pytest.mark.urs("URS-EXE-060")
def test_enter_goes_from_cell_to_cell_and_the_figures_grow_below(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    begin(operator, address, "S")
    expect(operator.get_by_role("rowheader")).to_have_text(["1", "2", "3", "4"])
    operator.get_by_label("Mass of 4 tablets 1/4").focus()
    for mass in MASSES[:2]:
        operator.keyboard.type(mass)
        operator.keyboard.press("Enter")
    line = operator.locator("[data-series-line]")
    expect(line).to_have_text("2 of 4 · SD 0.92 · 624.1 … 625.4 mg")
    expect(operator.locator("#field-mean")).to_contain_text("624.8 mg")
    for mass in MASSES[2:]:
        operator.keyboard.type(mass)
        operator.keyboard.press("Enter")
    expect(operator.locator("[data-series-verdict]")).to_have_text(
        "3: out of action limit: 600.0 … 650.0\u202fmg. Saving opens an exception."
        " Mean mass: alert limit passed: 620.0 … 640.0\u202fmg. Saving opens an exception."
    )
    expect(operator.locator("#field-beyond")).to_contain_text("1")
    expect(operator.get_by_role("button", name="Save")).to_be_focused()
    operator.keyboard.press("Enter")
    expect(operator.get_by_text("The flow waits for a decision")).to_be_visible()
    assert plant.texts("S") == {"mass": list(MASSES), "mean": ["641.4"], "beyond": ["1"]}
    assert plant.exceptions() == [("out_of_limit", "major"), ("out_of_limit", "minor")]


def test_number_keys_for_gloves_walk_through_the_series(operator: Page, address: str) -> None:
    begin(operator, address, "S")
    operator.get_by_role("button", name="123, number keys for Mass of 4 tablets").click()
    pad = operator.locator("#keypad")
    for place in range(1, 5):
        expect(pad.get_by_role("heading")).to_have_text(f"Mass of 4 tablets {place}/4")
        for key in ("6", "2", "5", "Take over"):
            pad.get_by_role("button", name=key, exact=True).click()
    expect(pad).to_be_hidden()
    expect(operator.locator("[data-series-line]")).to_contain_text("4 of 4")


@pytest.mark.urs("URS-PRO-010")
def test_a_device_fills_the_series_row_by_row(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    plant.person("P-101").perform(
        "batch/B-2045", plant.path("S"), Entry(values={"mass": ("625.0",) * 4})
    )
    plant.work()
    begin(operator, address, "R")
    for place, heat in enumerate(("31.0", "32.5", "33.0"), start=1):
        plant.later(seconds=1)
        feed(plant, heat)
        take = operator.get_by_role("button", name=f"Take from FBD-01.TI102 ({place} of 3)")
        take.focus()
        operator.keyboard.press("Enter")
        expect(operator.get_by_label(f"Heat of 3 places {place}/3")).to_have_value(heat)
    expect(operator.locator("[data-series-line]")).to_contain_text("3 of 3 · mean 32.17")
    operator.get_by_role("button", name="Save", exact=True).click()
    expect(operator.get_by_text("This step is complete.")).to_be_visible()
    assert plant.texts("R") == {"heat": ["31.0", "32.5", "33.0"]}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_series_is_a_table_for_a_screen_reader_and_fits_a_narrow_screen(
    operator: Page, address: str, axe_source: str, theme: str
) -> None:
    begin(operator, address, "S")
    operator.get_by_label("Mass of 4 tablets 1/4").fill("690.2")
    use_theme(operator, theme)
    assert violations(operator, axe_source) == []
    expect(operator.get_by_role("row")).to_have_count(5)
    operator.set_viewport_size({"width": 320, "height": 700})
    assert_fits(operator, 320)
    operator.set_viewport_size({"width": 1280, "height": 800})
    operator.evaluate("document.documentElement.style.fontSize = '200%'")
    assert_fits(operator, 1280)
