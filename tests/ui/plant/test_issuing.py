"""Miriam Vogel issues the control recipe of a planned batch (P010)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import sign, sign_in
from tests.support.records import RecordPlant

pytestmark = pytest.mark.xdist_group("planned_site")


@pytest.mark.urs("URS-MRC-070", "URS-EXE-020")
def test_the_supervisor_opens_a_planned_batch_and_issues_its_control_recipe(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    sign_in(screen, address, "P-105")
    screen.get_by_role("link", name="Batches").click()
    screen.get_by_role("link", name="B-2044").click()
    expect(screen.get_by_text("conditions are met.")).to_be_visible()
    screen.get_by_role("button", name="Open the batch").click()
    expect(screen.locator("main")).to_contain_text("P010 Check and issue control recipe")
    screen.locator("main").get_by_role("link", name="Open", exact=False).click()
    order = screen.locator("dl.facts", has_text="Effective master recipe")
    for told in ("B-2044", "PO-7731", "500010", "100.000", "2029-"):
        expect(order).to_contain_text(told)
    assert len(set(re.findall(r"REC-0017 v3 · [0-9a-f]{12}…", order.inner_text()))) == 1
    screen.get_by_role("button", name="Start this step").click()
    screen.get_by_role("textbox", name="Batch size").first.fill("100.000")
    screen.get_by_role("textbox", name="Order number").first.fill("PO-7731")
    screen.get_by_role("textbox", name="Batch number").first.fill("B-2044")
    for point in screen.locator("input[name='c']").all():
        point.check()
    screen.get_by_role("button", name="Save and sign").click()
    expect(screen.locator("#sign-dialog")).to_contain_text("PO-7731")
    sign(screen, "P-105")
    expect(screen.get_by_text("This step is complete.")).to_be_visible()
    assert plant.step("P010", number="B-2044").performed_by == "P-105"
    assert plant.step("P020", number="B-2044").state == "ready"
