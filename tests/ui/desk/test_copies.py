"""The buttons for PDF and evidence bundle, with a worker that makes what they ask for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.worker import SiteWorker
from audit import verifier
from tests.support.browser import sign_in
from tests.support.records import RecordPlant

SITE = "ended_site"
pytestmark = pytest.mark.xdist_group(SITE)


def work(plant: RecordPlant) -> None:
    """The worker does what is due, and looks again after the log has taken the entries.

    In a thread of its own: sealing brings an event loop, and that of the browser runs in this one.
    """
    worker = SiteWorker(plant.house, owner="worker-1")
    with ThreadPoolExecutor(1) as apart:
        for _round in range(2):
            apart.submit(worker.settle).result(timeout=120)
            plant.later(seconds=30)


@pytest.mark.urs("URS-REP-010", "URS-REC-070")
def test_pdf_and_bundle_are_asked_for_made_and_downloaded(
    screen: Page, address: str, plant: RecordPlant, tmp_path: Path
) -> None:
    sign_in(screen, address, "P-107")
    screen.goto(f"{address}/batches/B-2045/record")
    for button, ending in (("PDF", ".pdf"), ("Evidence bundle", ".zip")):
        screen.get_by_role("button", name=button).click()
        expect(screen.get_by_text("The copy is being made")).to_be_visible()
        work(plant)
        expect(screen.get_by_role("link", name=ending).first).to_be_visible(timeout=20_000)
    expect(screen.get_by_text("The copy is being made")).to_be_hidden()
    paper = screen.get_by_role("link", name=".pdf").first.get_attribute("href")
    assert screen.request.get(f"{address}{paper}").body().startswith(b"%PDF-")
    with screen.expect_download() as coming:
        screen.get_by_role("link", name=".zip").first.click()
    coming.value.save_as(tmp_path / "bundle.zip")
    report = verifier.verify_bundle(str(tmp_path / "bundle.zip"))
    assert (report["result"], report["problems"]) == ("VALID", [])
    assert report["record"] == "batch/B-2045"
