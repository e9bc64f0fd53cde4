"""Nothing out of order: cancelled steps, services, claimed roles, holds, times, exceptions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.actors import Actor
from core.errors import BrokenPromise, NotPermitted
from ebr import queries
from ebr.commands.exceptions import (
    ExceptionReference,
    comment_exception,
    decide_exception,
    release_exception,
)
from ebr.commands.remarks import disagree
from ebr.commands.runs import hold_run, restart_run
from ebr.commands.steps import StepReference, perform_step, sign_step, start_step_automatically
from ebr.entry import Entry, Measured
from ebr.errors import (
    NothingToDecide,
    NotQualified,
    RunNotRunning,
    SignatureNeeded,
    StepOutOfOrder,
    ValueRefused,
    WrongRole,
)
from ebr.gates import Condition, Gates
from ebr.models import HoldTime, RunState, StepState
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant
from tests.support.untouched import refused

MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="action" high="10.50"/>'
    '<bw:limit tier="registered" high="12.00"/></bw:parameter>'
)
DOUBLE = (
    '<bw:parameter code="double" dataType="decimal" unit="kg" decimals="2" origin="calculated"'
    ' expression="A.mass + A.mass"/>'
)
WORKER = Actor.service("worker", trigger="test")


def recipe(a: str = "", b: str = "", **more: str) -> bytes:
    """A is verified, B performed."""
    return bpmn(
        process(
            "OP",
            start(),
            task("A", step("A", MASS + a, kind="entry", mode="performed_verified", **more)),
            task("B", step("B", DOUBLE + b, kind="entry")),
            end(),
            flows="start > A > B > end",
        )
    )


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    plant.start(recipe())
    return plant


def at(plant: RecordPlant, key: str) -> StepReference:
    return StepReference(record=RECORD, path=plant.path(key), revision=plant.step(key).revision)


def weigh(plant: RecordPlant, text: str = "10.00", **more: str) -> None:
    plant.person("P-101", **more).perform(RECORD, plant.path("A"), Entry(values={"mass": (text,)}))


def verify(plant: RecordPlant) -> None:
    plant.person("P-102").sign_part(RECORD, plant.path("A"), "verifier")


def release(plant: RecordPlant, number: int, badge: str) -> None:
    plant.person(badge).sign(
        release_exception,
        ExceptionReference(record=RECORD, number=number),
        "checked, going on is safe",
        meaning="approved",
        record=RECORD,
    )


@pytest.mark.urs("URS-EXE-010")
@pytest.mark.parametrize("part", ["performer", "verifier", "approver", "confirmer"])
def test_no_part_is_signed_before_the_performance(running: RecordPlant, part: str) -> None:
    with pytest.raises(StepOutOfOrder):
        running.person("P-102").do(sign_step, at(running, "A"), part, record=RECORD)


@pytest.mark.urs("URS-EXE-010")
def test_a_service_performs_automatic_steps_only(running: RecordPlant) -> None:
    for command, more in ((perform_step, (Entry(values={"mass": ("1.00",)}),)),
                          (start_step_automatically, ())):  # fmt: skip
        with pytest.raises(StepOutOfOrder, match="not automatic"):
            running.house.perform(command, at(running, "A"), *more, by=WORKER, record=RECORD)
    assert running.step("A").state == StepState.READY


@pytest.mark.urs("URS-SIG-020")
def test_a_step_that_needs_a_signature_is_not_performed_without(running: RecordPlant) -> None:
    entry = Entry(values={"mass": ("10.00",)})
    with pytest.raises(SignatureNeeded):
        running.person("P-101").do(perform_step, at(running, "A"), entry, record=RECORD)
    with pytest.raises(BrokenPromise, match="rehearsal"):
        running.person("P-101").do(
            perform_step, at(running, "A"), entry, rehearsal=True, record=RECORD
        )
    assert running.step("A").state == StepState.READY


@pytest.mark.urs("URS-IAM-020", "URS-SIG-040")
@pytest.mark.parametrize("refuse", [False, True])
def test_who_may_not_verify_is_no_second_person(running: RecordPlant, *, refuse: bool) -> None:
    """Any other person verifies, of those whose role permits it; the quality unit's does not."""
    weigh(running)
    quality, reference = running.person("P-107"), at(running, "A")
    with refused(running.house, NotPermitted) as attempt:
        if refuse:
            quality.do(disagree, reference, "verifier", "not as I saw it", record=RECORD)
        else:
            quality.do(sign_step, reference, "verifier", record=RECORD)
    assert "Paul Roth" in attempt.facts["resolver"]
    verify(running)
    assert running.step("A").state == StepState.COMPLETE


