"""A cleaning worked step by step: from the start of its run to a unit that is clean, or is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.seed import definitions
from ebr.commands.ending import Cause, Ending, EndRun, end_run
from ebr.entry import Entry
from ebr.errors import GateClosed
from ebr.models import RunState
from hardware import equipment_commands, queries, setup_commands
from hardware.models import Equipment
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning
from maintenance import queries as work
from maintenance.commands import cleaning
from maintenance.commands.cleaning import PerformCleaning, StartCleaning
from maintenance.errors import NoCleaningProcedure, WorkNotInState
from personnel import commands
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import SETUP, START, RecordPlant, qualify

CODE, UNIT, RECORD = "CLN-009", "FBD-07", "procedure/CL-0001"
HEADER = (
    f'<bw:recipe code="{CODE}" title="Cleaning of the dryer" category="procedure">'
    '<bw:equipmentRequirement key="FBD" class="fluid_bed_dryer">'
    '<bw:label lang="en">Dryer</bw:label></bw:equipmentRequirement></bw:recipe>'
)
BIND = '<bw:equipment requirement="FBD"/>'
DRIED = '<bw:hold name="clean" act="starts" limit="P7D" severity="minor" requirement="FBD"/>'
LOOK = '<bw:check code="c1"><bw:label lang="en">No residue seen</bw:label></bw:check>'


def procedure() -> bytes:
    """Take over, dry, inspect by two people."""
    return bpmn(
        process(
            "OP",
            start(),
            task("K1", step("K1", BIND, kind="bind")),
            task("K2", step("K2", DRIED)),
            task("K3", step("K3", LOOK, kind="checklist", mode="performed_verified")),
            end(),
            flows="start > K1 > K2 > K3 > end",
            header=HEADER,
        )
    )


def two_dryers(plant: RecordPlant) -> None:
    """Two dryers that were used, cleaned by a procedure that is not approved yet."""
    for number in (UNIT, "FBD-08"):
        new = NewEquipment(
            number=number,
            name="Dryer",
            equipment_class="fluid_bed_dryer",
            room="1.12",
            cleaning=Cleaning.CLEAN,
            clean_until=START + timedelta(days=1),
            properties={"cleaning_procedure": CODE, "clean_hold": "P3D"},
        )
        plant.house.perform(setup_commands.register_equipment, new, by=SETUP)
        plant.house.perform(
            equipment_commands.soil, number, batch="B-2041", product="500010", by=SETUP
        )


@pytest.fixture
def soiled(plant: RecordPlant) -> RecordPlant:
    """Two dryers that are to be cleaned."""
    two_dryers(plant)
    return plant


def approve(plant: RecordPlant) -> None:
    """The procedure is effective, and two people are qualified for it."""
    qualify(plant, {"P-101": f"{CODE} v4", "P-102": f"{CODE} v4"})
    first, second = (plant.person(badge).actor for badge in ("A-001", "A-002"))
    asked = plant.house.perform(
        commands.request_role, "P-104", "AUTHOR", reason="draws procedures", by=first
    )
    plant.house.perform(commands.grant_role, asked, by=second)
    people = {
        "P-109": plant.person("P-104", "AUTHOR"),
        "P-105": plant.person("P-105"),
        "P-107": plant.person("P-107"),
    }
    definitions.release(people, procedure(), CODE, 4, change="CC-1", at=START)


@pytest.fixture
def ready(soiled: RecordPlant) -> RecordPlant:
    """The procedure is effective."""
    approve(soiled)
    return soiled


def unit(plant: RecordPlant) -> Equipment:
    found: Equipment = plant.ask(queries.equipment, UNIT)
    return found


def begin(plant: RecordPlant) -> str:
    number: str = plant.person("P-101").do(
        cleaning.start_cleaning, StartCleaning(equipment=UNIT), record=f"equipment/{UNIT}"
    )
    plant.work()
    return number


def do(plant: RecordPlant, key: str, entry: Entry) -> None:
    path = plant.step(key, number="CL-0001").path
    plant.person("P-101").perform(RECORD, path, entry)
    plant.work()


def clean(plant: RecordPlant) -> None:
    """Taken over, dried at 20 minutes, inspected at 30, verified at 40."""
    begin(plant)
    do(plant, "K1", Entry(units={"FBD": UNIT}))
    plant.later(minutes=20)
    do(plant, "K2", Entry())
    plant.later(minutes=10)
    do(plant, "K3", Entry(checks=("c1",)))
    plant.later(minutes=10)
    path = plant.step("K3", number="CL-0001").path
    plant.person("P-102").sign_part(RECORD, path, "verifier")
    plant.work()


@pytest.mark.urs("URS-EQP-020", "URS-EQP-030")
def test_worked_to_its_end_the_unit_is_clean_from_when_it_was_dried(ready: RecordPlant) -> None:
    clean(ready)
    assert ready.run("CL-0001").state == RunState.COMPLETE
    after = unit(ready)
    assert (after.cleaning, after.allocated_to) == ("clean", None)
    assert after.clean_until == START + timedelta(minutes=20, days=3)
    (line,) = ready.ask(queries.logbook, UNIT)
    assert (line.kind, line.performed_by, line.checked_by) == ("cleaning", "P-101", "P-102")
    assert (line.batch, line.record) == ("B-2041", RECORD)
    kept = ready.ask(work.cleaning, "CL-0001")
    assert (kept.state, kept.procedure) == ("verified", "CLN-009 v4")
    assert kept.signature_id is not None
    assert kept.verification_id is not None


@pytest.mark.urs("URS-EQP-030")
def test_before_the_second_person_has_verified_it_is_not_clean(ready: RecordPlant) -> None:
    begin(ready)
    do(ready, "K1", Entry(units={"FBD": UNIT}))
    do(ready, "K2", Entry())
    assert unit(ready).cleaning == "in_cleaning"
    do(ready, "K3", Entry(checks=("c1",)))
    assert unit(ready).cleaning == "in_cleaning"
    assert ready.ask(queries.logbook, UNIT) == []


@pytest.mark.urs("URS-EQP-020")
def test_an_aborted_cleaning_leaves_the_unit_dirty_since_it_was_soiled(ready: RecordPlant) -> None:
    begin(ready)
    do(ready, "K1", Entry(units={"FBD": UNIT}))
    ready.later(hours=2)
    given = EndRun(
        record=RECORD,
        how=Ending.ABORT,
        cause=Cause.EQUIPMENT_FAILURE,
        text="pump broke",
        typed="CL-0001",
    )
    ready.person("P-105").sign(end_run, given, meaning="approved", record=RECORD)
    after = unit(ready)
    assert (after.cleaning, after.allocated_to) == ("to_be_cleaned", None)
    assert after.dirty_since == START
    assert ready.ask(work.cleaning, "CL-0001").state == "given_up"
    assert ready.ask(queries.logbook, UNIT) == []


@pytest.mark.urs("URS-EQP-010")
def test_a_cleaning_takes_no_other_unit_than_it_was_begun_for(ready: RecordPlant) -> None:
    begin(ready)
    with pytest.raises(GateClosed) as refused:
        do(ready, "K1", Entry(units={"FBD": "FBD-08"}))
    assert "CL-0001 was begun for FBD-07" in refused.value.fact


@pytest.mark.urs("URS-EXE-010")
def test_a_cleaning_by_steps_is_not_signed_as_a_whole(ready: RecordPlant) -> None:
    number = begin(ready)
    command = PerformCleaning(number=number, result="all washed")
    with pytest.raises(WorkNotInState) as refused:
        ready.person("P-101").sign(
            cleaning.perform_cleaning, command, meaning="performed", record=RECORD
        )
    assert "step by step" in refused.value.fact


@pytest.mark.urs("URS-MRC-070")
def test_without_an_effective_procedure_the_cleaning_does_not_begin(soiled: RecordPlant) -> None:
    with pytest.raises(NoCleaningProcedure):
        begin(soiled)
    assert unit(soiled).cleaning == "to_be_cleaned"
