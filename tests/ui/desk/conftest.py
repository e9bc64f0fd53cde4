"""A batch with everything that quality looks at, at the step where a person's story begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest

from app import keybook
from app.bootstrap import FONTS_FOLDER, seal_of
from audit import checkpoints
from audit import keys as site_keys
from ebr.bundle import PEOPLE_KEYS, SITE_KEYS
from ebr.entry import Entry
from ebr.issuing import FONTS, SEAL_KEY
from tests.support import batches
from tests.support.places import site_url
from tests.support.records import RecordPlant, make_tables, staff
from tests.support.web import settings_in

Build = Callable[[RecordPlant], None]
DRY = Entry(values={"lod": ("1.92", "1.88")})
WET = Entry(values={"lod": ("2.68", "2.72")})


def opened(folder: Path) -> RecordPlant:
    """The site in a folder, with what the worker needs to issue documents and the badge to verify.

    Its keys lie in the folder, because a copy of the site must go on with the same ones.
    """
    plant = RecordPlant(site_url(folder / "site.db"), folder)
    keys = site_keys.open_or_make(folder / "keys", checkpoints.origin("Werk Süd"))
    plant.house.services.update(
        {
            SITE_KEYS: keys,
            PEOPLE_KEYS: keybook.people_keys,
            FONTS: FONTS_FOLDER,
            SEAL_KEY: seal_of(plant.house, settings_in(folder)),
        }
    )
    return plant


def made(folder: Path, build: Build) -> Path:
    """A staffed site brought to a state by commands."""
    make_tables(site_url(folder / "site.db"))
    plant = opened(folder)
    staff(plant)
    batches.plan(plant, control=batches.PAIR)
    build(plant)
    plant.close()
    return folder


@pytest.fixture(scope="session")
def sampled_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample of the granules is drawn; the in-process control is next."""
    return made(tmp_path_factory.mktemp("sampled"), lambda plant: batches.run_up_to(plant, "S"))


@pytest.fixture(scope="session")
def ended_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch ran to its end with two alerts, commented by the supervisor."""
    return made(tmp_path_factory.mktemp("ended"), _to_the_end)


def _to_the_end(plant: RecordPlant) -> None:
    two = {"A": Entry(values={"mass": ("10.30",)}), "Y": Entry(values={"actual": ("9.91",)})}
    batches.run_up_to(plant, "Y", I=DRY, **two)
    batches.report(plant, "Y", "a drum was labelled twice; the second label was destroyed")
    for number in (1, 2):
        batches.comment(plant, number)
    batches.do(plant, "Z")
    batches.do(plant, "K")


@pytest.fixture
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site of its own for each test, copied from the one that the module names as `SITE`."""
    folder = tmp_path / "site"
    copytree(request.getfixturevalue(request.module.SITE), folder)
    found = opened(folder)
    yield found
    found.close()
