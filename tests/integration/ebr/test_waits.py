"""Steps that wait: conditions over stored values, times, holes, hold times, gaps, set points."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from app import wiring
from core.actors import Actor
from ebr import automatic
from ebr.entry import Entry
from ebr.errors import UnitNotSuitable, WriteNotReported
from ebr.models import StepState
from hardware import commands as links
from hardware import queries as plant_queries
from hardware import setup_commands
from hardware.commands import WriteOutcome
from hardware.setup_commands import NewEquipment, TagSpec
from hardware.words import Cleaning, Protocol, TagType, WriteState
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, START, RecordPlant
from tests.support.samples import arrives

GATEWAY = Actor.service("gateway", trigger="test")
HEADER = (
    '<bw:recipe code="TST-1" title="Drying" category="procedure">'
    '<bw:equipmentRequirement key="FBD" class="fluid_bed_dryer" states="clean" calibrated="true">'
    '<bw:label lang="en">Dryer</bw:label>'
    '<bw:capability name="working_volume" unit="L" minimum="150" maximum="300"/>'
    '<bw:tag name="TI102" unit="Cel"/><bw:tag name="TC103" unit="Cel" writable="true"/>'
    "</bw:equipmentRequirement></bw:recipe>"
)
BIND = '<bw:equipment requirement="FBD" states="clean" calibrated="true"/>'
DRY = (
    '<bw:parameter code="highest" dataType="decimal" unit="Cel" decimals="1" origin="device"'
    ' source="FBD.TI102" statistic="maximum" trend="true"><bw:limit tier="action" high="46.0"/>'
    '</bw:parameter><bw:timing minimum="PT2M"/>'
    '<bw:hold name="wet" act="ends"/>'
    '<bw:waitFor><bw:condition expression="FBD.TI102 &gt;= 40.0 Cel" sustained="PT60S"/>'
    "</bw:waitFor>"
    '<bw:exception occasion="data_gap" severity="minor" after="PT10S"/>'
    '<bw:exception occasion="data_gap" severity="major" after="PT60S"/>'
)
SET = '<bw:setPoint tag="FBD.TC103" value="60.0" unit="Cel" tolerance="0.5" low="20" high="80"/>'


def recipe() -> bytes:
    """Bind the dryer, send its set point, dry."""
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", BIND, kind="bind")),
            task(
                "W",
                step(
                    "W",
                    '<bw:hold name="wet" act="starts" limit="PT30M" severity="major"/>' + SET,
                    kind="write",
                ),
            ),
            task(
                "D",
                step("D", DRY, kind="wait", mode="automatic_confirmed"),
                tag="serviceTask",
            ),
            end(),
            flows="start > P > W > D > end",
            header=HEADER,
        )
    )


def equip(plant: RecordPlant) -> None:
    """Two dryers, one of them too small, and the tags of the other."""
    author, approver = plant.person("P-105").actor, plant.person("P-107").actor
    for number, high in (("FBD-01", "400"), ("FBD-02", "200")):
        plant.house.perform(
            setup_commands.register_equipment,
            NewEquipment(
                number=number,
                name=f"Dryer {number}",
                equipment_class="fluid_bed_dryer",
                room="1.12",
                properties={"working_volume_l": ["100", high]},
                cleaning=Cleaning.CLEAN,
                clean_until=START + timedelta(days=7),
                calibration_due=START + timedelta(days=12),
            ),
            by=author,
        )
    plant.house.perform(
        setup_commands.register_device,
        "FBD-01",
        protocol=Protocol.OPCUA,
        endpoint="opc.tcp://127.0.0.1:4840",
        writable=True,
        by=author,
    )
    specs = [
        TagSpec(
            name="TI102",
            description="product temperature",
            device="FBD-01",
            address="nsu=urn:demo:gran;s=FBD01.TI102",
            data_type=TagType.FLOAT64,
            unit="Cel",
            decimals=1,
        ),
        TagSpec(
            name="TC103",
            description="inlet set point",
            device="FBD-01",
            address="nsu=urn:demo:gran;s=FBD01.TC103",
            data_type=TagType.FLOAT64,
            unit="Cel",
            decimals=1,
            writable=True,
            write_low=Decimal(20),
            write_high=Decimal(80),
            tolerance=Decimal("0.5"),
        ),
    ]
    plant.house.perform(setup_commands.propose_tag_map, "FBD-01", specs, by=author)
    plant.house.perform(setup_commands.approve_tag_map, "FBD-01", 1, by=approver)


def feed(plant: RecordPlant, value: str) -> None:
    """The gateway has stored a value of the product temperature now."""
    arrives(plant.historian, "FBD-01", {"TI102": value}, at=plant.clock.now())


def pass_time(plant: RecordPlant, value: str, *, seconds: int) -> None:
    """Time goes by in steps of 10 s in which the temperature has this value."""
    for _ in range(seconds // 10):
        plant.later(seconds=10)
        feed(plant, value)
        automatic.watch(plant.house)
        plant.work()


def bind(plant: RecordPlant, unit: str = "FBD-01") -> None:
    plant.person("P-101").perform(RECORD, plant.path("P"), Entry(units={"FBD": unit}))


def at_dryer(plant: RecordPlant, drawn: bytes) -> None:
    """A batch whose first step has bound the dryer."""
    equip(plant)
    plant.start(drawn)
    bind(plant)


def send(plant: RecordPlant, shown: str | None = "60.0") -> None:
    """Start the write, let the gateway report what it read back, sign."""
    plant.person("P-101").start(RECORD, plant.path("W"))
    with plant.house.reading() as session:
        request = plant_queries.open_writes(session)[0]
    read_back = None if shown is None else Decimal(shown)
    good = read_back is not None and abs(read_back - 60) <= Decimal("0.5")
    result = WriteState.VERIFIED if good else WriteState.MISMATCH
    plant.house.perform(links.claim_write, request.id, gateway="g-1", by=GATEWAY)
    plant.house.perform(
        links.report_write,
        request.id,
        WriteOutcome(result=result, read_back=read_back),
        by=GATEWAY,
    )


@pytest.fixture
def drying(plant: RecordPlant) -> RecordPlant:
    """The dryer is bound and set; the drying step waits."""
    at_dryer(plant, recipe())
    send(plant)
    plant.person("P-101").perform(RECORD, plant.path("W"))
    plant.work()
    return plant


@pytest.mark.urs("URS-MRC-080", "URS-EQP-010")
def test_a_unit_that_is_too_small_or_in_use_is_refused_with_every_reason(
    plant: RecordPlant,
) -> None:
    equip(plant)
    plant.start(recipe())
    with pytest.raises(UnitNotSuitable, match="working volume 100-200 L, needed 150-300 L"):
        bind(plant, "FBD-02")
    bind(plant)
    with plant.house.reading() as session:
        assert plant_queries.equipment(session, "FBD-01").allocated_to == "B-2045"


@pytest.mark.urs("URS-PRO-050")
def test_a_set_point_is_signed_only_after_it_was_read_back(plant: RecordPlant) -> None:
    at_dryer(plant, recipe())
    plant.person("P-101").start(RECORD, plant.path("W"))
    with pytest.raises(WriteNotReported):
        plant.person("P-101").perform(RECORD, plant.path("W"))


@pytest.mark.urs("URS-PRO-050", "URS-DEV-020")
def test_a_set_point_that_is_not_taken_holds_the_batch(plant: RecordPlant) -> None:
    at_dryer(plant, recipe())
    send(plant, "55.0")
    assert plant.exceptions() == [("write_mismatch", "critical")]
    assert plant.run().state == "held"


@pytest.mark.urs("URS-EXE-050", "URS-PRO-010")
def test_a_wait_ends_when_its_condition_has_held_long_enough(drying: RecordPlant) -> None:
    pass_time(drying, "30.0", seconds=60)
    pass_time(drying, "41.0", seconds=50)
    assert drying.step("D").state == StepState.STARTED
    pass_time(drying, "41.5", seconds=30)
    assert drying.step("D").state == StepState.PERFORMED
    assert drying.texts("D") == {"highest": ["41.5"]}
    drying.person("P-101").sign_part(RECORD, drying.path("D"), "confirmer")
    assert drying.step("D").state == StepState.COMPLETE


@pytest.mark.urs("URS-PRO-040", "URS-PRO-020")
def test_a_hole_in_the_data_interrupts_the_condition(drying: RecordPlant) -> None:
    pass_time(drying, "30.0", seconds=60)
    pass_time(drying, "41.0", seconds=50)
    drying.later(seconds=40)
    feed(drying, "41.0")
    automatic.watch(drying.house)
    assert drying.step("D").state == StepState.STARTED
    pass_time(drying, "41.0", seconds=60)
    assert drying.step("D").state == StepState.PERFORMED


@pytest.mark.urs("URS-PRO-040", "URS-DEV-010")
@pytest.mark.parametrize(("seconds", "expected"), [(10, []), (40, ["minor"]), (61, ["major"])])
def test_a_lost_link_raises_an_exception_by_its_length(
    drying: RecordPlant, seconds: int, expected: list[str]
) -> None:
    from core.ids import new_id

    pass_time(drying, "30.0", seconds=10)
    lost = drying.clock.now()
    drying.house.perform(
        links.begin_gap,
        "FBD-01",
        gap=new_id(),
        cause="cable",
        gateway="g-1",
        started_at=lost,
        by=GATEWAY,
    )
    drying.later(seconds=seconds)
    drying.house.perform(
        links.end_gap, "FBD-01", gateway="g-1", ended_at=drying.clock.now(), by=GATEWAY
    )
    assert [severity for _, severity in drying.exceptions()] == expected


@pytest.mark.urs("URS-EXE-070")
def test_a_hold_time_is_found_exceeded_with_nobody_logged_in(plant: RecordPlant) -> None:
    equip(plant)
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                task("A", step("A", '<bw:hold name="wet" act="starts" limit="PT30M"/>')),
                task("B", step("B", '<bw:hold name="wet" act="ends"/>')),
                end(),
                flows="start > A > B > end",
            )
        )
    )
    plant.person("P-101").perform(RECORD, plant.path("A"))
    plant.later(minutes=29)
    plant.work()
    assert plant.exceptions() == []
    plant.later(minutes=2)
    plant.work()
    assert plant.exceptions() == [("hold_time", "major")]


def test_every_job_of_the_record_has_its_handler() -> None:
    assert {"ebr.automatic_step", "ebr.hold_time_due", "ebr.step_overtime"} <= set(wiring.jobs())
