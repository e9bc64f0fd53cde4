"""A small site with something of everything that a manipulation may change."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from app import making
from core.actors import Actor
from core.clock import HeldClock
from core.settings import Settings
from core.sites import SiteMode
from hardware import commands as plant_commands
from inventory.commands import stock
from inventory.commands.stock import NewContainer, NewLot, NewMaterial
from personnel import commands
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from tests.support import recorded
from tests.support.bpmn import bpmn, end, process, start, step, task, timer, wait
from tests.support.keptsites import settings_in
from tests.support.records import SETUP, START, RecordPlant, staff

NAME = "Werk Süd"


def make(home: Path) -> Settings:
    """A decided batch with trend and files, one that waits, a lot, a deviation and a gap."""
    settings = settings_in(home)
    mode = SiteMode.DEMONSTRATION
    making.make_site(settings, name=NAME, mode=mode, zone="Europe/Berlin", clock=HeldClock(START))
    plant = RecordPlant(settings.database_url, home)
    try:
        staff(plant)
        recorded.furnish(plant, home)
        recorded.run_all(plant)
        recorded.decide_all(plant)
        plant.start(_waiting(), number="B-2046")
        _stock(plant)
        _trouble(plant)
    finally:
        plant.close()
    return settings


def _waiting() -> bytes:
    """Two hours to wait, then a look at the kettle."""
    look = '<bw:check code="empty"><bw:label lang="en">The kettle is empty</bw:label></bw:check>'
    nodes = (
        start(),
        wait("T", timer("duration", "PT2H")),
        task("C", step("C", look, kind="checklist")),
        end(),
    )
    return bpmn(process("OP", *nodes, flows="start > T > C > end"))


def _stock(plant: RecordPlant) -> None:
    perform, stores = plant.house.perform, _granted(plant)
    perform(stock.register_material, NewMaterial(code="100010", name="Paracetamol"), by=SETUP)
    perform(stock.register_location, "1.01", "Goods store", room="1.01", by=SETUP)
    drums = tuple(NewContainer(label=f"DRUM-{n}", quantity=Decimal("25.00")) for n in (1, 2))
    lot = NewLot(number="PA-0411", material="100010", location="1.01", containers=drums)
    perform(stock.receive_lot, lot, by=stores)


def _granted(plant: RecordPlant) -> Actor:
    """The one who weighs also receives: an administrator asks for it, another one grants it."""
    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    asked = plant.house.perform(commands.request_role, "P-104", "WH", reason="shift plan", by=first)
    plant.house.perform(commands.grant_role, asked, by=second)
    return plant.person("P-104", "WH").actor


def _trouble(plant: RecordPlant) -> None:
    perform = plant.house.perform
    perform(deviations.make_series, first=1, by=SETUP)
    told = NewDeviation(title="Filter bag torn", severity="major")
    perform(deviations.open_deviation, told, by=plant.person("P-105").actor)
    now = plant.clock.now()
    perform(
        plant_commands.begin_gap,
        "FBD-01",
        gap=uuid4(),
        cause="the cable was out",
        gateway="gateway-1",
        started_at=now - timedelta(minutes=1),
        by=SETUP,
    )
