"""What a browser measures on one page: accessibility, room, reach of the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCRIPT = Path(__file__).with_name("looking.js").read_text(encoding="utf-8")
AXE = """options => axe.run(options).then(found => found.violations.map(
    it => it.id + ': ' + it.nodes.slice(0, 3).map(node => node.target.join(' ')).join(', ')))"""

FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def _ask(page: Page, what: str, given: str = "") -> Any:
    return page.evaluate(f"{SCRIPT.strip()}.{what}({given})")


def axe(page: Page, source: str, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds; all rules of WCAG 2.2 AA and its best practice unless some are named."""
    page.evaluate(source)
    only: Any = {"type": "rule", "values": rules} if rules else RULES
    return list(page.evaluate(AXE, {"runOnly": only}))


def use_theme(page: Page, theme: str) -> None:
    """Light or dark, as the terminal would set it."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)


def beside(page: Page, width: int) -> list[str]:
    """What stands beside a screen of that width, in pixels, with no place to scroll to it.

    Measured after two frames, since charts are drawn anew in the one after the window changed.
    """
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(FRAMES)
    return list(_ask(page, "beside"))


def cut(page: Page) -> list[str]:
    """Texts that do not fit into their own box."""
    return list(_ask(page, "cut"))


def lengthen(page: Page) -> None:
    """Make every text of the page 40 % longer, as another language might."""
    _ask(page, "lengthen")


def bare_states(page: Page) -> list[str]:
    """State badges that lost their word or their border."""
    return list(_ask(page, "bare"))


def unreached(page: Page) -> list[str]:
    """Actions that the Tab key does not reach, or reaches without showing where it is."""
    waiting = set(_ask(page, "reachable"))
    assert waiting
    silent: list[str] = []
    page.evaluate("document.activeElement?.blur()")
    for _press in range(2 * len(waiting) + 5):
        if not waiting:
            break
        page.keyboard.press("Tab")
        at = _ask(page, "focused")
        if at is None or at["place"] not in waiting:
            continue
        waiting.discard(at["place"])
        if not at["ring"]:
            silent.append(f"no ring: {_ask(page, 'words', at['place'])}")
    return silent + [f"not reached: {_ask(page, 'words', place)}" for place in sorted(waiting)]
