"""One page of each kind in a real browser: nothing for axe, no error, nothing beside the screen.

Accessibility is that of WCAG 2.2 AA (ux.md, section 4.4): contrast in light and dark, reflow at
320 px, text at 200 %, forced colours, and every action by keyboard alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.support.browser import sign_in
from tests.support.web import Visitor
from tests.ui.crawl import looking
from tests.ui.crawl.conftest import Walked
from tests.ui.crawl.walking import walk

KINDS = (
    "/work",
    "/batches",
    "/exceptions",
    "/batches/B-2045/record",
    "/batches/B-2045/record/route",
    "/batches/B-2045/record/values",
    "/batches/B-2045/record/trends",
    "/batches/B-2045/record/exceptions",
    "/reviews/B-2045?only=all",
    "/release/B-2045",
    "/records/B-2045/steps/G170/1",
    "/recipes/REC-0017/v3",
    "/equipment",
    "/equipment/FBD-01",
    "/materials/PA-0411",
    "/genealogy/batch/B-2045?way=backward",
    "/plant",
    "/pieces",
    "/terminal",
    "/trail",
    "/trail/entry/1",
    "/exports",
)
"""One page for each way of building one; the others go by night, with every single page."""

MAIN = (
    "/work",
    "/batches",
    "/batches/B-2045/record",
    "/reviews/B-2045?only=all",
    "/release/B-2045",
    "/records/B-2045/steps/G170/1",
    "/equipment",
)
SUPERVISED = ("/batches/B-2045/production-review", "/batches/plan")
MANY = 40
Found = dict[str, list[str]]


@pytest.fixture
def reviewer(screen: Page, address: str, site: Walked) -> Page:
    """Samuel Okafor, who may see the most."""
    sign_in(screen, address, "P-107", site.people["P-107"].passphrase)
    return screen


def on_each(
    page: Page, address: str, paths: tuple[str, ...], look: Callable[[], list[str]]
) -> Found:
    """What `look` finds wrong on each page."""
    found: Found = {}
    for path in paths:
        answer = page.goto(address + path)
        assert answer is not None
        page.wait_for_load_state("networkidle")
        wrong = [f"answered {answer.status}"] if answer.status >= 400 else look()
        if wrong:
            found[path] = wrong
    return found


def sound(page: Page, source: str) -> list[str]:
    """What is wrong for axe in light, with the contrast in dark, and beside a narrow screen."""
    looking.use_theme(page, "light")
    page.set_viewport_size({"width": 1280, "height": 800})
    wrong = looking.axe(page, source)
    looking.use_theme(page, "dark")
    wrong += looking.axe(page, source, ["color-contrast"])
    return wrong + looking.beside(page, 320)


@pytest.mark.timeout(600)
def test_axe_finds_nothing_on_any_kind_of_page_and_nothing_stands_beside_320_pixels(
    reviewer: Page, address: str, site: Walked, axe_source: str
) -> None:
    assert on_each(reviewer, address, KINDS, lambda: sound(reviewer, axe_source)) == {}
    sign_in(reviewer, address, "P-105", site.people["P-105"].passphrase)
    assert on_each(reviewer, address, SUPERVISED, lambda: sound(reviewer, axe_source)) == {}


FADING = "document.getAnimations().map(found => found.transitionProperty ?? found.animationName)"
"""What changes slowly at this moment."""
FADE = "document.styleSheets[0].insertRule('button, .button { transition: background-color 1s }')"


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_no_colour_is_unreadable_while_the_screen_turns_dark(
    reviewer: Page, address: str, axe_source: str, motion: Literal["no-preference", "reduce"]
) -> None:
    reviewer.emulate_media(reduced_motion=motion)
    reviewer.goto(address + "/equipment/WGH-02")
    for theme in ("dark", "light", "dark"):
        looking.use_theme(reviewer, theme)
        assert reviewer.evaluate(FADING) == []
        assert looking.axe(reviewer, axe_source, ["color-contrast"]) == []
    reviewer.evaluate(FADE)
    looking.use_theme(reviewer, "light")
    assert "background-color" in reviewer.evaluate(FADING), "a fading colour would be noticed"


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_axe_finds_nothing_on_any_page_that_a_link_leads_to(
    reviewer: Page, address: str, site: Walked, axe_source: str
) -> None:
    visitor = Visitor(site.app)
    visitor.login("P-107", site.people["P-107"].passphrase)
    visits = walk(site.app, visitor, each=MANY)
    paths = tuple(visit.path for visit in visits if visit.html and visit.kind.asked != ("csv",))
    assert len(paths) > 100
    found = on_each(reviewer, address, paths, lambda: sound(reviewer, axe_source))
    assert not found, "\n".join(f"{path}: {wrong}" for path, wrong in found.items())


def test_german_and_longer_texts_fit(reviewer: Page, address: str) -> None:
    reviewer.locator(".menu > summary").click()
    reviewer.get_by_role("button", name="Deutsch").click()

    def look() -> list[str]:
        wrong = []
        for width in (390, 1280):
            wrong += looking.beside(reviewer, width) + looking.cut(reviewer)
        looking.lengthen(reviewer)
        for width in (390, 1280):
            wrong += looking.beside(reviewer, width) + looking.cut(reviewer)
        return wrong

    assert on_each(reviewer, address, MAIN, look) == {}


def test_the_keyboard_alone_reaches_every_action(reviewer: Page, address: str) -> None:
    pages = tuple(path for path in MAIN if "/record" not in path or "steps" in path)
    assert on_each(reviewer, address, pages, lambda: looking.unreached(reviewer)) == {}


def test_text_at_twice_the_size_stays_on_the_screen(reviewer: Page, address: str) -> None:
    def look() -> list[str]:
        zoomed = looking.beside(reviewer, 640)
        reviewer.evaluate("document.documentElement.style.fontSize = '200%'")
        return zoomed + looking.beside(reviewer, 1280)

    assert on_each(reviewer, address, MAIN, look) == {}


def test_states_keep_their_words_and_borders_in_forced_colours(
    reviewer: Page, address: str
) -> None:
    reviewer.emulate_media(forced_colors="active")

    def look() -> list[str]:
        return looking.bare_states(reviewer) + looking.beside(reviewer, 1280)

    assert on_each(reviewer, address, MAIN, look) == {}
