"""A cleaning worked step by step: from the start of its run to a unit that is clean, or is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.seed import definitions
from ebr.commands.ending import Cause, Ending, EndRun, end_run
from ebr.commands.exceptions import ExceptionReference, decide_exception, release_exception
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
    '<bw:label lang="en">Dryer</bw:label></bw:equipmentRequirement>'
    '<bw:equipmentRequirement key="WIP" class="wash_skid">'
    '<bw:label lang="en">Wash skid</bw:label></bw:equipmentRequirement></bw:recipe>'
)
BIND = '<bw:equipment requirement="FBD"/><bw:equipment requirement="WIP"/>'
BOUND = Entry(units={"FBD": "FBD-07", "WIP": "WIP-01"})
CLEAN = Entry(values={"result": ("clean",)}, checks=("c1",))
RESIDUE_SEEN = Entry(values={"result": ("fail",)}, checks=("c1",))
DRIED = '<bw:hold name="clean" act="starts" limit="P7D" severity="minor" requirement="FBD"/>'
RINSED = '<bw:hold name="rinse" act="starts" limit="P7D" severity="minor" requirement="WIP"/>'
RESIDUE = (
    '<bw:parameter code="result" dataType="choice"><bw:choice value="clean"/>'
    '<bw:choice value="fail" accepted="false"/></bw:parameter>'
)
LOOK = f'{RESIDUE}{RINSED}<bw:check code="c1"><bw:label lang="en">Looked at</bw:label></bw:check>'


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
    """Two dryers that were used, cleaned by a procedure that is not approved yet; a wash skid."""
    skid = NewEquipment(number="WIP-01", name="Wash skid", equipment_class="wash_skid", room="1.12")
    plant.house.perform(setup_commands.register_equipment, skid, by=SETUP)
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
    qualify(plant, dict.fromkeys(("P-101", "P-102", "P-105"), f"{CODE} v4"))
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


def clean(
    plant: RecordPlant, seen: Entry = CLEAN, verifier: str = "P-102", decided: str = ""
) -> None:
    """Taken over, dried at 20 minutes, inspected at 30, verified at 40; the run ends at 45."""
    begin(plant)
    do(plant, "K1", BOUND)
    plant.later(minutes=20)
    do(plant, "K2", Entry())
    plant.later(minutes=10)
    do(plant, "K3", seen)
    if decided:
        decide(plant, decided)
    plant.later(minutes=10)
    path = plant.step("K3", number="CL-0001").path
    plant.person(verifier).sign_part(RECORD, path, "verifier")
    if seen is RESIDUE_SEEN:
        let_go_on(plant)
    plant.later(minutes=5)
    plant.work()


def let_go_on(plant: RecordPlant) -> None:
    """The supervisor lets the flow go on after the only exception, which is major."""
    plant.person("P-105").sign(
        release_exception,
        ExceptionReference(record=RECORD, number=1),
        "it is washed again tomorrow",
        meaning="approved",
        record=RECORD,
    )


def decide(plant: RecordPlant, decision: str) -> None:
    """The quality unit decides on the only exception."""
    plant.person("P-107").sign(
        decide_exception,
        ExceptionReference(record=RECORD, number=1),
        decision,
        "the spot is a scratch of the steel, see deviation 7",
        meaning="reviewed",
        record=RECORD,
    )


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


@pytest.mark.urs("URS-EQP-030", "URS-SIG-010")
def test_the_log_says_in_which_role_and_when_the_second_person_verified(ready: RecordPlant) -> None:
    clean(ready, verifier="P-105")
    (line,) = ready.ask(queries.logbook, UNIT)
    assert (line.performed_by, line.checked_by) == ("P-101", "P-105")
    assert line.checked_at == START + timedelta(minutes=40)
    kept = ready.ask(work.cleaning, "CL-0001")
    assert (kept.performed_at, kept.verified_at) == (
        START + timedelta(minutes=30), START + timedelta(minutes=40)
    )  # fmt: skip


@pytest.mark.urs("URS-EQP-020", "URS-EQP-030")
def test_residue_that_nobody_decided_on_leaves_the_unit_to_be_cleaned(ready: RecordPlant) -> None:
    clean(ready, RESIDUE_SEEN)
    assert ready.run("CL-0001").state == RunState.COMPLETE
    after = unit(ready)
    assert (after.cleaning, after.dirty_since, after.allocated_to) == ("to_be_cleaned", START, None)
    assert ready.ask(work.cleaning, "CL-0001").state == "given_up"
    assert ready.ask(queries.logbook, UNIT) == []
    (told,) = [e for e in ready.entries(RECORD) if e["action"] == "cleaning.given_up"]
    assert told["facts"]["exceptions"] == [1]


@pytest.mark.urs("URS-EQP-020", "URS-DEV-010")
@pytest.mark.parametrize(
    ("decision", "cleaning"),
    [("accepted_after_review", "clean"), ("not_accepted", "to_be_cleaned")],
)
def test_a_finding_counts_as_the_quality_unit_decided(
    ready: RecordPlant, decision: str, cleaning: str
) -> None:
    clean(ready, RESIDUE_SEEN, decided=decision)
    assert unit(ready).cleaning == cleaning


@pytest.mark.urs("URS-EQP-030")
def test_before_the_second_person_has_verified_it_is_not_clean(ready: RecordPlant) -> None:
    begin(ready)
    do(ready, "K1", BOUND)
    do(ready, "K2", Entry())
    assert unit(ready).cleaning == "in_cleaning"
    do(ready, "K3", CLEAN)
    assert unit(ready).cleaning == "in_cleaning"
    assert ready.ask(queries.logbook, UNIT) == []


@pytest.mark.urs("URS-EQP-020")
def test_an_aborted_cleaning_leaves_the_unit_dirty_since_it_was_soiled(ready: RecordPlant) -> None:
    begin(ready)
    do(ready, "K1", BOUND)
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
        do(ready, "K1", Entry(units={"FBD": "FBD-08", "WIP": "WIP-01"}))
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
