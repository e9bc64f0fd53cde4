"""The button beside a field of a device takes its value, and never signs the step."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

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
