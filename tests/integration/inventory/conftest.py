"""A staffed site with stores and scales, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from shutil import copyfile

import pytest

from tests.integration.inventory import dispensary
from tests.support.places import site_url
from tests.support.records import RecordPlant, staffed


@pytest.fixture(scope="session")
def equipped_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site with its stores."""
    folder = tmp_path_factory.mktemp("dispensary")
    plant = staffed(folder)
    dispensary.equip(plant)
    plant.close()
    return folder / "site.db"


@pytest.fixture(scope="session")
def weighing_site(equipped_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe runs, the scales are bound, the first container is to be weighed."""
    folder = tmp_path_factory.mktemp("weighing")
    with opened(equipped_site, folder) as plant:
        plant.start(dispensary.recipe(), size=Decimal("100.000"))
        dispensary.bind(plant)
    return folder / "site.db"


@pytest.fixture(scope="session")
def weighed_site(weighing_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything is dispensed and reconciled; charging is next."""
    folder = tmp_path_factory.mktemp("weighed")
    with opened(weighing_site, folder) as plant:
        dispensary.everything_weighed(plant)
        dispensary.reconcile(plant)
    return folder / "site.db"


@pytest.fixture
def plant(equipped_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test."""
    with opened(equipped_site, tmp_path) as made:
        yield made


@pytest.fixture
def weighing(weighing_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A batch of its own for each test, at its first container."""
    with opened(weighing_site, tmp_path) as made:
        yield made


@pytest.fixture
def weighed(weighed_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A batch of its own for each test, before charging."""
    with opened(weighed_site, tmp_path) as made:
        made.later(minutes=30)
        yield made


@contextmanager
def opened(site: Path, folder: Path) -> Iterator[RecordPlant]:
    """A copy of a site, in its own folder."""
    copyfile(site, folder / "site.db")
    made = RecordPlant(site_url(folder / "site.db"), folder)
    try:
        yield made
    finally:
        made.close()
