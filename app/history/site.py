"""The demonstration site as it was 113 days before S: the same people, plant and recipe, its clock
in the past, and the number series where the history begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app import making
from app.acting import Person
from app.bootstrap import compose
from app.clock import site_now
from app.demosite import SEEDING, SITE_NAME, ZONE, write_cards
from app.seed import definitions, people, plant, series, stock, tags
from core.house import House
from core.settings import Settings
from core.sites import SiteMode
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning
from maintenance.models import Series
from personnel.crypto import Vault

FIRST_PACKED = 2039
"""The first batch of the history that is packed; its order has the same number."""
SCALE_DUE = timedelta(days=90)
"""From the beginning until the scales are due; they are calibrated before."""
OPCUA, MODBUS = "opc.tcp://127.0.0.1:4840/gran", "127.0.0.1:5020"
"""Where the devices are said to be until the site is started and they are moved."""
Say = Callable[[str], None]
VaultOf = Callable[[Settings], Vault]


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstNumbers:
    """The first number of each series, so that the next ones at S are those of the plant."""

    batch: int
    deviation: int
    cleaning: int


def make(
    settings: Settings,
    s: datetime,
    begin: timedelta,
    first: FirstNumbers,
    *,
    vault_of: VaultOf | None = None,
    say: Say,
) -> dict[str, Person]:
    """Make and seed the site; its clock begins at S less `begin`. Answers its people."""
    say(f"making the site and its keys, {begin.days} days ago")
    making.make_site(
        settings, name=SITE_NAME, mode=SiteMode.DEMONSTRATION, zone=ZONE, starts_at=s - begin
    )
    house = compose(settings, vault=vault_of(settings) if vault_of else None)
    try:
        return _seed(house, settings, s, first)
    finally:
        house.database.close()


def _seed(house: House, settings: Settings, s: datetime, first: FirstNumbers) -> dict[str, Person]:
    begin = site_now(house)
    staff = people.seed(house, s, deputy=False)
    write_cards(settings.home, staff)
    plant.seed(house, s, made=[_at_begin(unit, begin) for unit in plant.units(s)], by=SEEDING)
    tags.seed(house, staff["P-109"], staff["P-107"], opcua=OPCUA, modbus=MODBUS, by=SEEDING)
    numbers = {**series.FIRST, Series.CLEANING: first.cleaning}
    series.seed(house, deviation=first.deviation, numbers=numbers, by=SEEDING)
    series.orders(house, batch=first.batch, packaging=FIRST_PACKED, by=SEEDING)
    stock.master_data(house, by=SEEDING)
    stock.receive_components(house, staff)
    definitions.seed(house, staff, begin)
    return staff


def _at_begin(unit: NewEquipment, begin: datetime) -> NewEquipment:
    """A unit of S as it was at the beginning: clean for a week, its scale calibrated."""
    if unit.cleaning is Cleaning.CLEAN:
        return replace(unit, clean_until=begin + plant.CLEAN_HOLD)
    if unit.equipment_class in SCALES:
        return replace(
            unit,
            calibration_due=begin + SCALE_DUE,
            calibration_last_good=begin - timedelta(days=30),
        )
    return unit


SCALES = frozenset({"floor_scale", "bench_scale", "precision_balance"})
