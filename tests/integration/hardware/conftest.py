"""A small site with a trail, a historian and two people, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from audit import models as audit_models
from audit.trail import TrailGuard
from core.actors import Actor, ActorKind
from core.clock import HeldClock
from core.db import Base, Database
from core.house import House
from core.sites import Site, SiteClock, SiteMode
from hardware import equipment_commands, models, setup_commands
from hardware.historian import Historian
from hardware.setup_commands import NewEquipment, TagSpec
from hardware.words import Cleaning, Protocol, TagType
from tests.support.places import lay_out, owner_url

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def person(badge: str, name: str, role: str) -> Actor:
    return Actor(kind=ActorKind.PERSON, id=badge, name=name, role=role, terminal="T-1")


AUTHOR = person("P-109", "Aino Lind", "AUTHOR")
APPROVER = person("P-107", "Samuel Okafor", "QA")
KERN = person("P-101", "Anna Kern", "OP")
ROTH = person("P-102", "Paul Roth", "OP")


def make_site(
    url: str,
    mode: SiteMode = SiteMode.DEMONSTRATION,
    at: datetime = START,
    offset: timedelta = timedelta(0),
) -> None:
    """All tables known to this process, their triggers, and the site's row."""
    assert {models.Tag.__tablename__, audit_models.Entry.__tablename__} <= set(kept())
    lay_out(url)
    engine = create_engine(owner_url(url))
    with Session(engine) as session:
        session.add(Site(site_id=1, name="Werk", mode=mode, zone="Europe/Berlin", made_at=at))
        session.add(SiteClock(site_id=1, offset_us=offset // timedelta(microseconds=1)))
        session.commit()
    engine.dispose()


def kept() -> list[str]:
    """Tables that are known so far."""
    return list(Base.metadata.tables)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(START)


@pytest.fixture
def historian(tmp_path: Path, clock: HeldClock) -> Iterator[Historian]:
    found = Historian(tmp_path / "historian.db", clock=clock)
    found.create()
    yield found
    found.close()


@pytest.fixture
def house(chosen_url: str, clock: HeldClock, historian: Historian) -> Iterator[House]:
    """A demonstration site whose clock is held."""
    make_site(chosen_url)
    database = Database(chosen_url)
    made = House(database, guards=[TrailGuard(software="batchwright test")], clock=clock)
    made.services["historian"] = historian
    yield made
    database.close()


def dryer(house: House, *specs: TagSpec, writable: bool = True) -> None:
    """FBD-01 on an OPC UA device, clean, calibrated, with an approved map of these tags."""
    house.perform(
        setup_commands.register_equipment,
        NewEquipment(
            number="FBD-01",
            name="Fluid-bed dryer",
            equipment_class="fluid_bed_dryer",
            room="1.12",
            properties={"volume_l": "400"},
            cleaning=Cleaning.CLEAN,
            clean_until=START + timedelta(days=7),
            calibration_due=START + timedelta(days=12),
        ),
        by=AUTHOR,
    )
    house.perform(
        setup_commands.register_device,
        "FBD-01",
        protocol=Protocol.OPCUA,
        endpoint="opc.tcp://127.0.0.1:4840",
        writable=writable,
        by=AUTHOR,
    )
    house.perform(setup_commands.propose_tag_map, "FBD-01", list(specs or TAGS), by=AUTHOR)
    house.perform(setup_commands.approve_tag_map, "FBD-01", 1, by=APPROVER)


TAGS = (
    TagSpec(
        name="TI102",
        description="product temperature",
        device="FBD-01",
        address="nsu=urn:demo:gran;s=FBD01.TI102",
        data_type=TagType.FLOAT64,
        unit="Cel",
        decimals=1,
        range_low=Decimal(0),
        range_high=Decimal(100),
        simulated=True,
    ),
    TagSpec(
        name="TC103",
        description="inlet set point",
        device="FBD-01",
        address="nsu=urn:demo:gran;s=FBD01.TC103",
        data_type=TagType.FLOAT64,
        unit="Cel",
        decimals=1,
        range_low=Decimal(0),
        range_high=Decimal(120),
        writable=True,
        write_low=Decimal(20),
        write_high=Decimal(80),
        tolerance=Decimal("0.5"),
        simulated=True,
    ),
)


def allocated(house: House, batch: str = "B-2045") -> None:
    """FBD-01 belongs to the batch."""
    house.perform(equipment_commands.allocate, "FBD-01", batch=batch, by=KERN)
