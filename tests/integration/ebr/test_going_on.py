"""Every held batch has a way on, with people who can take it (URS-DEV-020, URS-EXE-080)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import NotPermitted
from ebr import goingon, queries, record
from ebr.commands.ending import Cause, Ending, EndRun, end_run
from ebr.commands.exceptions import ExceptionReference, propose_way, release_exception
from ebr.commands.runs import hold_run, restart_run
from ebr.entry import Entry
from ebr.errors import NothingToDecide, RunNotRunning, WayMissing
from ebr.goingon import Act
from ebr.models import RunState
from engine import detours
from engine.detours import Blockage
from engine.errors import NoSuchWay
from personnel import queries as people
from quality import queries as quality
from tests.support.bpmn import bpmn, end, error, exclusive, flow, process, start, step, task
from tests.support.records import RECORD, START, RecordPlant

MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="action" low="9.50" high="10.50" severity="{severity}"/></bw:parameter>'
)
MOISTURE = '<bw:parameter code="mean" dataType="decimal" unit="%" decimals="2" required="false"/>'


def recipe(severity: str = "minor") -> bytes:
    """A mass, a moisture; too wet ends in an error that nothing catches."""
    return bpmn(
        error("err", "too_wet"),
        process(
            "OP",
            start(),
            task("A", step("A", MASS.format(severity=severity), kind="entry"), name="Weigh"),
            task("M", step("M", MOISTURE, kind="entry"), name="Measure moisture"),
            exclusive("X", default="X_WET"),
            task("C", step("C"), name="Cool"),
            end(),
            end("WET", error="err"),
            flows=[
                "start > A > M > X",
                "C > end",
                flow("X", "C", "M.mean <= 2.5 %"),
                flow("X", "WET"),
            ],
        ),
    )


def weigh(plant: RecordPlant, mass: str = "10.00") -> None:
    plant.person("P-101").perform(RECORD, plant.path("A"), Entry(values={"mass": (mass,)}))


def measure(plant: RecordPlant, *mean: str) -> None:
    entry = Entry(values={"mean": mean}) if mean else Entry(not_applicable={"mean": "no device"})
    plant.person("P-101").perform(RECORD, plant.path("M"), entry)


@pytest.fixture
def wet(plant: RecordPlant) -> RecordPlant:
    """The batch is HELD at the end of the drawing that nothing catches."""
    plant.start(recipe())
    weigh(plant)
    measure(plant, "2.90")
    assert plant.run().state == RunState.HELD
    return plant


def acts(plant: RecordPlant) -> list[tuple[str, str]]:
    """What must be done next, with the first person who can."""
    with plant.house.reading() as session:
        run = queries.run_of(session, RECORD)
        found = goingon.next_acts(session, run, at=START)
        return [(a.act.value, people.people_who_can(session, a.permission)[0]) for a in found]


def propose(plant: RecordPlant, way: str = "to:C", badge: str = "P-105", number: int = 1) -> None:
    plant.person(badge).sign(
        propose_way,
        ExceptionReference(record=RECORD, number=number),
        way,
        "dried longer under supervision",
        meaning="approved",
        record=RECORD,
    )


def release(plant: RecordPlant, number: int = 1, badge: str = "P-107") -> None:
    plant.person(badge).sign(
        release_exception,
        ExceptionReference(record=RECORD, number=number),
        "moisture is reduced by the next step",
        meaning="approved",
        record=RECORD,
    )
    plant.work()


@pytest.mark.urs("URS-DEV-020")
def test_after_an_error_end_supervisor_and_quality_unit_lead_on(wet: RecordPlant) -> None:
    assert acts(wet) == [
        ("propose", "Miriam Vogel (P-105)"),
        ("release", "Samuel Okafor (P-107)"),
    ]
    propose(wet)
    assert wet.run().state == RunState.HELD
    assert acts(wet) == [("release", "Samuel Okafor (P-107)")]
    release(wet)
    assert wet.run().state == RunState.RUNNING
    assert acts(wet) == []
    wet.person("P-101").perform(RECORD, wet.path("C"))
    assert wet.run().state == RunState.COMPLETE
    (deviation,) = wet.ask(quality.deviations, record=RECORD)
    assert deviation.exception == 1


@pytest.mark.urs("URS-DEV-020")
def test_the_quality_unit_signs_the_way_that_is_carried_out(wet: RecordPlant) -> None:
    propose(wet)
    release(wet)
    actions = wet.actions()
    assert actions.index("exception.way_proposed") < actions.index("exception.released")
    entry = next(e for e in wet.entries() if e["action"] == "exception.released")
    assert {"fact": "way.taken", "path": "OP/WET#1", "way": "to:C"} in entry["journal"]


def test_the_record_tells_the_proposed_way_in_words(wet: RecordPlant) -> None:
    propose(wet)
    (case,) = wet.ask(record.view, RECORD).exceptions
    told = {fact.name: fact.text for fact in case.facts}
    assert told["proposed way"].endswith(
        ", by Miriam Vogel (P-105): dried longer under supervision"
    )
    assert "proposal" not in told


@pytest.mark.urs("URS-DEV-020")
def test_without_a_proposal_nothing_goes_on(wet: RecordPlant) -> None:
    with pytest.raises(WayMissing) as refused:
        release(wet)
    assert "Miriam Vogel" in refused.value.resolver
    assert wet.run().state == RunState.HELD
    with pytest.raises(RunNotRunning):
        wet.person("P-105").do(restart_run, RECORD, "go on without", record=RECORD)


@pytest.mark.urs("URS-DEV-020", "URS-IAM-020")
@pytest.mark.parametrize("badge", ["P-101", "P-106", "P-107"])
def test_only_the_supervisor_proposes_and_only_the_quality_unit_decides(
    wet: RecordPlant, badge: str
) -> None:
    with pytest.raises(NotPermitted):
        propose(wet, badge=badge)
    propose(wet)
    with pytest.raises(NotPermitted):
        release(wet, badge="P-105")
    assert wet.run().state == RunState.HELD


@pytest.mark.urs("URS-DEV-020")
def test_a_way_that_is_not_offered_or_no_longer_asked_for_is_refused(wet: RecordPlant) -> None:
    with pytest.raises(NoSuchWay):
        propose(wet, "to:nowhere")
    propose(wet, "to:M")
    propose(wet, "to:C")
    release(wet)
    assert wet.step("C").state == "ready"
    with pytest.raises(NothingToDecide):
        propose(wet)


@pytest.mark.urs("URS-DEV-020")
def test_a_step_can_be_repeated_by_decision_and_ends_as_drawn(wet: RecordPlant) -> None:
    propose(wet, "to:M")
    release(wet)
    assert wet.step("M").occurrence == 2
    measure(wet, "2.10")
    assert wet.step("C").state == "ready"


def test_a_missing_value_can_be_recorded_or_led_around(plant: RecordPlant) -> None:
    plant.start(recipe())
    weigh(plant)
    measure(plant)
    assert plant.run().state == RunState.HELD
    assert [act for act, _who in acts(plant)] == ["propose", "release"]
    propose(plant, "X_C", number=2)
    release(plant, 2)
    assert plant.step("C").state == "ready"


def test_a_major_exception_is_the_supervisor_s(plant: RecordPlant) -> None:
    plant.start(recipe("major"))
    weigh(plant, "11.00")
    assert acts(plant) == [("release", "Miriam Vogel (P-105)")]
    release(plant, badge="P-105")
    assert (acts(plant), plant.step("A").state) == ([], "complete")


def test_a_critical_exception_is_the_quality_unit_s(plant: RecordPlant) -> None:
    plant.start(recipe("critical"))
    weigh(plant, "11.00")
    assert acts(plant) == [("release", "Samuel Okafor (P-107)")]
    release(plant)
    assert (acts(plant), plant.run().state) == ([], RunState.RUNNING)


def test_what_a_person_held_a_person_restarts(plant: RecordPlant) -> None:
    plant.start(recipe())
    supervisor = plant.person("P-105")
    supervisor.do(hold_run, RECORD, "shift change, room closed", record=RECORD)
    assert acts(plant) == [("restart", "Miriam Vogel (P-105)")]
    supervisor.do(restart_run, RECORD, "next shift is here", record=RECORD)
    assert acts(plant) == []


def test_a_hold_by_a_person_on_top_outlasts_the_decision(wet: RecordPlant) -> None:
    supervisor = wet.person("P-105")
    supervisor.do(hold_run, RECORD, "room must be cleaned first", record=RECORD)
    propose(wet)
    release(wet)
    assert acts(wet) == [("restart", "Miriam Vogel (P-105)")]
    supervisor.do(restart_run, RECORD, "room is clean", record=RECORD)
    assert wet.step("C").state == "ready"
    assert Act.RESTART.value not in [act for act, _who in acts(wet)]


@pytest.fixture
def dead_end(wet: RecordPlant, monkeypatch: pytest.MonkeyPatch) -> RecordPlant:
    """As in a recipe that leads nowhere from there. The profile lets no such recipe in today."""
    look = detours.blockages

    def without_ways(*given: Any, **more: Any) -> list[Blockage]:
        return [replace(found, ways=()) for found in look(*given, **more)]

    monkeypatch.setattr(detours, "blockages", without_ways)
    return wet


@pytest.mark.urs("URS-DEV-020", "URS-EXE-080")
def test_where_the_recipe_leads_nowhere_the_batch_is_ended_and_nothing_else_is_offered(
    dead_end: RecordPlant,
) -> None:
    assert acts(dead_end) == [("end", "Miriam Vogel (P-105)")]
    with pytest.raises(WayMissing, match="can only be stopped or aborted") as refused:
        release(dead_end)
    assert "Miriam Vogel" in refused.value.resolver
    dead_end.person("P-105").sign(
        end_run,
        EndRun(record=RECORD, how=Ending.STOP, cause=Cause.OTHER, text="the recipe ends here"),
        meaning="approved",
        record=RECORD,
    )
    assert (acts(dead_end), dead_end.run().state) == ([], RunState.STOPPED)
