"""The plan is left by one way only: proposal, exception, deviation, decision (URS-DEV-020)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.errors import NotPermitted, Refusal
from ebr import record
from ebr.commands.exceptions import ExceptionReference, release_exception
from ebr.commands.runs import hold_run, restart_run
from ebr.commands.unplanned import LeavePlan, propose_unplanned, refuse_proposal
from ebr.errors import (
    NothingToDecide,
    ReasonNeeded,
    RunNotRunning,
    SignatureNeeded,
    StepOutOfOrder,
)
from ebr.models import RunState, StepState
from engine.errors import NoSuchWay
from engine.models import Run
from quality import queries as quality
from tests.support.bpmn import bpmn, end, process, start, task
from tests.support.records import RECORD, RecordPlant

WHY = "the mill is down, sieved by hand instead"
CASE = ExceptionReference(record=RECORD, number=1)


def recipe() -> bytes:
    """Three steps one after the other."""
    steps = [task("A", name="Mill"), task("B", name="Sieve"), task("C", name="Blend")]
    return bpmn(process("OP", start(), *steps, end(), flows="start > A > B > C > end"))


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    """A is complete, B is ready."""
    plant.start(recipe())
    plant.person("P-101").perform(RECORD, plant.path("A"))
    return plant


def propose(plant: RecordPlant, way: str, key: str = "B", badge: str = "P-105") -> None:
    plan = LeavePlan(record=RECORD, path=plant.path(key), way=way, reason=WHY)
    plant.person(badge).sign(propose_unplanned, plan, meaning="approved", record=RECORD)


def decide(plant: RecordPlant, command: Any = release_exception, badge: str = "P-107") -> None:
    reason = "no influence on the product, assessed"
    plant.person(badge).sign(command, CASE, reason, meaning="approved", record=RECORD)
    plant.work()


def states(plant: RecordPlant) -> list[tuple[str, int, str]]:
    shown = plant.ask(record.view, "B-2045").steps()
    return [(step.key, step.occurrence, step.state) for step in shown]


@pytest.mark.urs("URS-DEV-020")
@pytest.mark.parametrize(
    ("way", "after"),
    [
        ("done", [("A", 1, "complete"), ("B", 1, "cancelled"), ("C", 1, "ready")]),
        ("to:C", [("A", 1, "complete"), ("B", 1, "cancelled"), ("C", 1, "ready")]),
        ("to:A", [("A", 1, "complete"), ("A", 2, "ready"), ("B", 1, "cancelled")]),
        ("to:B", [("A", 1, "complete"), ("B", 1, "cancelled"), ("B", 2, "ready")]),
    ],
)
def test_a_step_is_left_out_repeated_or_jumped_to_once_the_quality_unit_has_decided(
    running: RecordPlant, way: str, after: list[tuple[str, int, str]]
) -> None:
    before = states(running)
    propose(running, way)
    assert running.run().state == RunState.HELD
    assert states(running) == before, "nothing has moved yet"
    (deviation,) = running.ask(quality.deviations, record=RECORD)
    assert deviation.exception == 1
    decide(running)
    assert running.run().state == RunState.RUNNING
    assert sorted(states(running)) == after
    assert running.step("B", 0).ended_by == "left as decided in exception 1"


@pytest.mark.urs("URS-DEV-020", "URS-REP-010")
def test_proposal_and_decision_are_signed_and_stand_in_the_record(running: RecordPlant) -> None:
    propose(running, "done")
    decide(running)
    actions = running.actions()
    assert actions.index("unplanned.proposed") < actions.index("exception.released")
    entry = next(e for e in running.entries() if e["action"] == "exception.released")
    assert entry["journal"][0]["fact"] == "step.left"
    shown = running.ask(record.view, "B-2045")
    (case,) = shown.exceptions
    assert (case.type, case.severity, case.step) == ("unplanned", "critical", "B")
    assert case.text == "Not as the recipe says: leave out Sieve"
    assert [(s.badge, s.meaning) for s in case.signatures] == [
        ("P-105", "approved"),
        ("P-107", "approved"),
    ]
    facts = {pair.name: pair.text for pair in case.facts}
    assert facts["proposed way"] == f"leave out Sieve, by Miriam Vogel (P-105): {WHY}"


@pytest.mark.urs("URS-DEV-020")
def test_the_quality_unit_refuses_and_the_batch_goes_on_as_the_recipe_says(
    running: RecordPlant,
) -> None:
    propose(running, "done")
    decide(running, refuse_proposal)
    assert running.run().state == RunState.RUNNING
    assert running.step("B").state == StepState.READY
    running.person("P-101").perform(RECORD, running.path("B"))
    running.person("P-101").perform(RECORD, running.path("C"))
    assert running.run().state == RunState.COMPLETE
    (case,) = running.ask(record.view, "B-2045").exceptions
    facts = {pair.name: pair.text for pair in case.facts}
    assert facts["proposal refused"].startswith("by Samuel Okafor (P-107): no influence")
    with pytest.raises(NothingToDecide):
        decide(running, refuse_proposal)


@pytest.mark.urs("URS-DEV-020", "URS-IAM-020")
@pytest.mark.parametrize("badge", ["P-101", "P-106", "P-107", "A-001"])
def test_nobody_but_the_supervisor_proposes(running: RecordPlant, badge: str) -> None:
    with pytest.raises(NotPermitted):
        propose(running, "done", badge=badge)
    assert running.exceptions() == []


@pytest.mark.urs("URS-DEV-020")
@pytest.mark.parametrize("badge", ["P-101", "P-105", "A-001"])
@pytest.mark.parametrize("command", [release_exception, refuse_proposal])
def test_nobody_but_the_quality_unit_decides(
    running: RecordPlant, badge: str, command: Any
) -> None:
    propose(running, "done")
    with pytest.raises(NotPermitted):
        decide(running, command, badge)
    assert running.run().state == RunState.HELD


@pytest.mark.urs("URS-DEV-020")
def test_without_decision_a_held_batch_neither_restarts_nor_performs(
    running: RecordPlant,
) -> None:
    propose(running, "done")
    with pytest.raises(RunNotRunning):
        running.person("P-105").do(restart_run, RECORD, "go on now", record=RECORD)
    with pytest.raises(RunNotRunning):
        running.person("P-101").perform(RECORD, running.path("B"))
    with pytest.raises(RunNotRunning):
        propose(running, "to:C")


@pytest.mark.urs("URS-DEV-020")
def test_a_hold_of_a_person_stands_and_the_plan_is_left_at_the_restart(
    running: RecordPlant,
) -> None:
    propose(running, "done")
    running.person("P-105").do(hold_run, RECORD, "wait for the mill", record=RECORD)
    decide(running)
    assert running.run().state == RunState.HELD
    assert running.step("B").state == StepState.READY
    running.person("P-105").do(restart_run, RECORD, "mill works again", record=RECORD)
    assert running.step("B").state == StepState.CANCELLED
    assert running.step("C").state == StepState.READY


@pytest.mark.urs("URS-DEV-020")
@pytest.mark.parametrize(
    ("key", "way", "reason", "refusal"),
    [
        ("A", "done", WHY, StepOutOfOrder),
        ("B", "to:X", WHY, NoSuchWay),
        ("B", "done", "x", ReasonNeeded),
    ],
)
def test_what_is_no_way_out_is_refused(
    running: RecordPlant, key: str, way: str, reason: str, refusal: type[Refusal]
) -> None:
    plan = LeavePlan(record=RECORD, path=running.path(key), way=way, reason=reason)
    with pytest.raises(refusal):
        running.person("P-105").sign(propose_unplanned, plan, meaning="approved", record=RECORD)
    assert running.exceptions() == []


@pytest.mark.urs("URS-DEV-020", "URS-SIG-020")
def test_without_signature_nothing_is_proposed(running: RecordPlant) -> None:
    plan = LeavePlan(record=RECORD, path=running.path("B"), way="done", reason=WHY)
    with pytest.raises(SignatureNeeded):
        running.person("P-105").do(propose_unplanned, plan, record=RECORD)
    assert running.exceptions() == []
    with running.house.reading() as session:
        assert session.scalars(select(Run.state)).one() == "running"
