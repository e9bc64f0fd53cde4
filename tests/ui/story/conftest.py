"""The site that the headless batch left, as a copy that people may open in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from app import demosite
from app.acting import Person
from app.bootstrap import compose
from core.house import House
from core.settings import Settings
from tests.support.places import owner_url, site_url
from tests.support.story import Played, keep_together, story
from tests.support.webserver import serving
from web.application import create_app

__all__ = ["story"]

TERMINAL = "Desk"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the story stay together."""
    keep_together(items)


@dataclass(frozen=True, slots=True)
class Released:
    """The copied site after the release of B-2045, and the people with their cards."""

    house: House
    settings: Settings
    people: dict[str, Person]

    def ask(self, query: Any, *arguments: Any, **more: Any) -> Any:
        """Run a query in a reading session."""
        with self.house.reading() as session:
            return query(session, *arguments, **more)


@pytest.fixture
def released(story: Played, tmp_path: Path) -> Iterator[Released]:
    """A copy of the played site for each test."""
    home = tmp_path / "site"
    copytree(story.settings.home, home)
    url = site_url(home / "site.db")
    settings = replace(story.settings, home=home, database_url=url, owner_url=owner_url(url))
    house = compose(settings)
    yield Released(house, settings, demosite.read_cards(house, home, TERMINAL))
    house.database.close()


@pytest.fixture
def address(released: Released) -> Iterator[str]:
    """Where its pages are served."""
    app = create_app(released.house, released.settings)
    app.testing = True
    with serving(app) as url:
        yield url
