"""A page that tells every breach, and what people do on every page: sign in, sign, sign out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.support.records import PEOPLE

NOISE = ("the server responded with a status of 4", "net::ERR_CONNECTION_REFUSED")
"""What the console says about answers that a test asks for: refusals, and a line that was cut."""

TELL = """document.addEventListener('securitypolicyviolation', event =>
    console.error(`policy broken: ${event.violatedDirective} ${event.blockedURI}`));"""


@contextmanager
def listening(page: Page) -> Iterator[Page]:
    """Fail on any script error, console error or breach of the content security policy."""
    said: list[str] = []
    page.add_init_script(TELL)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    yield page
    assert [text for text in said if not any(noise in text for noise in NOISE)] == []


def assert_fits(page: Page, width: int) -> None:
    """Fail if the page is wider than `width` px, once it has drawn itself for the last change.

    Charts are drawn anew a frame after the window changed, so the first look may be too early.
    """
    try:
        page.wait_for_function(
            "width => document.documentElement.scrollWidth <= width", arg=width, timeout=5_000
        )
    except PlaywrightTimeout:
        wide = page.evaluate("document.documentElement.scrollWidth")
        raise AssertionError(f"{page.url} is {wide} px wide, not {width}") from None


def sign_in(page: Page, address: str, badge: str, passphrase: str = "") -> None:
    """Sign in on the login page; whoever was here before is out."""
    page.context.clear_cookies()
    page.goto(f"{address}/login")
    page.get_by_label("Badge").fill(badge)
    page.get_by_label("Passphrase").fill(passphrase or PEOPLE[badge].passphrase)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".menu > summary")).to_contain_text(badge)


def sign(page: Page, badge: str, passphrase: str = "") -> None:
    """Give what the dialog asks for and wait until it is gone.

    The badge is asked for at the first signing of a session and from a second person.
    """
    dialog = page.locator("#sign-dialog")
    secret = dialog.get_by_label("Passphrase")
    expect(secret).to_be_visible()
    if dialog.get_by_label("Badge").count():
        dialog.get_by_label("Badge").fill(badge)
    secret.fill(passphrase or PEOPLE[badge].passphrase)
    dialog.get_by_role("button", name="Sign", exact=True).click()
    expect(dialog).to_be_hidden()
