"""Sample, in-process control, disposition, clearance and verification on the real record."""

from __future__ import annotations

import pytest

from core.errors import NotPermitted
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.errors import CheckMissing, GateClosed, WrongRole
from ebr.models import StepState
from personnel.errors import NotIndependent
from quality import queries
from quality.commands import reclearing
from quality.commands.reclearing import ClearAgain
from quality.commands.samples import move_sample
from quality.errors import CustodyRefused, RoomNotCleared, SampleMissing
from quality.models import Custody
from tests.support import batches
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    """The batch waits for its line clearance."""
    batches.plan(plant)
    return plant


@pytest.mark.urs("URS-EXE-120")
def test_a_sample_gets_a_label_number_and_its_custody_is_kept(running: RecordPlant) -> None:
    batches.run_up_to(running, "S")
    sample = running.ask(queries.sample, "B-2045-S1")
    assert (sample.step_key, sample.positions, sample.pooled) == ("S", 3, True)
    running.person("P-101").do(
        move_sample, sample.number, Custody.HANDED_OVER, place="hatch 3", record=RECORD
    )
    running.person("P-106").do(move_sample, sample.number, Custody.RECEIVED, record=RECORD)
    custody = running.ask(queries.custody, sample)
    assert [(event.custody, event.by) for event in custody] == [
        ("drawn", "P-101"),
        ("handed_over", "P-101"),
        ("received", "P-106"),
    ]


@pytest.mark.urs("URS-EXE-120")
def test_custody_goes_no_way_that_it_cannot_go(running: RecordPlant) -> None:
    batches.run_up_to(running, "S")
    laboratory = running.person("P-106")
    with pytest.raises(CustodyRefused):
        laboratory.do(move_sample, "B-2045-S1", Custody.EXAMINED, record=RECORD)
    with pytest.raises(NotPermitted):
        running.person("P-101").do(move_sample, "B-2045-S1", Custody.RECEIVED, record=RECORD)
    assert running.ask(queries.sample, "B-2045-S1").custody == "drawn"


@pytest.mark.urs("URS-EXE-120")
def test_a_result_is_tied_to_its_sample(running: RecordPlant) -> None:
    batches.run_up_to(running, "I")
    (result,) = running.ask(queries.results, RECORD)
    assert result.sample_id == running.ask(queries.sample, "B-2045-S1").id
    assert (result.method, result.verdict) == ("loss_on_drying", "in")


@pytest.mark.urs("URS-EXE-120")
@pytest.mark.parametrize(("minutes", "expected"), [(30, []), (31, [("sample_too_old", "major")])])
def test_a_sample_that_waited_too_long_raises_an_exception(
    running: RecordPlant, minutes: int, expected: list[tuple[str, str]]
) -> None:
    batches.run_up_to(running, "S")
    running.later(minutes=minutes)
    batches.do(running, "I")
    assert running.exceptions() == expected


@pytest.mark.urs("URS-EXE-120")
def test_a_control_without_its_sample_is_refused(plant: RecordPlant) -> None:
    drawn = task("S", step("S", batches.PLAN, kind="sample"))
    control = task("I", step("I", batches.MOISTURE, kind="ipc", role="QC"))
    plant.start(bpmn(process("OP", start(), control, drawn, end(), flows="start > I > S > end")))
    with pytest.raises(SampleMissing):
        batches.do(plant, "I")
    assert plant.texts("I") == {}


@pytest.mark.urs("URS-EXE-120")
def test_rejected_material_holds_the_flow_and_a_correction_supersedes_the_decision(
    running: RecordPlant,
) -> None:
    batches.run_up_to(running, "D", D=Entry(values={"decision": ("rejected",)}))
    assert running.step("D").state == StepState.HELD
    assert running.exceptions() == [("not_accepted", "major")]
    running.person("P-106").sign(
        correct_value,
        StepReference(record=RECORD, path=running.path("D")),
        Correction(code="decision", position=0, text="released", reason="wrong field chosen"),
        meaning="approved",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )
    outcomes = [row.outcome for row in running.ask(queries.dispositions, RECORD)]
    assert outcomes == ["rejected", "released"]


