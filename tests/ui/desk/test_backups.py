"""Quality reads how backups stand, opens the report of a drill and signs it, in a browser."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.backup import age
from app.backup.desk import Desk
from tests.integration.web.desk.test_backups import FILE, drilled, made
from tests.support.browser import assert_fits, sign, sign_in
from tests.support.records import RecordPlant
from tests.support.web import settings_in

SITE = "sampled_site"
PICTURES = os.environ.get("BATCHWRIGHT_PICTURES")


def picture(screen: Page, name: str) -> None:
    """A picture for who judges the page; only where a folder for it is named."""
    for theme in ("dark", "light") if PICTURES else ():
        screen.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        path = Path(str(PICTURES)) / f"{name}-{theme}.png"
        screen.screenshot(path=path, full_page=True)


def past(plant: RecordPlant, folder: Path) -> None:
    """A schedule, a backup that failed, some that were made, and a drill of the last one."""
    recipient = age.new_identity()[1]
    settings = replace(
        settings_in(plant.folder), backup_folder=str(folder), backup_recipients=recipient
    )
    plant.house.services["backups"] = Desk(settings)
    made(plant, folder=folder)
    plant.later(hours=24)
    made(plant, problem="the folder for backups is not there")
    plant.later(minutes=15)
    made(plant, folder=folder)
    (folder / FILE).touch()
    plant.later(hours=3)
    drilled(plant)


@pytest.mark.urs("URS-BAK-020", "URS-SIG-050")
def test_quality_reads_and_signs_the_report_of_a_drill(
    screen: Page, address: str, plant: RecordPlant, tmp_path: Path
) -> None:
    past(plant, tmp_path)
    sign_in(screen, address, "P-107")
    screen.get_by_role("link", name="Backups").first.click()
    expect(screen.get_by_text("The report of drill 1 waits for a signature.")).to_be_visible()
    picture(screen, "backups-1280")
    screen.get_by_role("region", name="Restore drills").get_by_role("link").click()
    expect(screen.get_by_role("heading", name="Restore drill 1")).to_be_visible()
    expect(screen.get_by_text("B-2045")).to_be_visible()
    screen.get_by_label("What the drill shows").fill("Restored within a minute, as planned.")
    screen.get_by_role("button", name="Sign the report").click()
    sign(screen, "P-107")
    expect(screen.get_by_text("Restored within a minute, as planned.")).to_be_visible()
    picture(screen, "drill-1280")
    screen.set_viewport_size({"width": 390, "height": 844})
    assert_fits(screen, 390)
    picture(screen, "drill-390")
    screen.get_by_role("link", name="Backups").last.click()
    expect(screen.get_by_role("heading", name="Backups made")).to_be_visible()
    assert_fits(screen, 390)
    picture(screen, "backups-390")
