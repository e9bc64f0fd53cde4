"""The browser itself: it starts, measures accessibility, and shows the built assets."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page

DIST = Path(__file__).parents[2] / "web" / "static" / "dist"
PAGE = """<!doctype html><html lang="en"><head><title>Probe</title><meta charset="utf-8">
<link rel="stylesheet" href="/{css}"><script type="module" src="/{js}"></script></head>
<body><main><h1>Probe \u2264 5</h1>{body}</main></body></html>"""


def show(page: Page, body: str) -> None:
    """Serve one page with the built core assets, without any server."""
    core = json.loads((DIST / "manifest.json").read_text())["core"]
    html = PAGE.format(css=core["css"], js=core["js"], body=body)
    page.route("http://probe.test/", lambda route: route.fulfill(body=html))
    page.route(
        "http://probe.test/*.*", lambda route: route.fulfill(path=DIST / route.request.url[18:])
    )
    page.route(
        "http://probe.test/fonts/*", lambda route: route.fulfill(path=DIST / route.request.url[18:])
    )
    page.goto("http://probe.test/")


def test_the_core_assets_run_without_an_error_and_set_our_htmx_settings(page: Page) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    show(page, "")
    page.wait_for_function("window.htmx !== undefined")
    assert page.evaluate("htmx.config.noSwap.includes('5xx')")
    assert page.evaluate("htmx.config.history") == "reload"
    assert errors == []


def test_the_house_fonts_are_loaded_for_letters_and_signs(page: Page) -> None:
    show(page, '<p style="font-family: var(--font)">Wójcik \u2264 \u2713 \u03c3</p>')
    page.evaluate("document.fonts.ready")
    loaded = "[...document.fonts].filter(f => f.status === 'loaded').map(f => f.family)"
    families = {name.strip('"') for name in page.evaluate(loaded)}
    assert families == {"Noto Sans", "Noto Sans Math", "Noto Sans Symbols 2"}


def test_axe_finds_a_field_without_a_label(page: Page, axe_source: str) -> None:
    show(page, '<input type="text">')
    page.evaluate(axe_source)
    found = page.evaluate("axe.run().then(result => result.violations.map(v => v.id))")
    assert "label" in found


def test_axe_is_content_with_a_plain_page(page: Page, axe_source: str) -> None:
    show(page, "<p>Nothing to complain about.</p>")
    page.evaluate(axe_source)
    assert page.evaluate("axe.run().then(result => result.violations.map(v => v.id))") == []