@pytest.mark.urs("URS-EXE-120")
def test_the_next_step_waits_for_the_disposition(running: RecordPlant) -> None:
    batches.run_up_to(running, "I")
    with pytest.raises(AssertionError, match="Y was not reached"):
        running.step("Y")
    with pytest.raises(WrongRole):
        batches.do(running, "D", badge="P-101")
    batches.do(running, "D")
    assert running.step("Y").state == StepState.READY


@pytest.mark.urs("URS-EXE-010")
def test_a_cleared_room_counts_for_eight_hours_from_the_check(running: RecordPlant) -> None:
    batches.run_up_to(running, "L")
    found = running.ask(queries.clearance, "1.12", RECORD)
    assert (found.valid_until - found.cleared_at).total_seconds() == 8 * 3600
    assert found.cleared_by == "P-101"
    running.later(hours=8)
    batches.do(running, "A")
    assert running.step("A").state == StepState.COMPLETE


@pytest.mark.urs("URS-EXE-010")
def test_after_its_time_a_clearance_refuses_the_steps_in_the_room(running: RecordPlant) -> None:
    batches.run_up_to(running, "L")
    running.later(hours=8, seconds=1)
    with pytest.raises(GateClosed) as refused:
        batches.do(running, "A")
    assert "room 1.12 was over" in refused.value.fact
    assert running.step("A").state == StepState.READY


@pytest.mark.urs("URS-EXE-010")
def test_a_room_is_cleared_only_with_both_signatures(running: RecordPlant) -> None:
    running.person("P-101").perform(RECORD, running.path("L"), batches.ENTRIES["L"])
    assert running.ask(queries.clearance, "1.12", RECORD) is None
    running.person("P-102").sign_part(RECORD, running.path("L"), "verifier")
    assert running.ask(queries.clearance, "1.12", RECORD) is not None


def test_a_clearance_with_a_point_left_out_is_refused(running: RecordPlant) -> None:
    with pytest.raises(CheckMissing):
        batches.do(running, "L", Entry(checks=("c1",)))


@pytest.mark.urs("URS-EXE-020")
def test_a_room_in_use_by_another_batch_keeps_the_next_one_from_starting(
    running: RecordPlant,
) -> None:
    from ebr import gates

    batches.run_up_to(running, "L")
    other = process("OP", start(), task("L", step("L", batches.CLEAR, kind="clearance",
        mode="performed_verified", room="1.12")), end(), flows="start > L > end")  # fmt: skip
    running.start(bpmn(other), number="B-2046")
    found = running.ask(gates.conditions, "batch.start", record="batch/B-2046")
    assert [(c.met, c.rule) for c in found] == [(False, "room.free")]
    assert "B-2045" in found[0].fact
    running.later(hours=9)
    found = running.ask(gates.conditions, "batch.start", record="batch/B-2046")
    assert [c.met for c in found] == [True]


def clear_again(plant: RecordPlant, badge: str = "P-101", *checks: str) -> None:
    command = ClearAgain(
        record=RECORD,
        room="1.12",
        checks=checks or ("c1", "c2"),
        reason="the clearance ran out over the weekend",
    )
    plant.person(badge).sign(reclearing.clear_again, command, meaning="performed", record=RECORD)


def verify_again(plant: RecordPlant, badge: str) -> None:
    plant.person(badge).sign(
        reclearing.verify_clearing, RECORD, "1.12", meaning="verified", record=RECORD
    )


@pytest.mark.urs("URS-EXE-010", "URS-SIG-040")
def test_a_room_that_two_people_cleared_again_lets_the_batch_go_on(running: RecordPlant) -> None:
    batches.run_up_to(running, "L")
    running.later(hours=60)
    clear_again(running)
    with pytest.raises(GateClosed):
        batches.do(running, "A")
    with pytest.raises(NotIndependent):
        verify_again(running, "P-101")
    verify_again(running, "P-102")
    batches.do(running, "A")
    assert running.step("A").state == StepState.COMPLETE
    with pytest.raises(RoomNotCleared):
        verify_again(running, "P-102")


def test_a_room_is_not_cleared_again_before_its_step_or_with_a_point_left_out(
    running: RecordPlant,
) -> None:
    with pytest.raises(RoomNotCleared):
        clear_again(running)
    batches.run_up_to(running, "L")
    with pytest.raises(CheckMissing):
        clear_again(running, "P-101", "c1")
