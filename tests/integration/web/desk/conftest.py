"""The desk pages on a staffed site without a batch; tests bring the record that they need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import keybook
from audit import checkpoints
from audit import keys as site_keys
from core.actors import Actor
from ebr.bundle import PEOPLE_KEYS, SITE_KEYS
from personnel import commands as people
from tests.support.places import site_url
from tests.support.records import PEOPLE, RecordPlant, staffed
from tests.support.web import Visitor, app_of

Enter = Callable[[str], Visitor]


@pytest.fixture(scope="session")
def bare_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site."""
    folder = tmp_path_factory.mktemp("staffed-desk")
    plant = staffed(folder)
    plant.close()
    return folder / "site.db"


@pytest.fixture
def plant(bare_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test, with the keys that verification needs."""
    copyfile(bare_site, tmp_path / "site.db")
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    made.house.services.setdefault(
        SITE_KEYS, site_keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))
    )
    made.house.services.setdefault(PEOPLE_KEYS, keybook.people_keys)
    yield made
    made.close()


@pytest.fixture
def app(plant: RecordPlant) -> Flask:
    """The application on that site."""
    return app_of(plant)


@pytest.fixture
def enter(app: Flask) -> Enter:
    """Sign somebody in, in a browser of their own."""

    def signed_in(badge: str) -> Visitor:
        visitor = Visitor(app)
        assert visitor.login(badge).status_code == 303
        return visitor

    return signed_in


def text_of(answer: TestResponse) -> str:
    """The page."""
    return answer.get_data(as_text=True)


def full(badge: str) -> dict[str, str]:
    """Badge and passphrase of somebody."""
    return {"badge": badge, "passphrase": PEOPLE[badge].passphrase}


def also(plant: RecordPlant, badge: str, role: str) -> Actor:
    """Give somebody one more role; answers the person acting in it."""
    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    asked = plant.house.perform(people.request_role, badge, role, reason="project", by=first)
    plant.house.perform(people.grant_role, asked, by=second)
    return plant.person(badge, role).actor
