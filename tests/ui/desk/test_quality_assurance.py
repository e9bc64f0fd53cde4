"""Samuel Okafor of quality assurance: review by exception with the keyboard, then the release."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from quality import queries
from tests.support import batches
from tests.support.browser import sign, sign_in
from tests.support.records import PEOPLE, RECORD, RecordPlant

SITE = "ended_site"
pytestmark = pytest.mark.xdist_group(SITE)
REVIEW = "/reviews/B-2045"


def decide_by_keyboard(page: Page, reason: str) -> None:
    """Accept what is chosen: A leads to the reason, A again outside of it opens the dialog."""
    keys = page.keyboard
    keys.press("a")
    expect(page.get_by_label("Reason", exact=True)).to_be_focused()
    keys.type(reason)
    page.get_by_role("heading", level=1).click()
    keys.press("a")
    expect(page.locator("#sign-dialog")).to_contain_text(reason)
    sign(page, "P-107")


@pytest.mark.urs("URS-REL-020", "URS-REL-030")
def test_quality_reviews_by_exception_with_the_keyboard_and_releases(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    sign_in(screen, address, "P-107")
    screen.get_by_role("link", name="Review & release").click()
    screen.get_by_role("link", name="B-2045").first.click()
    if screen.get_by_role("button", name="Begin the review").is_visible():
        screen.get_by_role("button", name="Begin the review").click()
    expect(screen.get_by_text("0 of 2 decided")).to_be_visible()
    screen.get_by_label("Keys: J next, K back, A accept").check()
    chosen = screen.locator("[data-item][aria-current]")
    first = chosen.inner_text()
    screen.keyboard.press("j")
    expect(chosen).not_to_have_text(first)
    decide_by_keyboard(screen, "label reconciled, no mix-up possible")
    expect(screen.get_by_text("1 of 2 decided")).to_be_visible()
    decide_by_keyboard(screen, "within the validated range")
    expect(screen.get_by_text("Nothing left here")).to_be_visible()
    finish_and_release(screen)
    standing = plant.ask(queries.standing_decision, RECORD)
    assert standing is not None
    assert (standing.decision, standing.by) == ("release_for_packaging", "P-107")


def finish_and_release(page: Page) -> None:
    """Sign the audit-trail review and the review, look at the conditions, release."""
    page.get_by_label("Conclusion").fill("refused attempts explained, nothing else")
    page.get_by_role("button", name="Sign the audit-trail review").click()
    sign(page, "P-107")
    page.get_by_label("Statement").fill("record complete and consistent")
    page.get_by_role("button", name="Sign the review").click()
    sign(page, "P-107")
    expect(page.get_by_role("heading", name="Release decision")).to_be_visible()
    expect(page.get_by_text("points are met.")).to_be_visible()
    page.get_by_text("Release for packaging", exact=True).click()
    page.get_by_label("Reason or statement").fill("all conditions are met")
    page.get_by_role("button", name="Sign the decision").click()
    sign(page, "P-107")
    expect(page.get_by_role("heading", name="Released for packaging")).to_be_visible()
    expect(page.get_by_text("This batch was decided.")).to_be_visible()


@pytest.mark.urs("URS-REL-040", "URS-SIG-040")
def test_who_took_part_is_refused_by_name_even_with_the_role(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    batches.begin_review(plant)
    for number in (1, 2):
        batches.decide(plant, number)
    batches.end_review(plant)
    batches.review_trail(plant)
    batches.also(plant, "P-105", "QA")
    sign_in(screen, address, "P-105")
    screen.goto(f"{address}/release/B-2045")
    expect(screen.locator(".conditions .unmet")).to_contain_text(PEOPLE["P-105"].name)
    expect(screen.get_by_label("Release for packaging")).to_be_disabled()
    assert plant.ask(queries.standing_decision, RECORD) is None


def test_production_sees_the_conditions_and_no_form(screen: Page, address: str) -> None:
    sign_in(screen, address, "P-101")
    screen.goto(f"{address}/release/B-2045")
    expect(screen.get_by_text("The quality unit decides. You see what it sees.")).to_be_visible()
    expect(screen.get_by_role("button", name="Sign the decision")).to_have_count(0)
    screen.goto(address + REVIEW)
    expect(screen.get_by_role("heading", name="You may not do this", level=2)).to_be_visible()
