"""A file drawn elsewhere in the browser: imported, its findings lead into the diagram."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import sign_in

pytestmark = pytest.mark.xdist_group("planned_site")

FOREIGN = Path(__file__).parents[2] / "unit" / "workflows" / "models" / "foreign"


@pytest.mark.urs("URS-MRC-040")
def test_an_imported_drawing_leads_from_each_finding_to_its_element(
    screen: Page, address: str
) -> None:
    sign_in(screen, address, "P-104")
    screen.goto(f"{address}/recipes")
    screen.get_by_role("link", name="Import a file").click()
    screen.get_by_label("BPMN file").set_input_files(FOREIGN / "camunda7.bpmn")
    screen.get_by_label("Recipe code").fill("FOR-7")
    screen.get_by_label("Change").fill("CC-2026-301")
    screen.get_by_label("Reason").fill("drawn by the process group")
    screen.get_by_role("button", name="Import").click()
    expect(screen.get_by_role("heading", name="FOR-7 v1 · Granulate and dry")).to_be_visible()
    expect(screen.locator("[data-canvas] svg .djs-shape").first).to_be_visible()
    expect(screen.get_by_role("button", name="Submit for review")).to_have_count(0)
    expect(screen.locator(".pointed-at mark")).to_have_text("$")
    found = screen.locator(".finding-topic").filter(has_text="Recipes carry no scripts")
    found.get_by_role("link", name="Set the speed").click()
    expect(screen.locator('[data-element-id="Mix"].mark-shown')).to_be_visible()
    expect(screen.locator("[data-canvas]")).to_be_focused()
