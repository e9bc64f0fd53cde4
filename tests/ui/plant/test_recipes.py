"""Recipes: the diagram with its list, the differences of two versions, check and approval (W10)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import sign, sign_in
from tests.support.records import RecordPlant
from workflows import queries
from workflows.rules import VersionState

pytestmark = pytest.mark.xdist_group("planned_site")

PROPOSED = "/recipes/REC-0017/v4"


@pytest.mark.urs("URS-MRC-020")
def test_a_version_shows_its_diagram_and_the_differences_name_each_changed_limit(
    screen: Page, address: str
) -> None:
    sign_in(screen, address, "P-101")
    screen.get_by_role("link", name="Recipes").click()
    screen.get_by_role("link", name="REC-0017 v4").click()
    expect(screen.locator("[data-canvas] svg .djs-shape").first).to_be_visible()
    expect(screen.locator(".bjs-powered-by")).to_be_visible()
    expect(
        screen.get_by_text("A second person with the right to check signs next.")
    ).to_be_visible()
    screen.get_by_role("link", name="Differences").click()
    table = screen.get_by_role("table")
    expect(table).to_contain_text("2.5")
    expect(table).to_contain_text("2.8")
    expect(table.get_by_role("row").filter(has_text="B013").first).to_be_visible()
    expect(table.get_by_role("row").filter(has_text="Dry enough? → Cool")).to_contain_text("major")
    expect(table).not_to_contain_text("f_XG2")
    expect(screen.locator(".page-head")).to_contain_text("changes of content")


@pytest.mark.urs("URS-MRC-010", "URS-MRC-020")
def test_checker_and_approver_sign_one_after_the_other_and_the_author_cannot(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    sign_in(screen, address, "P-104")
    screen.goto(address + PROPOSED)
    expect(screen.get_by_role("button", name="Sign the check")).to_have_count(0)
    sign_in(screen, address, "P-105")
    screen.goto(address + PROPOSED)
    screen.get_by_role("button", name="Sign the check").click()
    sign(screen, "P-105")
    expect(screen.get_by_text("Quality assurance approves next.")).to_be_visible()
    sign_in(screen, address, "P-107")
    screen.goto(address + PROPOSED)
    screen.get_by_label("Effective from").fill("2026-03-03T06:00")
    screen.get_by_role("button", name="Approve", exact=False).click()
    sign(screen, "P-107")
    expect(screen.get_by_role("button", name="Make effective")).to_be_visible()
    found = plant.ask(queries.version, "REC-0017", 4)
    assert (found.state, found.checker, found.approver) == (
        VersionState.APPROVED,
        "P-105",
        "P-107",
    )