@pytest.mark.urs("URS-IAM-110")
def test_a_role_that_is_only_claimed_opens_nothing(running: RecordPlant) -> None:
    with pytest.raises(WrongRole):
        weigh(running, role="QA")
    with pytest.raises(NotQualified):
        running.person("P-103", role="QA").perform(
            RECORD, running.path("A"), Entry(values={"mass": ("10.00",)})
        )


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize(
    "entry",
    [
        Entry(values={"double": ("20.00",)}),
        Entry(not_applicable={"double": "not needed here"}),
        Entry(values={"unknown": ("1",)}),
        Entry(
            measured={
                "double": (
                    Measured(text="1", number=Decimal(1), unit="kg", quality="GOOD", source={}),
                )
            }
        ),
    ],
)
def test_what_the_step_does_not_ask_is_refused_not_ignored(
    running: RecordPlant, entry: Entry
) -> None:
    weigh(running)
    verify(running)
    with pytest.raises(ValueRefused):
        running.person("P-101").perform(RECORD, running.path("B"), entry)
    assert running.texts("B") == {}


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize(
    ("number", "unit"), [(Decimal(10000), "g"), (Decimal(10), None), (None, "kg")]
)
def test_a_reading_in_another_unit_or_without_number_is_refused(
    running: RecordPlant, number: Decimal | None, unit: str | None
) -> None:
    read = Measured(text="10", number=number, unit=unit, quality="GOOD", source={})
    with pytest.raises(ValueRefused):
        running.person("P-101").perform(
            RECORD, running.path("A"), Entry(measured={"mass": (read,)})
        )


@pytest.mark.urs("URS-EXE-060")
def test_a_value_typed_and_marked_not_applicable_at_once_is_refused(running: RecordPlant) -> None:
    both = Entry(values={"mass": ("10.00",)}, not_applicable={"mass": "scale is broken"})
    with pytest.raises(ValueRefused, match="twice"):
        running.person("P-101").perform(RECORD, running.path("A"), both)


@pytest.mark.urs("URS-DEV-020")
def test_releasing_an_exception_does_not_end_a_hold_that_a_person_commanded(
    running: RecordPlant,
) -> None:
    weigh(running, "12.01")
    assert running.run().state == RunState.HELD
    supervisor = running.person("P-105")
    supervisor.do(hold_run, "B-2045", "power failure in the room", record=RECORD)
    release(running, 1, "P-107")
    assert running.run().state == RunState.HELD
    supervisor.do(restart_run, "B-2045", "power is back", record=RECORD)
    assert running.run().state == RunState.RUNNING


@pytest.mark.urs("URS-DEV-020", "URS-EXE-080")
def test_a_critical_exception_is_released_by_the_quality_unit_and_the_batch_goes_on(
    running: RecordPlant,
) -> None:
    weigh(running, "12.01")
    verify(running)
    with pytest.raises(NotPermitted):
        release(running, 1, "P-105")
    with pytest.raises(RunNotRunning, match="critical"):
        running.person("P-105").do(restart_run, "B-2045", "let us go on", record=RECORD)
    release(running, 1, "P-107")
    assert (running.run().state, running.step("A").state) == (RunState.RUNNING, StepState.COMPLETE)
    with pytest.raises(NothingToDecide):
        release(running, 1, "P-107")


@pytest.mark.urs("URS-EXE-080")
def test_a_batch_that_does_not_run_is_not_held(running: RecordPlant) -> None:
    weigh(running)
    verify(running)
    running.person("P-101").perform(RECORD, running.path("B"))
    assert running.run().state == RunState.COMPLETE
    with pytest.raises(RunNotRunning):
        running.person("P-105").do(hold_run, "B-2045", "power failure", record=RECORD)


@pytest.mark.urs("URS-DEV-010", "URS-DEV-030")
def test_what_is_decided_is_commented_no_more(running: RecordPlant) -> None:
    weigh(running, "10.60")
    reference = ExceptionReference(record=RECORD, number=1)
    running.person("P-105").do(comment_exception, reference, "scale checked", record=RECORD)
    quality = running.person("P-107")
    quality.sign(
        decide_exception, reference, "accepted", "no effect on the product",
        meaning="reviewed", record=RECORD,
    )  # fmt: skip
    with pytest.raises(NothingToDecide):
        quality.do(comment_exception, reference, "another story", record=RECORD)
    with pytest.raises(NothingToDecide):
        quality.sign(
            decide_exception, reference, "not_accepted", "second thoughts",
            meaning="reviewed", record=RECORD,
        )  # fmt: skip


