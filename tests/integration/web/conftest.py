"""The pages on a staffed site with a running record, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from flask import Flask

from tests.support.places import site_url
from tests.support.records import RecordPlant, staffed
from tests.support.web import Visitor, app_of
from tests.support.webrecipe import recipe


@pytest.fixture(scope="session")
def staffed_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site whose batch B-2045 waits at its first step."""
    folder = tmp_path_factory.mktemp("staffed-web")
    plant = staffed(folder)
    plant.start(recipe())
    plant.close()
    return folder / "site.db"


@pytest.fixture
def plant(staffed_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test."""
    copyfile(staffed_site, tmp_path / "site.db")
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    yield made
    made.close()


@pytest.fixture
def app(plant: RecordPlant) -> Flask:
    """The application on that site."""
    return app_of(plant)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A browser without script, not signed in."""
    return Visitor(app)


@pytest.fixture
def operator(visitor: Visitor) -> Visitor:
    """Anna Kern, signed in."""
    assert visitor.login("P-101").status_code == 303
    return visitor
