"""The button beside a field of a device takes its value, and never signs the step."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from ebr.entry import Entry
from tests.integration.ebr import test_waits as dryer
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RecordPlant

HEADER = (
    '<bw:recipe code="TST-1" title="Daily check" category="procedure">'
    '<bw:equipmentRequirement key="WGH" class="floor_scale" shared="true">'
    '<bw:label lang="en">Scale</bw:label><bw:tag name="WI501" unit="kg"/>'
    "</bw:equipmentRequirement></bw:recipe>"
)
MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2" origin="device"'
    ' source="WGH.WI501"><bw:label lang="en">Check weight</bw:label></bw:parameter>'
)
STEP = "/records/B-2046/steps/S/1"


def recipe() -> bytes:
    """One step whose value a scale gives; no scale is bound yet."""
    check = task("S", step("S", MASS, kind="entry"), name="Check the scale")
    return bpmn(process("CHK", start(), check, end(), flows="start > S > end", header=HEADER))


@pytest.mark.urs("URS-PRO-010", "URS-EXE-060")
def test_taking_a_value_is_not_signing_the_step(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    plant.start(recipe(), number="B-2046")
    operator.goto(address + STEP)
    operator.get_by_role("button", name="Start this step").click()
    operator.get_by_role("button", name="Take from WGH.WI501").click()
    expect(operator.get_by_role("alert").filter(has_text="equipment.not_bound")).to_be_visible()
    expect(operator.locator("#sign-dialog")).to_have_count(0)
    commands = [
        entry["facts"].get("command")
        for entry in plant.entries("batch/B-2046")
        if entry["action"] == "attempt.refused"
    ]
    assert commands == ["take_for_step"]


HEAT = (
    '<bw:parameter code="heat" dataType="decimal" unit="Cel" decimals="1" origin="device"'
    ' source="FBD.TI102"><bw:label lang="en">Heat of the product</bw:label></bw:parameter>'
)
HEATED = "/records/B-2046/steps/H/1"


def heat() -> bytes:
    """Bind the dryer, then one value that it gives."""
    return bpmn(
        process(
            "HEAT",
            start(),
            task("P", step("P", dryer.BIND, kind="bind")),
            task("H", step("H", HEAT, kind="entry", mode="none"), name="Take the heat"),
            end(),
            flows="start > P > H > end",
            header=dryer.HEADER,
        )
    )


@pytest.mark.urs("URS-PRO-010", "URS-PRO-020")
def test_what_the_device_shows_stands_at_the_button_and_typing_needs_a_reason(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    dryer.equip(plant)
    plant.start(heat(), number="B-2046")
    path = plant.step("P", number="B-2046").path
    plant.person("P-101").perform("batch/B-2046", path, Entry(units={"FBD": "FBD-01"}))
    plant.work()
    dryer.feed(plant, "41.8")
    operator.goto(address + HEATED)
    operator.get_by_role("button", name="Start this step").click()
    expect(operator.locator(".from-device")).to_contain_text("41.8")
    expect(operator.get_by_label("Heat of the product").first).to_be_hidden()
    operator.get_by_text("Type it instead").click()
    operator.get_by_label("Heat of the product").first.fill("41.5")
    operator.get_by_role("button", name="Save", exact=True).click()
    expect(operator.get_by_role("alert").filter(has_text="reason.needed")).to_be_visible()
    expect(operator.locator("#reason")).to_be_visible()
    operator.locator("#reason").fill("the sensor hangs in the air")
    operator.get_by_role("button", name="Save", exact=True).click()
    expect(operator.get_by_text("typed instead of device")).to_be_visible()
