"""The example recipe REC-0030 on a demonstration site: what it needs to be started.

Bioreactor and analyser, its tags on the simulated cell, medium, feed and seed in released lots, the
training of the people, and the recipe in effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal as D

from app.acting import Person
from app.seed import definitions, stock
from core.actors import Actor
from core.house import House
from documents.gs1 import make_sscc
from hardware import bioreactor_plant, setup_commands
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning
from inventory.commands import stock as stores
from inventory.commands.stock import NewContainer, NewLot, NewMaterial
from inventory.models import LotStatus
from personnel import commands as people

RECIPE, VERSION, FILE = "REC-0030", 1, "rec-0030-v1.bpmn"
SUBJECTS = (f"{RECIPE} v{VERSION}", "SOP-310", "SOP-331")
TRAINED = ("P-101", "P-102", "P-105", "P-106")
YEAR = timedelta(days=365)
WEEK = timedelta(days=7)
FIRST_BAG = 8001
LOTS = (
    ("CM-4401", "700010", "Culture medium, chemically defined", ("100.0", "100.0")),
    ("GF-2210", "700020", "Glucose feed, 50 %", ("20.0",)),
    ("SD-0071", "700030", "Seed culture, CHO clone 7", ("20.0",)),
)
"""Lot, material, its name, content of each bag in kg."""


def seed(
    house: House,
    staff: Mapping[str, Person],
    at: datetime,
    *,
    modbus: str,
    by: Actor,
    body: bytes | None = None,
) -> None:
    """Everything for REC-0030 at site time `at`; `modbus` is host:port of the simulated cell.

    `body` replaces the recipe as shipped. Raises the refusals of the commands, LotExists among
    them when the site has it already.
    """
    _materials(house, staff, at, by)
    _equipment(house, staff, at, modbus, by)
    _train(house, staff, at)
    definitions.release(
        dict(staff),
        body or definitions.recipe_file(FILE),
        RECIPE,
        VERSION,
        change="CC-2026-130",
        at=at,
        reason="example of a culture with repeating samples and conditional feeds",
    )


def _materials(house: House, staff: Mapping[str, Person], at: datetime, by: Actor) -> None:
    warehouse, bag = replace(staff["P-104"], role="WH").actor, FIRST_BAG
    for number, material, name, contents in LOTS:
        house.perform(stores.register_material, NewMaterial(code=material, name=name), by=by)
        containers = tuple(
            NewContainer(label=make_sscc(stock.PREFIX, bag + place), quantity=D(content))
            for place, content in enumerate(contents)
        )
        bag += len(contents)
        lot = NewLot(
            number=number,
            material=material,
            location=stock.GOODS,
            containers=containers,
            expires_on=(at + YEAR).date(),
        )
        house.perform(stores.receive_lot, lot, by=warehouse)
        stock.decide(staff["P-107"], number, LotStatus.RELEASED, "certificate conforms")


def _equipment(
    house: House, staff: Mapping[str, Person], at: datetime, modbus: str, by: Actor
) -> None:
    for number, name, class_, room, properties in (
        ("BRX-01", "Bioreactor 250 L", "bioreactor", "2.05", {"working_volume_l": ["50", "250"]}),
        ("ANA-01", "Cell and metabolite analyser", "cell_analyser", "2.10", {}),
    ):
        new = NewEquipment(
            number=number,
            name=name,
            equipment_class=class_,
            room=room,
            properties=properties,
            cleaning=Cleaning.CLEAN,
            clean_until=at + WEEK,
            calibration_due=at + YEAR / 2,
        )
        house.perform(setup_commands.register_equipment, new, by=by)
    line = asdict(bioreactor_plant.device(modbus))
    house.perform(setup_commands.register_device, line.pop("name"), **line, by=by)
    unit = bioreactor_plant.UNIT
    author, approver, record = staff["P-109"], staff["P-107"], f"equipment/{unit}"
    specs = bioreactor_plant.tag_map()
    house.perform(setup_commands.propose_tag_map, unit, specs, by=author.actor, record=record)
    house.perform(setup_commands.approve_tag_map, unit, 1, by=approver.actor, record=record)


def _train(house: House, staff: Mapping[str, Person], at: datetime) -> None:
    for badge in TRAINED:
        for subject in SUBJECTS:
            house.perform(
                people.record_qualification,
                badge,
                subject,
                valid_from=at,
                valid_until=at + YEAR,
                evidence=f"training record TR-{badge[2:]}-{subject.replace(' ', '-')}",
                by=staff["P-107"].actor,
            )