HOLD = '<bw:hold name="wet" act="{act}"{limit}/>'
STARTS = HOLD.format(act="starts", limit=' limit="PT30M"')
ENDS = HOLD.format(act="ends", limit="")


@pytest.mark.urs("URS-EXE-070")
@pytest.mark.parametrize(
    ("minutes", "exceeded"), [({"minutes": 30}, False), ({"minutes": 30, "seconds": 1}, True)]
)
def test_a_hold_time_may_last_to_its_limit_and_not_longer(
    plant: RecordPlant, minutes: dict[str, float], exceeded: bool
) -> None:
    plant.start(recipe(a=STARTS, b=ENDS))
    weigh(plant)
    verify(plant)
    plant.later(**minutes)
    plant.work()
    assert plant.exceptions() == ([("hold_time", "major")] if exceeded else [])
    plant.person("P-101").perform(RECORD, plant.path("B"))
    assert plant.step("B").state == (StepState.HELD if exceeded else StepState.COMPLETE)


@pytest.mark.urs("URS-EXE-070", "URS-DEV-020")
def test_a_hold_time_found_late_holds_the_step_that_ended_it_until_released(
    plant: RecordPlant,
) -> None:
    plant.start(recipe(a=STARTS, b=ENDS))
    weigh(plant)
    verify(plant)
    plant.later(minutes=31)
    plant.person("P-101").perform(RECORD, plant.path("B"))
    plant.work()
    assert plant.exceptions() == [("hold_time", "major")]
    assert plant.step("B").state == StepState.HELD
    release(plant, 1, "P-105")
    assert (plant.step("B").state, plant.run().state) == (StepState.COMPLETE, RunState.COMPLETE)
    (row,) = plant.ask(lambda session: session.query(HoldTime).all())
    assert (row.exceeded, row.ended_at) == (True, plant.clock.now())


@pytest.mark.urs("URS-EXE-070")
@pytest.mark.parametrize(("minutes", "expected"), [(20, []), (21, [("over_time", "major")])])
def test_a_step_that_took_too_long_is_found_also_when_its_job_comes_too_late(
    plant: RecordPlant, minutes: int, expected: list[tuple[str, str]]
) -> None:
    plant.start(recipe(a='<bw:timing maximum="PT20M"/>'))
    plant.person("P-101").start(RECORD, plant.path("A"))
    plant.later(minutes=minutes)
    weigh(plant)
    plant.work()
    assert plant.exceptions() == expected


@pytest.mark.urs("URS-EXE-070")
def test_a_step_that_still_runs_after_its_longest_time_is_an_exception_at_once(
    plant: RecordPlant,
) -> None:
    plant.start(recipe(a='<bw:timing maximum="PT20M"/>'))
    plant.person("P-101").start(RECORD, plant.path("A"))
    plant.later(minutes=20)
    plant.work()
    assert plant.exceptions() == []
    plant.later(minutes=1)
    plant.work()
    assert plant.exceptions() == [("over_time", "major")]
    assert "step.over_time" in plant.actions()


@pytest.mark.urs("URS-EXE-020")
def test_a_gate_names_every_unmet_condition_and_an_unknown_gate_is_closed() -> None:
    gates = Gates({"lot.use": frozenset({"status"})})
    with pytest.raises(BrokenPromise, match="lacks its checks"):
        gates.conditions(None, "lot.use", {})  # type: ignore[arg-type]
    with pytest.raises(BrokenPromise, match="without the gate"):
        gates.conditions(None, "lot.eat", {})  # type: ignore[arg-type]
    gates.register("lot.use", "status", lambda *_: [Condition(rule="a", met=False, fact="one")])
    with pytest.raises(BrokenPromise, match="twice"):
        gates.register("lot.use", "status", lambda *_: [])
    assert [c.fact for c in gates.conditions(None, "lot.use", {})] == ["one"]  # type: ignore[arg-type]


@pytest.mark.urs("URS-SIG-020")
def test_a_comment_is_part_of_what_is_signed(running: RecordPlant) -> None:
    entry = Entry(values={"mass": ("10.00",)}, comment="the drum was dented")
    outcome = running.person("P-101").perform(RECORD, running.path("A"), entry)
    assert outcome.shown.content["remarks"] == [{"text": "the drum was dented", "by": "P-101"}]
    assert len(running.ask(queries.signatures, running.step("A"))) == 1
