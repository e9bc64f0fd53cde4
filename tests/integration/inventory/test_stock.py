"""Stores: deliveries, status, moves, samples, destruction; what a recipe draws and checks."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as D

import pytest

from audit.errors import ReasonMissing
from core.errors import NotPermitted
from ebr.entry import Entry
from hardware import queries as plant_queries
from inventory import labelling, ledger, queries
from inventory.commands import scales, stock
from inventory.commands.stock import NewContainer, NewLot
from inventory.errors import (
    ContainerNotDispensed,
    LotExists,
    NoSuchPlace,
    NotEnough,
    QuantityNotCountable,
    ScanMissing,
    StatusNotPossible,
)
from inventory.models import ContainerState, LotStatus
from personnel.errors import NotIndependent
from tests.integration.inventory.dispensary import STORES, decide, portions, show, storekeeper
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, START, RecordPlant


def delivery(number: str = "PA-0500", label: str = "PA-0500-1") -> NewLot:
    return NewLot(
        number=number,
        material="100010",
        location=STORES,
        supplier="Acme",
        containers=(NewContainer(label=label, quantity=D("25.000")),),
    )


@pytest.mark.urs("URS-MAT-010", "URS-MAT-090")
def test_a_delivery_stands_in_quarantine_until_the_quality_unit_releases_it(
    plant: RecordPlant,
) -> None:
    plant.house.perform(stock.receive_lot, delivery(), by=storekeeper(plant))
    assert plant.ask(queries.lot, "PA-0500").status == LotStatus.QUARANTINE
    with pytest.raises(NotPermitted):
        plant.house.perform(
            stock.change_status,
            "PA-0500",
            LotStatus.RELEASED,
            reason="needed today",
            by=storekeeper(plant),
        )
    decide(plant, "PA-0500", LotStatus.RELEASED)
    assert plant.actions("lot/PA-0500") == ["lot.received", "lot.released"]
    with pytest.raises(StatusNotPossible):
        decide(plant, "PA-0500", LotStatus.RELEASED)


@pytest.mark.urs("URS-MAT-010", "URS-AUD-040")
def test_a_status_needs_a_reason_in_words(plant: RecordPlant) -> None:
    by = plant.person("P-107").actor
    with pytest.raises(Exception, match="needs a reason"):
        plant.house.perform(stock.change_status, "PA-0463", LotStatus.RELEASED, reason="x", by=by)
    with pytest.raises(ReasonMissing):
        release_silently(plant)
    assert plant.ask(queries.lot, "PA-0463").status == LotStatus.QUARANTINE


def release_silently(plant: RecordPlant) -> None:
    """A command that forgot to ask why."""
    by = plant.person("P-107").actor
    with (
        plant.house.transaction() as session,
        stock.on_lot(session, "lot.released", "PA-0463", by=by),
    ):
        queries.lot(session, "PA-0463").status = LotStatus.RELEASED


@pytest.mark.urs("URS-MAT-070")
def test_a_lot_or_container_comes_in_once_and_never_empty(plant: RecordPlant) -> None:
    by = storekeeper(plant)
    with pytest.raises(LotExists):
        plant.house.perform(stock.receive_lot, delivery("PA-0411"), by=by)
    with pytest.raises(LotExists):
        plant.house.perform(stock.receive_lot, delivery(label="PA-0457-1"), by=by)
    empty = NewLot(number="PA-0501", material="100010", location=STORES)
    with pytest.raises(QuantityNotCountable):
        plant.house.perform(stock.receive_lot, empty, by=by)


@pytest.mark.urs("URS-MAT-070")
def test_moves_samples_counts_and_destruction_keep_the_books_exact(plant: RecordPlant) -> None:
    by = storekeeper(plant)
    perform = plant.house.perform
    perform(stock.register_location, "1.04", "Dispensary", by=by)
    for _ in range(2):
        perform(stock.move_container, "PA-0457-1", "1.04", key="form-1", by=by)
    assert plant.ask(queries.place_of, "PA-0457-1")[0] == "location/1.04"
    with pytest.raises(NoSuchPlace):
        perform(stock.move_container, "PA-0457-1", "9.99", key="form-2", by=by)
    chemist = plant.person("P-106").actor
    perform(stock.draw_sample, "PA-0457-1", D("0.05"), sample="S-1", by=chemist)
    with pytest.raises(NotEnough):
        perform(stock.draw_sample, "PA-0457-1", D("25"), sample="S-2", by=chemist)
    reason = "counted on the floor scale"
    perform(stock.adjust, "PA-0457-1", D("24.90"), reason=reason, key="count-1", by=by)
    drum = plant.ask(queries.container, "PA-0457-1")
    assert plant.ask(queries.content_of, drum) == D("24.9")
    with pytest.raises(NotIndependent):
        perform(stock.destroy_container, "PA-0457-1", reason="damaged", witness="P-104", by=by)
    perform(stock.destroy_container, "PA-0457-1", reason="damaged", witness="P-102", by=by)
    assert plant.ask(queries.container, "PA-0457-1").state == ContainerState.DESTROYED
    assert plant.ask(ledger.differences) == []
    assert plant.ask(ledger.unbalanced) == []


@pytest.mark.urs("URS-MAT-040")
def test_the_data_of_a_label_come_from_the_record(weighed: RecordPlant) -> None:
    made = portions(weighed, "D040")[2]
    with weighed.house.reading() as session:
        label = labelling.dispensed(session, made.label)
    assert (label.lot, label.item_name, label.batch) == ("PA-0457", "Paracetamol", "B-2045")
    assert label.net_kg + label.tare_kg == label.gross_kg
    assert (label.number, label.of, label.weighed_by) == (3, 4, "Ravi Menon")


BIN = (
    '<bw:recipe code="TST-1" title="Charging" category="procedure">'
    '<bw:equipmentRequirement key="BIN" class="bin_300" shared="true">'
    '<bw:label lang="en">Bin</bw:label></bw:equipmentRequirement>'
    '<bw:equipmentRequirement key="WGH1" class="floor_scale" shared="true">'
    '<bw:label lang="en">Scale</bw:label><bw:tag name="WI501" unit="kg"/>'
    "</bw:equipmentRequirement></bw:recipe>"
)
CHECK = (
    '<bw:parameter code="low" dataType="decimal" unit="kg" decimals="2" origin="device"'
    ' source="WGH1.WI501"><bw:limit tier="action" low="19.98" high="20.02" severity="minor"/>'
    '</bw:parameter><bw:equipment requirement="WGH1"/><bw:timing validFor="PT24H"/>'
)


def small_recipe() -> bytes:
    """Bind a bin and a scale, check the scale, draw water, connect the bin."""
    both = '<bw:equipment requirement="BIN"/><bw:equipment requirement="WGH1"/>'
    water = (
        '<bw:parameter code="water" dataType="decimal" unit="kg" decimals="2">'
        '<bw:limit tier="action" low="16.83" high="17.17"/></bw:parameter>'
        '<bw:material code="300010"/><bw:equipment requirement="BIN"/>'
    )
    connect = (
        '<bw:parameter code="bin" dataType="scan" origin="label"/><bw:equipment requirement="BIN"/>'
    )
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", both, kind="bind")),
            task("K", step("K", CHECK, kind="entry")),
            task("W", step("W", water, kind="charge")),
            task("C", step("C", connect, kind="charge")),
            end(),
            flows="start > P > K > W > C > end",
            header=BIN,
        )
    )


@pytest.fixture
def charging(plant: RecordPlant) -> RecordPlant:
    """The small recipe with its units bound."""
    from hardware import setup_commands
    from hardware.setup_commands import NewEquipment

    for number in ("IBC-04", "IBC-05"):
        unit = NewEquipment(number=number, name=number, equipment_class="bin_300")
        plant.house.perform(setup_commands.register_equipment, unit, by=plant.person("P-105").actor)
    plant.start(small_recipe())
    units = {"BIN": "IBC-04", "WGH1": "WGH-01"}
    plant.person("P-101").perform(RECORD, plant.path("P"), Entry(units=units))
    return plant


def check_scale(plant: RecordPlant, shown: str) -> bool:
    """Perform the daily check with what the scale shows; is the scale usable then?"""
    from hardware import commands as plant_commands

    plant.later(hours=23)
    show(plant, "WGH-01", shown)
    with plant.house.transaction() as session:
        reading = plant_commands.take_reading(
            session,
            "WGH-01.WI501",
            in_record=RECORD,
            step=plant.path("K"),
            by=plant.person("P-101").actor,
            at=plant.clock.now(),
        )
        readings = {"low": [reading.id]}
    plant.person("P-101").perform(RECORD, plant.path("K"), readings=readings)
    plant.later(hours=2)
    with plant.house.reading() as session:
        unit = plant_queries.equipment(session, "WGH-01")
        return unit.checked_until is not None and unit.checked_until > plant.clock.now()


@pytest.mark.urs("URS-EQP-040", "URS-MAT-030")
@pytest.mark.parametrize(("shown", "usable"), [("20.02", True), ("20.03", False)])
def test_a_daily_check_makes_the_scale_usable_for_its_time_or_not_at_all(
    charging: RecordPlant, shown: str, usable: bool
) -> None:
    assert check_scale(charging, shown) is usable


@pytest.mark.urs("URS-MAT-050", "URS-MAT-020")
def test_water_is_drawn_and_only_the_bound_bin_is_connected(charging: RecordPlant) -> None:
    assert check_scale(charging, "20.00")
    person = charging.person("P-101")
    person.perform(RECORD, charging.path("W"), Entry(values={"water": ("17.00",)}))
    path = charging.path("C")
    with pytest.raises(ScanMissing):
        person.perform(RECORD, path, Entry())
    with pytest.raises(ContainerNotDispensed, match="IBC-05"):
        person.perform(RECORD, path, Entry(scans=("IBC-05",)))
    person.perform(RECORD, path, Entry(scans=("IBC-04",)))
    assert charging.texts("C") == {"bin": ["IBC-04"]}


def test_a_replayed_issue_key_moves_nothing_twice(plant: RecordPlant) -> None:
    by = storekeeper(plant)
    for _ in range(2):
        plant.house.perform(
            stock.relocate, "PA-0457-2", "batch/B-1", key="issue/B-1/PA-0457-2", kind="issue", by=by
        )
    (first, *_rest) = plant.ask(queries.stock, "100010", at=START + timedelta(hours=1))
    assert first.lot.number == "PA-0411"
    moved = plant.ask(queries.movements_of, "PA-0457-2")
    assert [move.kind for move in moved] == ["receipt", "issue"]


def test_a_step_that_weighs_nothing_gives_no_weight(charging: RecordPlant) -> None:
    from ebr.commands.steps import StepReference
    from ebr.errors import StepOutOfOrder

    with pytest.raises(StepOutOfOrder):
        charging.house.perform(
            scales.take_weight,
            StepReference(record=RECORD, path=charging.path("K")),
            by=charging.person("P-101").actor,
        )
