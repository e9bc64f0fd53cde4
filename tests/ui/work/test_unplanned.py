"""Proposing to leave the plan in a real browser: dialog, signature, the batch that holds."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.integration.web.test_unplanned import plant
from tests.support.records import PEOPLE
from tests.ui.work.conftest import sign_in
from tests.ui.work.test_looks import violations
from tests.ui.work.test_work import sign

__all__ = ["plant"]


def test_a_supervisor_proposes_to_leave_a_step_out(
    screen: Page, address: str, axe_source: str
) -> None:
    sign_in(screen, "P-105")
    screen.goto(f"{address}/records/B-2045/steps/B/1")
    screen.get_by_role("button", name="Leave the plan").click()
    dialog = screen.get_by_role("dialog", name="Leave the plan at this step")
    dialog.get_by_label("leave this step out").check()
    dialog.get_by_label("Why it is right").fill("sieved by hand, the mill is down")
    assert violations(screen, axe_source) == []
    dialog.get_by_role("button", name="Propose it").click()
    sign(screen, "P-105", PEOPLE["P-105"].passphrase)
    expect(screen.get_by_text("HELD: Not as the recipe says: leave out Sieve")).to_be_visible()
    expect(screen.locator(".next-act")).to_contain_text("Proposed by Miriam Vogel")
