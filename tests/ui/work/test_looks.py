"""Every screen in light and dark: nothing for axe to find, nothing beside a narrow screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import assert_fits
from tests.ui.work.test_work import STEP, ask, begin

PAGES = ("/work", STEP, "/records/B-2045", "/pieces", "/terminal", "/passphrase", "/nothing")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    run = "tags => axe.run({runOnly: tags}).then(r => r.violations.map(v => v.id + ' '"
    return list(page.evaluate(run + " + v.nodes.map(n => n.target.join(' ')).join(', ')))", RULES))


def use_theme(page: Page, theme: str) -> None:
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(
    operator: Page, address: str, axe_source: str, theme: str
) -> None:
    found = {}
    for path in PAGES:
        operator.goto(address + path)
        use_theme(operator, theme)
        found[path] = violations(operator, axe_source)
    assert found == {path: [] for path in PAGES}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_at_login_in_the_form_and_in_the_dialogs(
    operator: Page, address: str, axe_source: str, theme: str
) -> None:
    begin(operator, address)
    ask(operator, "10.91")
    use_theme(operator, theme)
    assert violations(operator, axe_source) == []
    operator.goto(address + STEP)
    operator.get_by_role("button", name="123").click()
    use_theme(operator, theme)
    assert violations(operator, axe_source) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1024])
def test_no_page_scrolls_sideways(operator: Page, address: str, width: int) -> None:
    operator.set_viewport_size({"width": width, "height": 700})
    for path in PAGES:
        operator.goto(address + path)
        assert_fits(operator, width)


def test_every_target_of_a_terminal_is_large_enough(operator: Page, address: str) -> None:
    operator.goto(f"{address}/terminal")
    operator.get_by_text("Terminal: one task, large targets").click()
    operator.get_by_role("button", name="Keep").click()
    expect(operator.get_by_role("navigation")).to_be_hidden()
    begin(operator, address)
    small = operator.evaluate(
        "[...document.querySelectorAll('main button, main input:not([type=hidden])')]"
        ".filter(e => e.offsetParent && e.getBoundingClientRect().height < 60)"
        ".map(e => e.outerHTML.slice(0, 80))"
    )
    assert small == []


def test_the_screens_speak_german(operator: Page, address: str) -> None:
    operator.locator(".menu > summary").click()
    operator.get_by_role("button", name="Deutsch").click()
    expect(operator.get_by_role("heading", name="Meine Arbeit")).to_be_visible()
    operator.goto(address + STEP)
    operator.get_by_role("button", name="Schritt beginnen").click()
    operator.get_by_label("Net mass").first.fill("10,31")
    expect(operator.locator("[data-verdict=mass]")).to_contain_text("Alarmgrenze")
