"""Guarded set points: compared at the start and at the end of a batch (URS-EQP-070)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from ebr import queries
from hardware import commands as links
from hardware import queries as plant_queries
from hardware import setup_commands
from hardware.commands import WriteOutcome
from hardware.setup_commands import NewEquipment, TagSpec
from hardware.words import Cleaning, Protocol, TagType, WriteState
from tests.integration.ebr import test_waits as drying
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, START, RecordPlant
from tests.support.samples import arrives

GUARDS = '<bw:guard tag="FBD.TC103" tolerance="0.5"/><bw:guard tag="FBD.ID103"/>'
CRITICAL = GUARDS + '<bw:exception occasion="mismatch" severity="critical"/>'
SET = drying.SET.replace("60.0", "45.0")


def recipe(guards: str = GUARDS) -> bytes:
    """Bind, compare, command a set point, compare again."""
    automatic = {"kind": "read", "mode": "none"}
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", drying.BIND, kind="bind")),
            task("P030", step("P030", guards, **automatic), tag="serviceTask"),
            task("W", step("W", SET, kind="write")),
            task("Z010", step("Z010", guards, **automatic), tag="serviceTask"),
            task("E", step("E")),
            end(),
            flows="start > P > P030 > W > Z010 > E > end",
            header=drying.HEADER.replace(
                "</bw:equipmentRequirement>",
                '<bw:tag name="ID103" unit="1"/></bw:equipmentRequirement>',
            ),
        )
    )


def equip(plant: RecordPlant, baseline: dict[str, str]) -> None:
    """A dryer with a set point and a program version, and what is approved of them."""
    author, approver = plant.person("P-105").actor, plant.person("P-107").actor
    unit = NewEquipment(
        number="FBD-01",
        name="Dryer",
        equipment_class="fluid_bed_dryer",
        room="1.12",
        properties={"working_volume_l": ["100", "400"], "baseline": baseline},
        cleaning=Cleaning.CLEAN,
        clean_until=START + timedelta(days=7),
        calibration_due=START + timedelta(days=12),
    )
    perform = plant.house.perform
    perform(setup_commands.register_equipment, unit, by=author)
    endpoint = "opc.tcp://127.0.0.1:4840"
    perform(
        setup_commands.register_device,
        "FBD-01",
        protocol=Protocol.OPCUA,
        endpoint=endpoint,
        writable=True,
        by=author,
    )
    specs = [
        _tag("TI102", "Cel", 1),
        _tag("ID103", "1", 0),
        _tag(
            "TC103",
            "Cel",
            1,
            writable=True,
            write_low=Decimal(20),
            write_high=Decimal(80),
            tolerance=Decimal("0.5"),
        ),
    ]
    perform(setup_commands.propose_tag_map, "FBD-01", specs, by=author)
    perform(setup_commands.approve_tag_map, "FBD-01", 1, by=approver)


def _tag(name: str, unit: str, decimals: int, **more: object) -> TagSpec:
    return TagSpec(
        name=name,
        description=name,
        device="FBD-01",
        address=f"nsu=urn:demo:gran;s=FBD01.{name}",
        data_type=TagType.FLOAT64,
        unit=unit,
        decimals=decimals,
        **more,  # type: ignore[arg-type]  # fields of TagSpec by name
    )


def shows(plant: RecordPlant, point: str, version: str = "3") -> None:
    """The gateway has stored a set point and a program version now."""
    values = {"TC103": point, "ID103": version}
    arrives(plant.historian, "FBD-01", values, at=plant.clock.now())


def to_the_start(
    plant: RecordPlant, point: str = "20.0", version: str = "3", *, guards: str = GUARDS
) -> None:
    """P030 has compared what the machine shows."""
    plant.start(recipe(guards))
    shows(plant, point, version)
    drying.bind(plant)
    plant.work()


def to_the_end(plant: RecordPlant, point: str, version: str = "3") -> None:
    """45 Cel was commanded and read back; Z010 has compared what the machine shows then."""
    plant.person("P-101").start(RECORD, plant.path("W"))
    report(plant)
    shows(plant, point, version)
    plant.person("P-101").perform(RECORD, plant.path("W"))
    plant.work()


def report(plant: RecordPlant) -> None:
    """The gateway reports that the set point was taken."""
    with plant.house.reading() as session:
        request = plant_queries.open_writes(session)[0]
    outcome = WriteOutcome(result=WriteState.VERIFIED, read_back=Decimal("45.0"))
    plant.house.perform(links.claim_write, request.id, gateway="g-1", by=drying.GATEWAY)
    plant.house.perform(links.report_write, request.id, outcome, by=drying.GATEWAY)


APPROVED = {"TC103": "20.0", "ID103": "3"}
FOUND = ("guarded_set_point", "major")


@pytest.mark.urs("URS-EQP-070")
def test_what_is_as_approved_and_then_as_commanded_raises_nothing(plant: RecordPlant) -> None:
    equip(plant, APPROVED)
    to_the_start(plant)
    assert plant.texts("P030") == {"FBD_TC103": ["20.0"], "FBD_ID103": ["3"]}
    to_the_end(plant, "45.0")
    assert plant.texts("Z010") == {"FBD_TC103": ["45.0"], "FBD_ID103": ["3"]}
    assert plant.exceptions() == []
    assert plant.step("E").state == "ready"


@pytest.mark.urs("URS-EQP-070")
@pytest.mark.parametrize(
    ("point", "version", "found"),
    [
        ("20.5", "3", []),
        ("20.6", "3", [FOUND]),
        ("19.4", "3", [FOUND]),
        ("20.0", "4", [FOUND]),
        ("21.0", "4", [FOUND, FOUND]),
    ],
)
def test_a_difference_from_the_baseline_is_found_at_the_start(
    plant: RecordPlant, point: str, version: str, found: list[tuple[str, str]]
) -> None:
    equip(plant, APPROVED)
    to_the_start(plant, point, version)
    assert plant.exceptions() == found


@pytest.mark.urs("URS-EQP-070")
def test_what_somebody_changed_at_the_machine_is_found_at_the_end(plant: RecordPlant) -> None:
    equip(plant, APPROVED)
    to_the_start(plant)
    to_the_end(plant, "47.0", "4")
    assert plant.exceptions() == [FOUND, FOUND]
    with plant.house.reading() as session:
        told = queries.exceptions(session, queries.run_of(session, "B-2045"))[0].facts
    assert (told["tag"], told["expected"], told["found"]) == ("FBD-01.TC103", "45", "47.0")


@pytest.mark.urs("URS-EQP-070")
def test_what_has_no_approved_baseline_is_not_taken_for_equal(plant: RecordPlant) -> None:
    equip(plant, {"TC103": "20.0"})
    to_the_start(plant)
    assert plant.exceptions() == [FOUND]
    with plant.house.reading() as session:
        (case,) = queries.exceptions(session, queries.run_of(session, "B-2045"))
    assert case.facts["expected"] is None, "nothing was, and the word None is no value"
    assert case.text.endswith("no baseline of it is approved to compare with")


@pytest.mark.urs("URS-EQP-070")
def test_the_recipe_says_how_severe_a_difference_is(plant: RecordPlant) -> None:
    equip(plant, APPROVED)
    to_the_start(plant, "30.0", guards=CRITICAL)
    assert plant.exceptions() == [("guarded_set_point", "critical")]
