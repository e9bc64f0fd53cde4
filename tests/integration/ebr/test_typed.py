"""Values typed at a step: of devices that are not connected yet, and in place of connected ones."""

from __future__ import annotations

import pytest

from ebr import queries
from ebr.entry import Entry
from ebr.errors import ReasonNeeded
from ebr.models import Grade, ParameterValue
from tests.integration.ebr import test_waits as drying
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant
from tests.support.untouched import refused

VALUES = (
    '<bw:parameter code="hardness" dataType="decimal" unit="N" decimals="0" origin="device">'
    '<bw:limit tier="action" low="80" high="150"/></bw:parameter>'
)
READ = (
    '<bw:parameter code="inlet" dataType="decimal" unit="Cel" decimals="1" origin="device"'
    ' source="FBD.TI102"/>'
)


def reach_the_tester(plant: RecordPlant) -> None:
    """The batch waits at C, whose tester is not connected; R after it reads the dryer."""
    drying.equip(plant)
    two = "performed_verified"
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                task("P", step("P", drying.BIND, kind="bind")),
                task("C", step("C", VALUES, kind="entry", mode=two)),
                task("R", step("R", READ, kind="entry")),
                end(),
                flows="start > P > C > R > end",
                header=drying.HEADER,
            )
        )
    )
    drying.bind(plant)


def value(plant: RecordPlant, key: str, code: str) -> ParameterValue:
    """The one value in force."""
    with plant.house.reading() as session:
        run = queries.run_of(session, RECORD)
        found = queries.steps_of_key(session, run, key)[-1]
        (only,) = queries.current_values(session, found)[code]
        return only


@pytest.mark.urs("URS-PRO-080", "URS-REC-010")
def test_a_value_of_a_device_without_source_tag_is_typed_attributed_and_no_exception(
    plant: RecordPlant,
) -> None:
    reach_the_tester(plant)
    plant.person("P-101").perform(RECORD, plant.path("C"), Entry(values={"hardness": ("112",)}))
    plant.person("P-102").sign_part(RECORD, plant.path("C"), "verifier")
    typed = value(plant, "C", "hardness")
    assert (typed.text, typed.grade, typed.recorded_by) == ("112", Grade.MANUAL, "P-101")
    assert typed.source is None
    assert plant.exceptions() == []


@pytest.mark.urs("URS-PRO-080", "URS-AUD-010")
def test_typing_what_a_device_gives_needs_a_reason_and_is_an_exception(plant: RecordPlant) -> None:
    reach_the_tester(plant)
    plant.person("P-101").perform(RECORD, plant.path("C"), Entry(values={"hardness": ("112",)}))
    plant.person("P-102").sign_part(RECORD, plant.path("C"), "verifier")
    plant.work()
    given = {"inlet": ("58.2",)}
    with refused(plant.house, ReasonNeeded):
        plant.person("P-101").perform(RECORD, plant.path("R"), Entry(values=given))
    entry = Entry(values=given, reason="the line to the dryer is down")
    plant.person("P-101").perform(RECORD, plant.path("R"), entry)
    assert value(plant, "R", "inlet").grade == Grade.MANUAL_FOR_DEVICE
    assert plant.exceptions() == [("manual_value", "major")]
