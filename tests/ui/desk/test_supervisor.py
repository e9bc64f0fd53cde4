"""Miriam Vogel, supervisor: decides about a held flow, comments, signs the production review."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from quality import queries
from quality.models import ReviewKind, ReviewState
from tests.support import batches
from tests.support.browser import sign, sign_in
from tests.support.records import RECORD, RecordPlant
from tests.ui.desk.conftest import DRY, WET

SITE = "sampled_site"
pytestmark = pytest.mark.xdist_group(SITE)
REVIEW_STEP = "/records/B-2045/steps/Z/1"


@pytest.mark.urs("URS-EXE-060", "URS-SIG-020")
def test_the_supervisor_lets_a_held_flow_go_on_with_reason_and_signature(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    batches.do(plant, "I", WET)
    assert plant.step("I").state == "held"
    sign_in(screen, address, "P-105")
    screen.goto(f"{address}/records/B-2045/steps/I/1")
    case = screen.locator(".exception")
    case.get_by_text("Let the flow go on").first.click()
    case.get_by_label("Why it is right to go on").fill("one round of drying more is planned")
    case.get_by_role("button", name="Let the flow go on").click()
    expect(screen.locator("#sign-dialog")).to_contain_text("one round of drying more is planned")
    sign(screen, "P-105")
    expect(screen.get_by_text("This step is complete.")).to_be_visible()
    assert plant.step("D").state == "ready"
    assert "exception.released" in plant.actions()


@pytest.mark.urs("URS-REL-010")
def test_the_production_review_is_signed_only_after_every_exception_has_its_comment(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    batches.do(plant, "I", DRY)
    for key in ("D", "Y"):
        batches.do(plant, key)
    batches.report(plant, "Y", "a drum was labelled twice")
    sign_in(screen, address, "P-105")
    screen.goto(address + REVIEW_STEP)
    expect(screen.get_by_text("exceptions without comment: 1")).to_be_visible()
    expect(screen.get_by_role("button", name="Start this step")).to_have_count(0)

    screen.get_by_role("link", name="Batches").click()
    screen.get_by_role("link", name="B-2045").click()
    screen.get_by_role("link", name="Production review").click()
    expect(screen.get_by_text("1 exceptions wait for a comment.")).to_be_visible()
    screen.get_by_label("Comment on exception 1").fill("the second label was destroyed")
    screen.get_by_role("button", name="Record the comment").click()
    expect(screen.get_by_text("Every exception is commented.")).to_be_visible()

    screen.goto(address + REVIEW_STEP)
    screen.get_by_role("button", name="Start this step").click()
    screen.get_by_label("All exceptions commented").check()
    screen.get_by_role("button", name="Save and sign").click()
    sign(screen, "P-105")
    expect(screen.get_by_text("This step is complete.")).to_be_visible()
    review = plant.ask(queries.review, RECORD, ReviewKind.PRODUCTION)
    assert review is not None
    assert (review.state, review.finished_by) == (ReviewState.SIGNED, "P-105")
