"""Passing on a message in a real browser: seen, refused, taken."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.integration.web.test_messages import plant
from tests.support.browser import assert_fits
from tests.ui.work.conftest import sign_in
from tests.ui.work.test_looks import violations

__all__ = ["plant"]


def test_a_supervisor_sees_what_is_waited_for_and_passes_it_on(
    screen: Page, address: str, axe_source: str
) -> None:
    sign_in(screen, "P-105")
    screen.goto(f"{address}/records/B-2045")
    card = screen.locator("section", has=screen.get_by_role("heading", name="Waits for a message"))
    expect(card).to_contain_text("Message lab_result for L-7")
    card.get_by_text("Pass on what came").click()
    card.get_by_label("Who sent it").fill("LIMS")
    card.get_by_label("What it is for").fill("L-8")
    card.get_by_label("What it said").fill("verdict: passed")
    assert violations(screen, axe_source) == []
    screen.set_viewport_size({"width": 320, "height": 700})
    assert_fits(screen, 320)
    screen.set_viewport_size({"width": 1280, "height": 800})
    card.get_by_role("button", name="Pass it on").click()
    expect(screen.get_by_role("alert")).to_contain_text("with L-7, not L-8")
    screen.goto(f"{address}/records/B-2045")
    card.get_by_text("Pass on what came").click()
    card.get_by_label("Who sent it").fill("LIMS")
    card.get_by_label("What it is for").fill("L-7")
    card.get_by_label("What it said").fill("verdict: passed")
    card.get_by_role("button", name="Pass it on").click()
    expect(card).to_contain_text("Signal spill")
    expect(screen.get_by_role("link", name="WASH WASH")).to_be_visible()
