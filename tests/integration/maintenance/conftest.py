"""A staffed site whose people may clean and maintain, made once and copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from shutil import copyfile

import pytest

from hardware import setup_commands
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning
from personnel import commands
from tests.support.places import site_url
from tests.support.records import SETUP, START, RecordPlant, qualify, staffed

UNITS = [
    NewEquipment(
        number="GRA-01",
        name="Granulator",
        equipment_class="granulator",
        room="1.12",
        cleaning=Cleaning.CLEAN,
        clean_until=START + timedelta(days=7),
        calibration_due=START + timedelta(days=90),
        properties={"working_volume_l": ["120", "300"], "clean_hold": "P3D"},
    ),
    NewEquipment(
        number="BV-01",
        name="Binder vessel",
        equipment_class="vessel",
        room="1.12",
        parent="GRA-01",
        cleaning=Cleaning.CLEAN,
        clean_until=START + timedelta(days=7),
    ),
    NewEquipment(
        number="TS-12",
        name="Tool set",
        equipment_class="tool_set",
        room="1.14",
        cleaning=Cleaning.CLEAN,
        clean_until=START + timedelta(days=30),
        counter_tag="TAB-01.KQ203",
        counter_limit=Decimal(5_000_000),
    ),
    NewEquipment(
        number="WGH-02",
        name="Bench scale",
        equipment_class="scale",
        room="1.04",
        calibration_due=START + timedelta(days=25),
        calibration_last_good=START - timedelta(days=60),
    ),
]


@pytest.fixture(scope="session")
def staffed_plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A staffed site with its equipment; Wójcik maintains, others clean."""
    folder = tmp_path_factory.mktemp("staffed-plant")
    plant = staffed(folder)
    qualify(plant, {"P-101": "SOP-150", "P-102": "SOP-150"})
    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    asked = plant.house.perform(
        commands.request_role, "P-103", "ME", reason="joins the workshop", by=first
    )
    plant.house.perform(commands.grant_role, asked, by=second)
    for unit in UNITS:
        plant.house.perform(setup_commands.register_equipment, unit, by=SETUP)
    plant.close()
    return folder / "site.db"


@pytest.fixture
def plant(staffed_plant: Path, tmp_path: Path) -> Iterator[RecordPlant]:
    """A staffed site of its own for each test."""
    copyfile(staffed_plant, tmp_path / "site.db")
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    yield made
    made.close()
