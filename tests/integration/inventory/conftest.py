"""A staffed site with stores and scales, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from shutil import copyfile

import pytest

from tests.integration.inventory import dispensary
from tests.support.records import RecordPlant, make_tables, staff


@pytest.fixture(scope="session")
def equipped_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file of a staffed site with its stores."""
    folder = tmp_path_factory.mktemp("dispensary")
    make_tables(f"sqlite:///{folder / 'site.db'}")
    plant = RecordPlant(f"sqlite:///{folder / 'site.db'}", folder)
    staff(plant)
    dispensary.equip(plant)
    plant.close()
    return folder / "site.db"


@pytest.fixture
def plant(equipped_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test."""
    copyfile(equipped_site, tmp_path / "site.db")
    made = RecordPlant(f"sqlite:///{tmp_path / 'site.db'}", tmp_path)
    yield made
    made.close()


@pytest.fixture
def weighing(plant: RecordPlant) -> RecordPlant:
    """The recipe runs, the scales are bound, the first container is to be weighed."""
    plant.start(dispensary.recipe(), size=Decimal("100.000"))
    dispensary.bind(plant)
    return plant


@pytest.fixture
def weighed(weighing: RecordPlant) -> RecordPlant:
    """Everything is dispensed and reconciled; charging is next."""
    dispensary.everything_weighed(weighing)
    dispensary.reconcile(weighing)
    return weighing
