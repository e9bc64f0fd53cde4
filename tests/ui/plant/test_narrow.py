"""A table in a place too narrow for it is a list of its rows, and stays a table for who listens."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import sign_in

pytestmark = pytest.mark.xdist_group("planned_site")

BESIDE = "box => box.scrollWidth > box.clientWidth + 1"


def test_a_register_is_a_list_of_rows_on_a_narrow_screen(screen: Page, address: str) -> None:
    sign_in(screen, address, "P-105")
    screen.goto(address + "/batches")
    box, row = screen.locator(".table-scroll").first, screen.locator("tbody tr").first
    expect(row).to_have_css("display", "table-row")
    screen.set_viewport_size({"width": 390, "height": 800})
    expect(row).to_have_css("display", "block")
    expect(row.get_by_role("cell").nth(1)).to_have_attribute("data-label", "Product")
    assert not box.evaluate(BESIDE)
    expect(box.get_by_role("table")).to_be_visible()
    screen.set_viewport_size({"width": 1280, "height": 800})
    expect(row).to_have_css("display", "table-row")
