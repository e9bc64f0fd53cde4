"""The auditor's way: from a question about a batch to a bundle that verifies on a bare Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import wiring
from core.jobs import Worker
from tests.ui.story.conftest import Released
from tests.ui.story.test_inspector import enter

WIDE = 1280
NARROW = 320
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def let_the_worker_work(released: Released) -> None:
    """Apart, since no PDF can be sealed in the thread of a browser."""
    worker = Worker(released.house, wiring.jobs(), owner="worker of the test")
    with ThreadPoolExecutor(1) as apart:
        apart.submit(worker.run_pending).result()


@pytest.mark.urs("URS-REP-040", "URS-REC-070")
def test_an_auditor_comes_from_a_question_to_a_verified_bundle(
    screen: Page, address: str, released: Released, tmp_path: Path
) -> None:
    enter(screen, address, released)
    menu = screen.get_by_role("navigation").first
    menu.get_by_role("link", name="Audit trail").click()
    screen.get_by_role("link", name="Values corrected after their first entry").click()
    corrected = screen.get_by_role("row").filter(has_text="1.88")
    expect(corrected).to_contain_text("critical")
    corrected.get_by_role("link", name="#").click()
    expect(screen.get_by_role("main")).to_contain_text("that the log signed")
    screen.go_back()
    corrected.get_by_role("link", name="B-2045").click()
    expect(screen.get_by_role("heading", level=1)).to_contain_text("B-2045")
    menu.get_by_role("link", name="Exports").click()
    screen.get_by_label("Batch numbers").fill("B-2040..B-2049")
    screen.get_by_role("button", name="Show", exact=True).click()
    screen.get_by_role("checkbox", name="B-2045").check()
    screen.get_by_role("button", name="Make the export").click()
    expect(screen.get_by_role("heading", name="The export is being made")).to_be_visible()
    let_the_worker_work(released)
    link = screen.get_by_role("link", name="B-2045.1.package.zip")
    expect(link).to_be_visible(timeout=15_000)
    screen.set_viewport_size({"width": NARROW, "height": 800})
    assert screen.evaluate(OVERFLOW) <= 0
    screen.set_viewport_size({"width": WIDE, "height": 800})
    with screen.expect_download() as package:
        link.click()
    package.value.save_as(tmp_path / "export.zip")
    for name in ("trust.json", "verify.py"):
        with screen.expect_download() as coming:
            screen.get_by_role("link", name=name).click()
        coming.value.save_as(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py", "export.zip", "--trust", "trust.json", "--json"],
        cwd=tmp_path, capture_output=True, check=False, encoding="utf-8",
        env={"PATH": os.defpath},
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert (done.returncode, report["result"], done.stderr) == (0, "VALID", "")
    (told,) = report["bundles"]
    assert told["record"] == "batch/B-2045"
    assert told["decision"]["disposition"] == "released_for_packaging"
    assert told["decision"]["by"]["id"] == "P-107"
