"""The browser of the browser tests: the Chromium of the system, headless, and what it looks at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import listening
from tests.support.records import RecordPlant
from tests.support.web import app_of
from tests.support.webserver import serving

# A page of a busy machine is waited for, never measured.
expect.set_options(timeout=15_000)

FLAGS = [
    # Chromium's own sandbox refuses to run as root; the pages under test are ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def base_url() -> str | None:
    """Nothing in front of addresses; a folder whose tests share one server says so itself.

    Stands here because the plugin's own fixture raises a deprecation warning of pytest 9.
    """
    return None


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the Chromium named by CHROMIUM, or the one on PATH."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    return {**browser_type_launch_args, "executable_path": program, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desk screen with touch, in an odd time zone: it proves that the site's zone wins."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "has_touch": True,
        "locale": "en-GB",
        "timezone_id": "Pacific/Auckland",
        "reduced_motion": "reduce",
    }


@pytest.fixture(scope="session")
def axe_source() -> str:
    """axe-core as text, for `page.evaluate(axe_source)`; it passes the content security policy."""
    root = Path(__file__).parents[2]
    return (root / "frontend/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def address(plant: RecordPlant) -> Iterator[str]:
    """Where the pages of the site under test are served."""
    with serving(app_of(plant)) as url:
        yield url


@pytest.fixture
def screen(page: Page, address: str) -> Iterator[Page]:
    """A browser that fails the test on any error or breach of the policy."""
    with listening(page) as found:
        yield found
