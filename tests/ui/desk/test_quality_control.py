"""Inês Duarte of quality control: two determinations, the disposition, the certificate."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from playwright.sync_api import Page, expect

from quality import queries
from tests.support import batches
from tests.support.browser import sign, sign_in
from tests.support.records import RECORD, RecordPlant
from tests.ui.desk.conftest import DRY

SITE = "sampled_site"
pytestmark = pytest.mark.xdist_group(SITE)
IPC = "/records/B-2045/steps/I/1"
CERTIFICATE = "/records/B-2045/steps/K/1"


def determine(page: Page, first: str, second: str) -> None:
    """Type two determinations and sign them."""
    page.get_by_role("button", name="Start this step").click()
    page.get_by_label("Loss on drying 1/2").fill(first)
    page.get_by_label("Loss on drying 2/2").fill(second)
    page.get_by_role("button", name="Save and sign").click()
    expect(page.locator("#sign-dialog")).to_contain_text(first)
    sign(page, "P-106")


@pytest.mark.urs("URS-EXE-060", "URS-DEV-010")
def test_an_analyst_sees_difference_and_mean_out_of_limit_and_the_flow_is_held(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    sign_in(screen, address, "P-106")
    screen.locator(f"a[href='{IPC}']").first.click()
    determine(screen, "2.68", "2.72")
    recorded = screen.locator("main")
    for shown in ("2.68", "2.72", "0.04", "2.70"):
        expect(recorded).to_contain_text(shown)
    expect(screen.locator(".exception")).to_contain_text("Mean loss on drying")
    expect(screen.locator(".exception")).to_contain_text("Holds what comes next")
    assert plant.texts("I") == {"lod": ["2.68", "2.72"], "difference": ["0.04"], "mean": ["2.70"]}
    assert plant.exceptions() == [("out_of_limit", "major")]


@pytest.mark.urs("URS-SIG-020")
def test_the_analyst_decides_about_the_granules_and_later_enters_the_certificate(
    screen: Page, address: str, plant: RecordPlant, tmp_path: Path
) -> None:
    batches.do(plant, "I", DRY)
    sign_in(screen, address, "P-106")
    screen.goto(f"{address}/records/B-2045/steps/D/1")
    screen.get_by_role("button", name="Start this step").click()
    screen.get_by_role("radio", name="released").check()
    screen.get_by_role("button", name="Save and sign").click()
    sign(screen, "P-106")
    expect(screen.get_by_text("This step is complete.")).to_be_visible()
    (disposed,) = plant.ask(queries.dispositions, RECORD)
    assert (disposed.outcome, disposed.by) == ("released", "P-106")

    for key in ("Y", "Z"):
        batches.do(plant, key)
    paper = tmp_path / "certificate.pdf"
    with pikepdf.new() as made:
        made.add_blank_page()
        made.save(paper)
    screen.goto(address + CERTIFICATE)
    screen.get_by_role("button", name="Start this step").click()
    screen.locator("input[type=file]").first.set_input_files(paper)
    screen.locator("#in-assay-0").fill("99.8")
    screen.get_by_role("button", name="Save and sign").click()
    sign(screen, "P-106")
    expect(screen.get_by_text("This step is complete.")).to_be_visible()
    assert plant.texts("K") == {"certificate": ["certificate.pdf"], "assay": ["99.8"]}
