"""A step that waits tells what for, how far it is and what comes then, and stays up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.integration.ebr.test_waits import at_dryer, feed, pass_time, recipe, send
from tests.support.browser import assert_fits
from tests.support.records import PEOPLE, RECORD, RecordPlant, staffed
from tests.ui.work.test_looks import use_theme, violations
from tests.ui.work.test_work import sign

STEP = "/records/B-2045/steps/D/1"
BEAT = "document.body.dispatchEvent(new Event('bw:beat'))"
DRAWN = "canvas => canvas.toDataURL()"


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """A dryer that dries: the product must have 40 °C for 60 s, and 2 min must pass."""
    made = staffed(tmp_path)
    at_dryer(made, recipe())
    send(made)
    made.person("P-101").perform(RECORD, made.path("W"))
    made.work()
    pass_time(made, "35.0", seconds=30)
    yield made
    made.close()


@pytest.mark.urs("URS-EXE-050", "URS-PRO-040")
def test_a_wait_says_what_for_with_value_time_limits_and_what_comes_then(
    operator: Page, address: str
) -> None:
    operator.goto(address + STEP)
    wait = operator.locator(".wait")
    for words in ("30 s", "at least 2 min in all", "It ends by itself. Then somebody confirms"):
        expect(wait).to_contain_text(words)
    line = wait.locator("li", has_text="Product temperature ≥ 40.0\u202f°C, for 60 s")
    expect(line).to_contain_text("now 35.0\u202f°C")
    values = operator.locator(".watched")
    expect(values).to_contain_text("waits for ≥ 40.0")
    expect(values).to_contain_text("action ≤ 46.0")
    expect(values).to_contain_text("lowest 35.0, highest 35.0\u202f°C until now")
    expect(values.locator("canvas")).to_be_visible()


@pytest.mark.urs("URS-EXE-050", "URS-PRO-020")
def test_values_trend_and_conditions_move_without_opening_the_page_again(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    operator.goto(address + STEP)
    chart = operator.locator(".watched canvas")
    before = chart.evaluate(DRAWN)
    for _ in range(4):
        plant.later(seconds=10)
        feed(plant, "41.0")
    expect(operator.locator(".watched .live")).to_contain_text("41.0")
    assert chart.evaluate(DRAWN) != before
    operator.evaluate(BEAT)
    expect(operator.locator(".wait")).to_contain_text("holds for 30 s of 60 s")
    plant.later(seconds=30)
    expect(operator.locator(".watched .no-good-value")).to_be_visible()
    operator.evaluate(BEAT)
    expect(operator.locator(".wait")).to_contain_text("no good value")
    expect(operator.locator(".wait")).not_to_contain_text("holds for")


@pytest.mark.urs("URS-EXE-050")
def test_when_the_wait_is_over_the_page_leads_to_the_confirmation(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    operator.goto(address + STEP)
    pass_time(plant, "41.0", seconds=120)
    operator.evaluate(BEAT)
    expect(operator.get_by_text("The waiting is over.")).to_be_visible()
    operator.get_by_role("link", name="Go on").click()
    operator.get_by_role("button", name="Confirm").click()
    sign(operator, "P-101", PEOPLE["P-101"].passphrase)
    expect(operator.get_by_text("This step is complete.")).to_be_visible()
    expect(operator.locator(".watched")).to_have_count(0)


def test_the_queue_tells_the_value_that_is_waited_for_and_keeps_it_fresh(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    operator.goto(f"{address}/work")
    waits = operator.locator(".job-waits")
    expect(waits).to_contain_text("now 35.0\u202f°C")
    operator.get_by_role("link", name="Watch").focus()
    plant.later(seconds=10)
    feed(plant, "36.5")
    operator.evaluate(BEAT)
    expect(waits).to_contain_text("now 36.5\u202f°C")
    expect(operator.get_by_role("link", name="Watch")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_waiting_step_is_accessible_and_fits_a_narrow_screen(
    operator: Page, address: str, axe_source: str, theme: str
) -> None:
    operator.goto(address + STEP)
    use_theme(operator, theme)
    assert violations(operator, axe_source) == []
    operator.set_viewport_size({"width": 320, "height": 700})
    assert_fits(operator, 320)
    operator.set_viewport_size({"width": 1280, "height": 800})
    operator.evaluate("document.documentElement.style.fontSize = '200%'")
    assert_fits(operator, 1280)
