"""A site with the equipment of the demonstration, REC-0017 v3 effective, v4 in review, a batch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest

from app.demosite import SEEDING
from app.seed import definitions, stock
from app.seed import plant as units
from production import commands as production
from production.commands import PlanBatch
from tests.support import batches
from tests.support.places import site_url
from tests.support.records import START, RecordPlant, make_tables, qualify, staff


def opened(folder: Path) -> RecordPlant:
    """The site in a folder."""
    return RecordPlant(site_url(folder / "site.db"), folder)


@pytest.fixture(scope="session")
def planned_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """B-2044 is planned; Ravi Menon wrote the recipes."""
    folder = tmp_path_factory.mktemp("planned")
    make_tables(site_url(folder / "site.db"))
    plant = opened(folder)
    staff(plant)
    for subject in ("REC-0017 v3", "SOP-112"):
        qualify(plant, {"P-105": subject})
    units.seed(plant.house, START, by=SEEDING)
    for role in ("AUTHOR", "WH"):
        batches.also(plant, "P-104", role)
    people = {badge: plant.person(badge) for badge in ("P-104", "P-105", "P-107")}
    stock.seed(plant.house, people, START, by=SEEDING)
    people["P-109"] = plant.person("P-104", "AUTHOR")
    definitions.seed(plant.house, people, START)
    definitions.propose(plant.house, people)
    plan(plant)
    plant.close()
    return folder


def plan(plant: RecordPlant) -> None:
    """The first number and the first order."""
    plant.house.perform(
        production.make_series, production.SERIES, prefix="B-", first=2044, by=SEEDING
    )
    order = PlanBatch(
        order_number="PO-7731",
        recipe=definitions.RECIPE,
        version=definitions.VERSION,
        size=Decimal("100.000"),
        due_at=START + timedelta(days=2),
    )
    plant.person("P-105").do(production.plan_batch, order, record="site")


@pytest.fixture
def plant(planned_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test."""
    copytree(planned_site, tmp_path / "site")
    found = opened(tmp_path / "site")
    yield found
    found.close()
