"""The site that the headless batch left, served once for all tests that walk through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from shutil import copytree

import pytest
from flask import Flask

from app import demosite
from app.acting import Person
from app.bootstrap import compose
from tests.support.places import owner_url, site_url
from tests.support.story import Played, keep_together, story
from tests.support.webserver import serving
from tests.ui.crawl.walking import Visit
from web.application import create_app

__all__ = ["story"]

TERMINAL = "Desk"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the story stay together."""
    keep_together(items)


@dataclass(frozen=True, slots=True)
class Walked:
    """The pages of a copy of the played site, and the people with their cards."""

    app: Flask
    people: dict[str, Person]
    walks: dict[tuple[str, int, str], list[Visit]] = field(default_factory=dict)
    """Walks that were taken, by badge, pages of each kind and language."""


@pytest.fixture(scope="session")
def site(story: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """One copy for all: who only looks changes nothing but sessions."""
    home = tmp_path_factory.mktemp("crawl") / "site"
    copytree(story.settings.home, home)
    url = site_url(home / "site.db")
    settings = replace(story.settings, home=home, database_url=url, owner_url=owner_url(url))
    house = compose(settings)
    app = create_app(house, settings)
    app.testing = True
    yield Walked(app, demosite.read_cards(house, home, TERMINAL))
    house.database.close()


@pytest.fixture(scope="session")
def address(site: Walked) -> Iterator[str]:
    """Where its pages are served."""
    with serving(site.app) as url:
        yield url
