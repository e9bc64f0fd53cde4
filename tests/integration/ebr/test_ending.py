"""Stopping and aborting a batch: who may, what is asked, what ends, what stays (URS-EXE-080)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from core.errors import NotPermitted
from core.jobs import Job
from ebr import consequences, queries
from ebr.commands.ending import Cause, Ending, EndRun, end_run
from ebr.commands.exceptions import ExceptionReference, release_exception
from ebr.commands.runs import hold_run
from ebr.errors import NothingToDecide, NumberNotTyped, ReasonNeeded, RunNotRunning, StepOutOfOrder
from ebr.models import HoldTime, RunState, StepState
from personnel.errors import ContentChanged
from production import queries as production
from quality import queries as quality
from quality.commands.reviews import start_review
from quality.models import ReviewKind
from tests.support import batches
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, START, RecordPlant

HOLD = '<bw:hold name="solution" act="starts" limit="PT8H"/>'


def recipe() -> bytes:
    """A hold time runs while the second step is open."""
    return bpmn(
        process(
            "OP",
            start(),
            task("A", step("A", HOLD)),
            task("B", step("B")),
            end(),
            flows="start > A > B > end",
        )
    )


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    """The second step is under way and a hold time runs."""
    plant.start(recipe())
    plant.person("P-101").perform(RECORD, plant.path("A"))
    plant.person("P-101").start(RECORD, plant.path("B"))
    return plant


def stop(**more: Any) -> EndRun:
    told = {"cause": Cause.EQUIPMENT_FAILURE, "text": "impeller bearing runs hot", **more}
    return EndRun(record=RECORD, how=Ending.STOP, **told)


def abort(**more: Any) -> EndRun:
    told = {"cause": Cause.PRODUCT_QUALITY, "text": "glass was found", "typed": "B-2045", **more}
    return EndRun(record=RECORD, how=Ending.ABORT, **told)


def by_supervisor(plant: RecordPlant, command: EndRun, badge: str = "P-105") -> None:
    plant.person(badge).sign(end_run, command, meaning="approved", record=RECORD)


def open_holds(plant: RecordPlant) -> int:
    with plant.house.reading() as session:
        query = select(func.count()).select_from(HoldTime).where(HoldTime.ended_at.is_(None))
        return session.scalar(query) or 0


@pytest.mark.urs("URS-EXE-080", "URS-REC-030")
@pytest.mark.parametrize(
    ("command", "state"), [(stop(), RunState.STOPPED), (abort(), RunState.ABORTED)]
)
def test_what_is_open_ends_and_what_was_recorded_stays(
    running: RecordPlant, command: EndRun, state: RunState
) -> None:
    by_supervisor(running, command)
    run = running.run()
    assert (run.state, run.ended_at) == (state, START)
    assert command.text in (run.problem or "")
    assert running.step("A").state == StepState.COMPLETE
    assert running.step("B").state == StepState.CANCELLED
    assert running.step("B").ended_by == f"the batch was {state}"
    assert open_holds(running) == 0
    assert f"run.{state}" in running.actions()


@pytest.mark.urs("URS-EXE-080")
def test_nothing_goes_on_and_no_time_fires_after_an_abort(running: RecordPlant) -> None:
    by_supervisor(running, abort())
    with pytest.raises(StepOutOfOrder) as refused:
        running.person("P-101").perform(RECORD, running.path("B"))
    assert "cancelled" in refused.value.fact
    before = running.exceptions()
    running.later(hours=9)
    running.work()
    assert running.exceptions() == before
    with running.house.reading() as session:
        assert session.scalars(select(Job).where(Job.state == "waiting")).all() == []


@pytest.mark.urs("URS-EXE-080", "URS-DEV-010", "URS-DEV-020")
def test_the_end_is_an_exception_and_an_abort_has_its_deviation(running: RecordPlant) -> None:
    by_supervisor(running, abort())
    assert running.exceptions() == [("run_aborted", "critical")]
    (deviation,) = running.ask(quality.deviations, record=RECORD)
    assert "glass was found" in deviation.title
    with pytest.raises(NothingToDecide):
        running.person("P-107").sign(
            release_exception,
            ExceptionReference(record=RECORD, number=1),
            "may go on as it is",
            meaning="approved",
            record=RECORD,
        )


@pytest.mark.urs("URS-EXE-080")
def test_the_supervisor_signs_over_reason_and_consequences(running: RecordPlant) -> None:
    by_supervisor(running, stop())
    entry = next(e for e in running.entries() if e["action"] == "run.stopped")
    assert entry["reason"] == "equipment failure: impeller bearing runs hot"
    told = entry["facts"]["consequences"]
    assert {each["area"] for each in told} == {"steps", "times"}
    assert any("hold time solution" in each["what"] for each in told)


@pytest.mark.urs("URS-EXE-080", "URS-IAM-020")
@pytest.mark.parametrize("badge", ["P-101", "P-106", "P-107"])
def test_only_the_supervisor_ends_a_batch(running: RecordPlant, badge: str) -> None:
    with pytest.raises(NotPermitted):
        by_supervisor(running, stop(), badge)
    assert running.run().state == RunState.RUNNING
    assert "attempt.refused" in running.actions()


@pytest.mark.urs("URS-EXE-080", "URS-AUD-040")
@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (stop(text=" "), ReasonNeeded),
        (stop(cause=Cause.OTHER, text="because"), ReasonNeeded),
        (abort(typed=""), NumberNotTyped),
        (abort(typed="B-2044"), NumberNotTyped),
    ],
)
def test_a_missing_reason_or_another_number_ends_nothing(
    running: RecordPlant, command: EndRun, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        by_supervisor(running, command)
    assert running.run().state == RunState.RUNNING
    assert running.step("B").state == StepState.STARTED


@pytest.mark.urs("URS-SIG-080")
def test_what_was_shown_must_still_be_so_when_it_is_signed(running: RecordPlant) -> None:
    supervisor = running.person("P-105")
    shown = running.house.rehearse(
        end_run, stop(), by=supervisor.actor, record=RECORD, rehearsal=True
    )
    given = supervisor.confirm(shown, "approved")
    supervisor.do(hold_run, RECORD, "power failure in the room", record=RECORD)
    with pytest.raises(ContentChanged):
        supervisor.do(end_run, stop(), record=RECORD, signed_by=given)
    assert running.run().state == RunState.HELD


@pytest.mark.urs("URS-EXE-080")
def test_a_batch_ends_once_and_a_held_one_can_be_ended(running: RecordPlant) -> None:
    running.person("P-105").do(hold_run, RECORD, "power failure in the room", record=RECORD)
    by_supervisor(running, stop())
    assert running.run().state == RunState.STOPPED
    for command in (stop(), abort()):
        with pytest.raises(RunNotRunning) as refused:
            by_supervisor(running, command)
        assert refused.value.resolver == "nobody: it has ended"


@pytest.mark.urs("URS-REL-010", "URS-REC-030")
def test_an_aborted_batch_is_reviewed_and_rejected_and_never_released(plant: RecordPlant) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "A")
    by_supervisor(plant, abort())
    found = plant.ask(quality.release_conditions, RECORD, by="P-107")
    assert "the batch is aborted, not complete" in [each.fact for each in found if not each.met]
    plant.person("P-107").do(start_review, RECORD, ReviewKind.QUALITY, record=RECORD)
    batches.decide(plant, 1)
    batches.end_review(plant)
    batches.reject(plant)
    assert plant.ask(production.batch, "B-2045").disposition == "rejected"


def test_the_consequences_of_an_ended_or_new_run_are_read_without_change(
    running: RecordPlant,
) -> None:
    with running.house.reading() as session:
        run = queries.run_of(session, RECORD)
        first = consequences.of(session, run)
        assert [each.what for each in first if each.area == "steps"] == ["B is started"]
        assert consequences.of(session, run) == first
