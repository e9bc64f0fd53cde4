"""A site with a running record on a real socket, and pages that tell every breach of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import listening
from tests.support.places import site_url
from tests.support.records import PEOPLE, RecordPlant, staffed
from tests.support.webrecipe import recipe


@pytest.fixture(scope="session")
def site_at_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site whose batch B-2045 waits at its first step."""
    folder = tmp_path_factory.mktemp("ui-site")
    plant = staffed(folder)
    plant.start(recipe())
    plant.close()
    return folder / "site.db"


@pytest.fixture
def plant(site_at_work: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test."""
    copyfile(site_at_work, tmp_path / "site.db")
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    yield made
    made.close()


@pytest.fixture
def screen(page: Page, address: str) -> Iterator[Page]:
    """A browser at the login page that fails the test on any error or breach of the policy."""
    with listening(page) as found:
        found.goto(f"{address}/login")
        yield found


@pytest.fixture
def operator(screen: Page) -> Page:
    """Anna Kern, signed in, at her work queue."""
    sign_in(screen, "P-101")
    return screen


def sign_in(page: Page, badge: str) -> None:
    """Sign in on the login page."""
    page.get_by_label("Badge").fill(badge)
    page.get_by_label("Passphrase").fill(PEOPLE[badge].passphrase)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="My work")).to_be_visible()
