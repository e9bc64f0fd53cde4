"""A site with a running record on a real socket, and pages that tell every breach of the policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from playwright.sync_api import Page, expect

from tests.support.places import site_url
from tests.support.records import PEOPLE, RecordPlant, make_tables, staff
from tests.support.web import app_of
from tests.support.webrecipe import recipe
from tests.support.webserver import serving

NOISE = ("the server responded with a status of 4", "net::ERR_CONNECTION_REFUSED")


@pytest.fixture(scope="session")
def site_at_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site whose batch B-2045 waits at its first step."""
    folder = tmp_path_factory.mktemp("ui-site")
    make_tables(site_url(folder / "site.db"))
    plant = RecordPlant(site_url(folder / "site.db"), folder)
    staff(plant)
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
def address(plant: RecordPlant, tmp_path: Path) -> Iterator[str]:
    """Where the pages of that site are served."""
    with serving(app_of(plant, tmp_path)) as url:
        yield url


@pytest.fixture
def screen(page: Page, address: str) -> Iterator[Page]:
    """A browser that fails the test on any script error or breach of the content policy."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
    page.goto(f"{address}/login")
    yield page
    assert [text for text in said if not any(noise in text for noise in NOISE)] == []


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
