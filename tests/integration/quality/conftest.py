"""A staffed site with the real record, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from tests.support.places import site_url
from tests.support.records import RecordPlant, staffed


@pytest.fixture(scope="session")
def staffed_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site."""
    folder = tmp_path_factory.mktemp("staffed-record")
    plant = staffed(folder)
    plant.close()
    return folder / "site.db"


@pytest.fixture
def plant(staffed_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A staffed site of its own for each test."""
    copyfile(staffed_site, tmp_path / "site.db")
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    yield made
    made.close()
