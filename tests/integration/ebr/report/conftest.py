"""A recorded batch, made once; tests that change it work on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest

from ebr import issuing, record
from ebr.report.model import RecordView
from tests.support import recorded
from tests.support.places import site_url
from tests.support.records import RecordPlant


@pytest.fixture(scope="session")
def recorded_site(staffed_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site with the complete, decided batch B-2045."""
    folder = tmp_path_factory.mktemp("recorded")
    copyfile(staffed_site, folder / "site.db")
    plant = RecordPlant(site_url(folder / "site.db"), folder)
    recorded.furnish(plant, folder)
    recorded.run_all(plant)
    recorded.decide_all(plant)
    plant.close()
    return folder


@pytest.fixture
def batch(recorded_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """The recorded batch on a site of its own."""
    copyfile(recorded_site / "site.db", tmp_path / "site.db")
    plant = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    plant.later(hours=2)
    recorded.furnish(plant, recorded_site)
    yield plant
    plant.close()


@pytest.fixture(scope="session")
def issued_site(recorded_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same site after the PDF of the batch was issued: bundles need not print it again."""
    folder = tmp_path_factory.mktemp("issued")
    copyfile(recorded_site / "site.db", folder / "site.db")
    plant = RecordPlant(site_url(folder / "site.db"), folder)
    plant.later(hours=2)
    recorded.furnish(plant, recorded_site)
    issuing.issue(plant.house, "B-2045", by=plant.person("P-107").actor)
    plant.close()
    return folder


@pytest.fixture
def printed_batch(issued_site: Path, recorded_site: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """The recorded batch with its PDF on a site of its own."""
    copyfile(issued_site / "site.db", tmp_path / "site.db")
    plant = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    plant.later(hours=3)
    recorded.furnish(plant, recorded_site)
    yield plant
    plant.close()


@pytest.fixture
def view(batch: RecordPlant) -> RecordView:
    """The view of the recorded batch."""
    shown: RecordView = batch.ask(record.view, "B-2045")
    return shown
