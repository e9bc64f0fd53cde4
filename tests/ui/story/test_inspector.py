"""Inspector 01: invited, reads the record of the whole batch, takes it home, changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from personnel import invitations
from tests.support.browser import sign_in
from tests.support.story import Played
from tests.ui.story.conftest import Released

BADGE = "I-001"
PASSPHRASE = "lantern under the bridge"
RECORD = "/batches/B-2045/record"
ON_TOP = """mark => {
  const box = mark.getBoundingClientRect();
  const found = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return mark.contains(found);
}"""
BADGES = """() => [...document.querySelectorAll('.djs-overlay-container .djs-overlay')].length"""


def enter(page: Page, address: str, released: Released) -> None:
    """Be invited by an administrator, choose a passphrase, sign in."""
    administrator = released.people["A-002"].actor
    made = released.house.perform(
        invitations.invite,
        BADGE,
        lasting=timedelta(days=7),
        reason="inspection of this week",
        by=administrator,
    )
    page.goto(f"{address}/login")
    page.get_by_role("link", name="I have a single-use secret").click()
    page.get_by_label("Badge").fill(BADGE)
    page.get_by_label("Single-use secret").fill(made.secret)
    page.get_by_label("New passphrase", exact=True).fill(PASSPHRASE)
    page.get_by_label("New passphrase again").fill(PASSPHRASE)
    page.get_by_role("button", name="Keep this passphrase").click()
    sign_in(page, address, BADGE, PASSPHRASE)


@pytest.mark.urs("URS-IAM-020", "URS-REP-010")
def test_an_invited_inspector_reads_every_part_of_the_record(
    screen: Page, address: str, released: Released
) -> None:
    enter(screen, address, released)
    expect(screen.get_by_role("heading", name="Batches")).to_be_visible()
    screen.get_by_role("link", name="B-2045").click()
    expect(screen.locator(".verify")).to_contain_text("record verified", timeout=30_000)
    route_is_drawn_and_listed(screen)
    part(screen, "Values")
    screen.locator("#t-q").fill("mean loss on drying")
    screen.keyboard.press("Enter")
    for mean in ("2.70", "1.90"):
        expect(screen.get_by_role("table").first).to_contain_text(mean)
    part(screen, "Trends")
    expect(screen.locator(".chart canvas").first).to_be_visible()
    expect(screen.get_by_role("table").first).to_be_attached()
    part(screen, "Corrections")
    expect(screen.locator("main")).to_contain_text("1.98")
    part(screen, "Audit trail")
    screen.locator("#t-q").fill("value corrected")
    screen.keyboard.press("Enter")
    for told in ("value corrected", "Inês Duarte (P-106)", "1.88"):
        expect(screen.get_by_role("table").first).to_contain_text(told)


def part(page: Page, name: str) -> None:
    """Open a tab of the record."""
    page.get_by_role("navigation", name="Parts of the record").get_by_role(
        "link", name=name
    ).click()


def route_is_drawn_and_listed(page: Page) -> None:
    """The mark of bpmn.io is visible and on top; the list says what the diagram marks."""
    part(page, "Route")
    mark = page.locator(".bjs-powered-by")
    expect(mark).to_be_visible()
    mark.scroll_into_view_if_needed()
    assert mark.evaluate(ON_TOP)
    told = json.loads(page.locator("script[id^='marks-']").inner_text())
    assert len(told) > 1
    rows = page.locator("[id^='el-']")
    for each in told:
        expect(rows.filter(has_text=each["words"]).first).to_be_visible()
    listed = {name.rpartition("-")[2] for name in rows.evaluate_all("all => all.map(e => e.id)")}
    assert {each["id"] for each in told} <= listed
    assert page.evaluate(BADGES) > 0


@pytest.mark.urs("URS-REC-070")
def test_the_bundle_that_an_inspector_downloads_is_valid_for_a_bare_python(
    screen: Page, address: str, released: Released, story: Played, tmp_path: Path
) -> None:
    enter(screen, address, released)
    screen.goto(f"{address}{RECORD}/copies")
    paper = screen.get_by_role("link", name=".pdf").first.get_attribute("href")
    assert screen.request.get(f"{address}{paper}").body().startswith(b"%PDF-")
    with screen.expect_download() as coming:
        screen.get_by_role("link", name=".zip").first.click()
    code, found = verified(coming.value, story.trust, tmp_path)
    assert (code, found["result"]) == (0, "VALID")


def verified(download: Download, trust: Path, folder: Path) -> tuple[int, dict[str, object]]:
    """What the verifier inside the download says about it, run without anything of ours."""
    bundle = folder / "downloaded.zip"
    download.save_as(bundle)
    with zipfile.ZipFile(bundle) as archive:
        (folder / "verify.py").write_bytes(archive.read("verify.py"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", str(bundle), "--trust", str(trust), "--json"],
        cwd=folder,
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={"PATH": os.defpath},
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.urs("URS-IAM-020", "URS-AUD-010")
def test_an_inspector_finds_no_button_that_acts_and_is_refused_elsewhere_with_the_reason(
    screen: Page, address: str, released: Released
) -> None:
    enter(screen, address, released)
    harmless = {"PDF", "Exception report (PDF)", "Evidence bundle", "Lock", "Unlock", "Show"}
    harmless |= {"Sign out", "Fit", "Filter"}
    for page in ("/batches", RECORD, f"{RECORD}/exceptions", "/release/B-2045", "/recipes"):
        screen.goto(address + page)
        buttons = set(screen.locator("main button:visible").all_inner_texts())
        assert buttons <= harmless, page
    for page in ("/materials", "/equipment", "/deviations", "/records/B-2045", "/plant"):
        screen.goto(address + page)
        expect(screen.locator("#problem, main").first).to_contain_text("You may not do this")
    screen.goto(f"{address}/deviations")
    expect(screen.locator("main")).to_contain_text(
        "Inspector 01 (I-001) may read records of product 500010 only."
    )
