"""The auditor asks the trail of the whole site in a browser, reads one entry, takes it home."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from audit import searchindex, verifier
from audit.searchexport import check_selection
from audit.sequencer import sequence_pending
from tests.support.browser import assert_fits, sign_in
from tests.support.records import RecordPlant

SITE = "sampled_site"
PICTURES = os.environ.get("BATCHWRIGHT_PICTURES")


def picture(screen: Page, name: str) -> None:
    """A picture for who judges the page; only where a folder for it is named."""
    for theme in ("dark", "light") if PICTURES else ():
        screen.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        screen.screenshot(path=Path(str(PICTURES)) / f"{name}-{theme}.png")


@pytest.mark.urs("URS-AUD-100", "URS-REP-040")
def test_from_a_question_to_a_selection_that_proves_itself(
    screen: Page, address: str, plant: RecordPlant, tmp_path: Path
) -> None:
    keys = plant.house.services["site_keys"]
    sequence_pending(plant.house, keys)
    searchindex.catch_up(plant.house)
    sign_in(screen, address, "P-107")
    screen.get_by_role("link", name="Audit trail").first.click()
    expect(screen.get_by_role("heading", name="Audit trail")).to_be_visible()
    picture(screen, "trail-1280")
    screen.get_by_label("Who", exact=True).fill("Vogel")
    screen.get_by_label("Order").select_option("old")
    screen.get_by_role("button", name="Show", exact=True).click()
    expect(screen).to_have_url(re.compile("who=Vogel"))
    rows = screen.get_by_role("region", name="Entries found").locator("tbody tr")
    assert rows.count() > 0
    assert all("P-105" in text for text in rows.all_inner_texts())
    picture(screen, "trail-asked-1280")
    with screen.expect_download() as taken:
        screen.get_by_role("button", name="JSON with proof").click()
    data = Path(taken.value.path()).read_bytes()
    assert check_selection(data, keys.log_keys()) == rows.count()
    with pytest.raises(verifier.Invalid):
        check_selection(data.replace(b"P-105", b"P-101", 1), keys.log_keys())
    screen.set_viewport_size({"width": 390, "height": 844})
    assert_fits(screen, 390)
    picture(screen, "trail-390")
    rows.first.get_by_role("link").last.click()
    expect(screen.get_by_role("heading", name="Place in the log")).to_be_visible()
    assert_fits(screen, 390)
    picture(screen, "entry-390")
