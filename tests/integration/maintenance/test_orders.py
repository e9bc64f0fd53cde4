"""Orders and calibrations: once per cause, signed, verified, with what they mean for the units."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.errors import NotPermitted
from core.events import publish
from ebr import gates
from ebr.entry import Entry
from ebr.errors import GateClosed
from hardware import equipment_commands
from hardware import queries as plant_queries
from hardware.events import CounterOverLimit
from hardware.words import Verdict
from maintenance import queries
from maintenance.commands.calibrating import Calibrate, calibrate, verify_calibration
from maintenance.commands.orders import (
    CompleteOrder,
    complete_order,
    report_fault,
    start_order,
    verify_order,
)
from maintenance.errors import CalibrationIncomplete, LimitMissing, UnitInUse, WorkNotInState
from personnel.errors import NotIndependent
from quality import queries as quality
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, SETUP, START, RecordPlant

NEEDS = (
    '<bw:recipe code="TST-1" title="Test" category="procedure">'
    '<bw:equipmentRequirement key="GRA" class="granulator" states="clean">'
    '<bw:label lang="en">Granulator</bw:label>'
    '<bw:capability name="working_volume" minimum="200" maximum="240" unit="L"/>'
    "</bw:equipmentRequirement>"
    '<bw:equipmentRequirement key="TS" class="tool_set" states="clean">'
    '<bw:label lang="en">Tools</bw:label></bw:equipmentRequirement></bw:recipe>'
)
BIND = '<bw:equipment requirement="GRA" states="clean"/><bw:equipment requirement="TS"/>'
DIRTY = '<bw:hold name="dirty" act="starts" limit="PT24H" requirement="GRA"/>'


def recipe() -> bytes:
    """Bind granulator and tools, discharge (dirty hold), press, end."""
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", BIND, kind="bind")),
            task("G", step("G", DIRTY)),
            task("C", step("C")),
            end(),
            flows="start > P > G > C > end",
            header=NEEDS,
        )
    )


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    """A batch that has bound its units."""
    plant.start(recipe())
    bind(plant)
    return plant


def bind(plant: RecordPlant) -> None:
    entry = Entry(units={"GRA": "GRA-01", "TS": "TS-12"})
    plant.person("P-101").perform(RECORD, plant.path("P"), entry)
    plant.work()


def do(plant: RecordPlant, key: str) -> None:
    plant.person("P-101").perform(RECORD, plant.path(key))
    plant.work()


def _pass_limit(session: Session, value: int, *, by: Actor, at: datetime) -> None:
    with trail.act(session, "equipment.counter_passed", stream=Stream("equipment", "TS-12"), by=by):
        publish(
            session,
            CounterOverLimit(
                equipment="TS-12",
                tag="TAB-01.KQ203",
                value=Decimal(value),
                limit=Decimal(5_000_000),
                at=at,
            ),
        )


def pass_limit(plant: RecordPlant, value: int = 5_000_036) -> None:
    plant.house.perform(_pass_limit, value, by=Actor.service("gateway", trigger="counter"))


def complete(plant: RecordPlant, limit: int | None = 10_000_000, badge: str = "P-103") -> None:
    command = CompleteOrder(
        number="WO-0001",
        work="punches inspected, two replaced",
        counter_limit=None if limit is None else Decimal(limit),
    )
    plant.person(badge, "ME").sign(
        complete_order, command, meaning="performed", record="order/WO-0001"
    )


def verify(plant: RecordPlant, badge: str) -> None:
    plant.person(badge).sign(verify_order, "WO-0001", meaning="verified", record="order/WO-0001")


@pytest.mark.urs("URS-EQP-050")
def test_a_counter_over_its_limit_makes_one_order_linked_to_batch_and_step(
    running: RecordPlant,
) -> None:
    running.person("P-101").start(RECORD, running.path("G"))
    for value in range(5_000_036, 5_000_046):
        pass_limit(running, value)
    (order,) = running.ask(queries.orders)
    assert (order.number, order.equipment, order.state) == ("WO-0001", "TS-12", "due")
    assert (order.batch, order.step) == ("B-2045", running.path("G"))
    assert order.facts["value"] == "5000036"


@pytest.mark.urs("URS-EQP-050", "URS-EQP-030")
def test_the_batch_goes_on_and_the_unit_leaves_service_after_it(running: RecordPlant) -> None:
    pass_limit(running)
    do(running, "G")
    assert running.ask(plant_queries.equipment, "TS-12").maintenance_order is None
    do(running, "C")
    tools = running.ask(plant_queries.equipment, "TS-12")
    assert (tools.allocated_to, tools.maintenance_order) == (None, "WO-0001")
    running.person("P-103", "ME").do(start_order, "WO-0001", record="order/WO-0001")
    complete(running)
    assert running.ask(plant_queries.equipment, "TS-12").maintenance_order == "WO-0001"
    verify(running, "P-107")
    tools = running.ask(plant_queries.equipment, "TS-12")
    assert tools.maintenance_order is None
    assert tools.counter_limit == Decimal(10_000_000)
    lines = [(line.kind, line.performed_by) for line in running.ask(plant_queries.logbook, "TS-12")]
    assert lines == [("use", "P-101"), ("maintenance", "P-103")]
    pass_limit(running, 10_000_036)
    assert [order.number for order in running.ask(queries.orders)] == ["WO-0001", "WO-0002"]


@pytest.mark.urs("URS-EQP-050")
def test_return_to_service_takes_the_signature_of_a_second_person(plant: RecordPlant) -> None:
    pass_limit(plant)
    plant.person("P-103", "ME").do(start_order, "WO-0001", record="order/WO-0001")
    with pytest.raises(WorkNotInState):
        verify(plant, "P-107")
    complete(plant)
    with pytest.raises(NotPermitted):
        verify(plant, "P-103")
    assert plant.ask(plant_queries.equipment, "TS-12").maintenance_order == "WO-0001"


@pytest.mark.urs("URS-EQP-050")
@pytest.mark.parametrize("limit", [None, 5_000_000, 5_000_036])
def test_after_an_inspection_the_counter_needs_a_limit_above_its_count(
    plant: RecordPlant, limit: int | None
) -> None:
    pass_limit(plant)
    plant.person("P-103", "ME").do(start_order, "WO-0001", record="order/WO-0001")
    with pytest.raises(LimitMissing):
        complete(plant, limit)
    assert plant.ask(queries.order, "WO-0001").state == "in_work"


@pytest.mark.urs("URS-EQP-050")
def test_work_does_not_begin_on_a_unit_in_use(running: RecordPlant) -> None:
    pass_limit(running)
    with pytest.raises(UnitInUse):
        running.person("P-103", "ME").do(start_order, "WO-0001", record="order/WO-0001")
    with pytest.raises(NotPermitted):
        running.person("P-101").do(start_order, "WO-0001", record="order/WO-0001")


@pytest.mark.urs("URS-EQP-050", "URS-EQP-010")
def test_a_unit_with_an_open_order_is_not_bound_to_the_next_batch(plant: RecordPlant) -> None:
    plant.person("P-101").do(
        report_fault, "GRA-01", "impeller seal leaks", record="equipment/GRA-01"
    )
    plant.start(recipe())
    with pytest.raises(GateClosed) as refused:
        bind(plant)
    assert "WO-0001 (impeller seal leaks)" in refused.value.fact
    assert plant.ask(plant_queries.equipment, "GRA-01").allocated_to is None


@pytest.mark.urs("URS-EXE-020", "URS-EQP-010")
def test_the_start_of_a_batch_names_what_keeps_each_unit(plant: RecordPlant) -> None:
    plant.start(recipe())
    found = plant.ask(gates.conditions, "batch.start", record=RECORD)
    assert [condition.met for condition in found] == [True, True]
    plant.house.perform(equipment_commands.allocate, "GRA-01", batch="B-2041", by=SETUP)
    found = plant.ask(gates.conditions, "batch.start", record=RECORD)
    assert [condition.met for condition in found] == [False, True]
    assert found[0].fact == "GRA: GRA-01 in use by B-2041"


@pytest.mark.urs("URS-EQP-020", "URS-EQP-030")
def test_units_are_soiled_logged_and_free_when_the_batch_ends(running: RecordPlant) -> None:
    do(running, "G")
    granulator = running.ask(plant_queries.equipment, "GRA-01")
    assert (granulator.cleaning, granulator.allocated_to) == ("to_be_cleaned", "B-2045")
    assert granulator.last_batch == "B-2045"
    dirty_since = granulator.dirty_since
    running.later(hours=1)
    do(running, "C")
    granulator = running.ask(plant_queries.equipment, "GRA-01")
    assert (granulator.cleaning, granulator.allocated_to) == ("to_be_cleaned", None)
    assert granulator.dirty_since == dirty_since
    assert running.ask(plant_queries.equipment, "TS-12").cleaning == "to_be_cleaned"
    for number in ("GRA-01", "BV-01", "TS-12"):
        (line,) = running.ask(plant_queries.logbook, number)
        assert (line.kind, line.batch, line.record) == ("use", "B-2045", RECORD)


def check_scale(plant: RecordPlant, as_found: Verdict, **more: object) -> None:
    given: dict[str, object] = {
        "performed_at": START,
        "due_at": START + timedelta(days=90),
        "certificate": "CAL-778",
        **more,
    }
    command = Calibrate(
        equipment="WGH-02",
        as_found=as_found,
        as_left=Verdict.PASS,
        **given,  # type: ignore[arg-type]  # test values of each field
    )
    plant.person("P-103", "ME").sign(
        calibrate, command, meaning="performed", record="calibration/CAL-0001"
    )


@pytest.mark.urs("URS-EQP-040", "URS-EQP-030")
def test_a_calibration_counts_when_signed_and_is_logged_when_verified(plant: RecordPlant) -> None:
    check_scale(plant, Verdict.PASS)
    scale = plant.ask(plant_queries.equipment, "WGH-02")
    assert scale.calibration_due == START + timedelta(days=90)
    assert plant.ask(plant_queries.logbook, "WGH-02") == []
    with pytest.raises(NotPermitted):
        plant.person("P-103", "ME").sign(
            verify_calibration, "CAL-0001", meaning="verified", record="calibration/CAL-0001"
        )
    plant.person("P-107").sign(
        verify_calibration, "CAL-0001", meaning="verified", record="calibration/CAL-0001"
    )
    (line,) = plant.ask(plant_queries.logbook, "WGH-02")
    assert (line.kind, line.performed_by, line.checked_by) == ("calibration", "P-103", "P-107")
    assert plant.ask(quality.deviations) == []


@pytest.mark.urs("URS-EQP-040")
def test_failed_as_found_opens_one_deviation_with_the_look_back(plant: RecordPlant) -> None:
    check_scale(plant, Verdict.FAIL)
    (deviation,) = plant.ask(quality.deviations)
    assert (deviation.number, deviation.equipment) == ("DEV-001", "WGH-02")
    assert "last good 2026-01-01" in deviation.title
    assert plant.ask(queries.calibration, "CAL-0001").affected == []


@pytest.mark.urs("URS-EQP-040")
@pytest.mark.parametrize(
    "wrong",
    [
        {"certificate": " "},
        {"due_at": START},
        {"performed_at": START + timedelta(minutes=1)},
    ],
)
def test_a_calibration_that_cannot_be_is_refused(
    plant: RecordPlant, wrong: dict[str, object]
) -> None:
    with pytest.raises(CalibrationIncomplete):
        check_scale(plant, Verdict.PASS, **wrong)
    assert plant.ask(queries.calibrations) == []


@pytest.mark.urs("URS-SIG-040")
def test_nobody_verifies_the_own_order(plant: RecordPlant) -> None:
    from personnel import commands

    first, second = plant.person("A-001").actor, plant.person("A-002").actor
    asked = plant.house.perform(
        commands.request_role, "P-103", "SU", reason="deputy of the week", by=first
    )
    plant.house.perform(commands.grant_role, asked, by=second)
    pass_limit(plant)
    plant.person("P-103", "ME").do(start_order, "WO-0001", record="order/WO-0001")
    complete(plant)
    with pytest.raises(NotIndependent):
        plant.person("P-103", "SU").sign(
            verify_order, "WO-0001", meaning="verified", record="order/WO-0001"
        )


SCALE = (
    '<bw:recipe code="TST-1" title="Test" category="procedure">'
    '<bw:equipmentRequirement key="WGH" class="scale" shared="true">'
    '<bw:label lang="en">Scale</bw:label></bw:equipmentRequirement></bw:recipe>'
)


@pytest.mark.urs("URS-EQP-040")
def test_the_look_back_names_every_record_since_the_last_good_calibration(
    plant: RecordPlant,
) -> None:
    for number in ("B-2044", "B-2045"):
        weighed = task("P", step("P", '<bw:equipment requirement="WGH"/>', kind="bind"))
        parts = (start(), weighed, end())
        data = bpmn(process("OP", *parts, flows="start > P > end", header=SCALE))
        plant.start(data.replace(b'title="Test"', f'title="{number}"'.encode()), number=number)
        path = plant.step("P", number=number).path
        plant.person("P-101").perform(f"batch/{number}", path, Entry(units={"WGH": "WGH-02"}))
        plant.later(minutes=5)
    check_scale(plant, Verdict.FAIL, performed_at=START + timedelta(minutes=4))
    assert plant.ask(queries.calibration, "CAL-0001").affected == ["batch/B-2044"]
    assert "used in B-2044" in plant.ask(quality.deviations)[0].title
