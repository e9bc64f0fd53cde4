"""Conditions of the recipe that the system watches: at steps, in the flow, at levels, by values and
by live tags, once or each time they become true."""

from __future__ import annotations

import pytest

from ebr import automatic, record
from ebr.commands import runs
from ebr.entry import Entry
from ebr.models import RunState, StepState
from tests.integration.ebr.test_waits import BIND, HEADER, bind, equip, feed
from tests.support.bpmn import (
    boundary,
    bpmn,
    conditional,
    end,
    parallel,
    process,
    start,
    step,
    subprocess,
    task,
    wait,
)
from tests.support.records import RECORD, RecordPlant

MOISTURE = '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2"/>'
DRY_ENOUGH = conditional("D.lod < 2 %")


def perform(plant: RecordPlant, key: str, **values: str) -> None:
    entered = Entry(values={code: (text,) for code, text in values.items()})
    plant.person("P-101").perform(RECORD, plant.path(key), entered)
    plant.work()


@pytest.mark.urs("URS-EXE-010", "URS-EXE-050")
@pytest.mark.parametrize(("lod", "goes_on"), [("1.99", 1), ("2.00", 0)])
def test_the_flow_goes_on_when_a_recorded_value_meets_its_condition(
    plant: RecordPlant, lod: str, goes_on: int
) -> None:
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                parallel("S"),
                task("D", step("D", MOISTURE, kind="entry")),
                wait("C", DRY_ENOUGH),
                task("LAST"),
                parallel("J"),
                end(),
                flows=["start > S > D > J > end", "S > C > LAST > J"],
            )
        )
    )
    assert automatic.watch(plant.house) == 0, "a value that is not known meets no condition"
    perform(plant, "D", lod=lod)
    assert automatic.watch(plant.house) == goes_on
    assert automatic.watch(plant.house) == 0
    shown = plant.ask(record.view, "B-2045")
    assert [each.key for each in shown.steps()] == ["D", "LAST"][: 1 + goes_on]


def heating(begins: str) -> bytes:
    """Bind the dryer and dry; an event subprocess beside or instead of it."""
    return bpmn(
        process(
            "OP",
            start(),
            task("P", step("P", BIND, kind="bind")),
            task("A"),
            end(),
            subprocess("ESP", "ES > HOT > EE", task("HOT"), end("EE"), begins=begins),
            flows="start > P > A > end",
            header=HEADER,
        ),
    )


def minute(plant: RecordPlant, value: str) -> int:
    """A minute of values of the dryer; answers what went on by itself."""
    went_on = 0
    for _ in range(6):
        plant.later(seconds=10)
        feed(plant, value)
        went_on += automatic.watch(plant.house)
    return went_on


@pytest.fixture
def dryer(plant: RecordPlant) -> RecordPlant:
    """A plant with a dryer."""
    equip(plant)
    return plant


def bound(plant: RecordPlant, begins: str) -> None:
    plant.start(heating(begins))
    bind(plant)
    plant.work()


TOO_HOT = conditional("FBD.TI102 > 48.0 Cel")


@pytest.mark.urs("URS-EXE-050", "URS-PRO-010", "URS-DEV-010")
def test_an_event_subprocess_takes_over_when_a_tag_is_too_high_for_long_enough(
    dryer: RecordPlant,
) -> None:
    bound(dryer, start("ES", TOO_HOT, sustained="PT30S", severity="minor"))
    assert minute(dryer, "48.0") == 0
    assert minute(dryer, "48.1") == 1
    assert dryer.step("A").state == StepState.CANCELLED
    assert dryer.exceptions() == [("event", "minor")]
    perform(dryer, "HOT")
    assert dryer.run().state == RunState.COMPLETE


@pytest.mark.urs("URS-EXE-050", "URS-PRO-010", "URS-DEV-010")
def test_a_condition_that_goes_on_holding_happens_once_and_again_after_it_was_over(
    dryer: RecordPlant,
) -> None:
    bound(dryer, start("ES", TOO_HOT, interrupting=False, severity="minor"))
    assert minute(dryer, "49.0") == 1
    assert minute(dryer, "49.0") == 0
    assert minute(dryer, "40.0") == 1, "it is seen to be over, once"
    assert len(dryer.exceptions()) == 1
    assert minute(dryer, "49.0") == 1
    assert dryer.exceptions() == [("event", "minor"), ("event", "minor")]
    assert dryer.step("A").state == StepState.READY


@pytest.mark.urs("URS-EXE-050")
def test_a_condition_beside_a_step_happens_once_while_it_holds(plant: RecordPlant) -> None:
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                task("D", step("D", MOISTURE, kind="entry")),
                task("A"),
                boundary("E", "A", DRY_ENOUGH, interrupting=False, severity="minor"),
                task("H"),
                end(),
                end("e2"),
                flows=["start > D > A > end", "E > H > e2"],
            )
        )
    )
    perform(plant, "D", lod="1.50")
    assert automatic.watch(plant.house) == 0, "the step is not started"
    plant.person("P-101").start(RECORD, plant.path("A"))
    assert [automatic.watch(plant.house) for _ in range(3)] == [1, 0, 0]
    assert len(plant.exceptions()) == 1


@pytest.mark.urs("URS-EXE-010", "URS-EXE-080")
def test_a_held_batch_takes_note_of_a_condition_when_it_goes_on(plant: RecordPlant) -> None:
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                task("D", step("D", MOISTURE, kind="entry")),
                wait("C", DRY_ENOUGH),
                task("LAST"),
                end(),
                flows="start > D > C > LAST > end",
            )
        )
    )
    perform(plant, "D", lod="1.50")
    supervisor = plant.person("P-105").actor
    plant.house.perform(runs.hold_run, "B-2045", reason="look at the filter", by=supervisor)
    assert automatic.watch(plant.house) == 0
    plant.house.perform(runs.restart_run, "B-2045", reason="filter is sound", by=supervisor)
    assert automatic.watch(plant.house) == 1
    assert plant.step("LAST").state == StepState.READY
