"""Ravi Menon weighs at the scale by keyboard alone, with the live net weight (W19)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from inventory import queries
from tests.integration.inventory import dispensary
from tests.support.browser import sign, sign_in
from tests.support.records import RecordPlant, staffed


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """The dispensary at its first container."""
    made = staffed(tmp_path)
    dispensary.equip(made)
    made.start(dispensary.recipe(), size=Decimal("100.000"))
    dispensary.bind(made)
    yield made
    made.close()


def press(page: Page, text: str) -> None:
    """Wait for a button or link, reach it by the Tab key and press it."""
    expect(page.locator("main").get_by_text(text).first).to_be_visible()
    page.wait_for_load_state()
    for _ in range(60):
        if page.evaluate("document.activeElement.textContent.trim()").startswith(text):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{text} cannot be reached by the Tab key")


@pytest.mark.urs("URS-MAT-020", "URS-MAT-040")
def test_a_container_is_weighed_by_keyboard_with_the_live_scale(
    screen: Page, address: str, plant: RecordPlant
) -> None:
    occurrence = plant.step("D040").occurrence
    dispensary.show(plant, "WGH-01", "24.00")
    sign_in(screen, address, "P-104")
    screen.goto(f"{address}/records/B-2045/steps/D040/{occurrence}")
    press(screen, "Start this step")
    press(screen, "Weigh at the scale")
    expect(screen.get_by_role("heading", name="Scan the source container")).to_be_visible()
    screen.locator("#scan").focus()
    screen.keyboard.type(dispensary.DRUMS[0])
    screen.keyboard.press("Enter")
    words = screen.locator("[data-words]")
    expect(words).to_contain_text("▼ under: add")
    dispensary.show(plant, "WGH-01", "25.00")
    expect(words).to_contain_text("in the band", timeout=8000)
    press(screen, "Take the weight")
    expect(screen.locator("main")).to_contain_text("25.00 kg")
    press(screen, "Sign the weighing")
    sign(screen, "P-104")
    press(screen, "Verify")
    sign(screen, "P-102")
    (made,) = plant.ask(queries.containers_of_batch, "B-2045", step="D040")
    assert (made.net, made.checked_by) == (Decimal("25.00"), "P-102")
