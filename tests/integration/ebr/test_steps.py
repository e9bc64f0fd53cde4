"""A step from ready to complete: order, values, signatures, exceptions, corrections."""

from __future__ import annotations

import pytest

from ebr.commands.corrections import Correction, correct_value
from ebr.commands.exceptions import ExceptionReference, release_exception
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.errors import (
    NotQualified,
    RunNotRunning,
    StepOutOfOrder,
    ValueMissing,
    ValueRefused,
)
from ebr.models import RunState, StepState
from personnel.errors import ContentChanged, NotIndependent
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant

MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2" target="10.00">'
    '<bw:limit tier="alert" low="9.80" high="10.20"/>'
    '<bw:limit tier="action" low="9.50" high="10.50"/></bw:parameter>'
)
DOUBLE = (
    '<bw:parameter code="double" dataType="decimal" unit="kg" decimals="1" origin="calculated"'
    ' expression="2 * A.mass"><bw:limit tier="action" high="21.5"/></bw:parameter>'
)


def recipe() -> bytes:
    """Weigh (performer and verifier), calculate (automatic), note (performer)."""
    return bpmn(
        process(
            "OP",
            start(),
            task("A", step("A", MASS, kind="entry", mode="performed_verified")),
            task("B", step("B", DOUBLE, kind="calculation", mode="none"), tag="serviceTask"),
            task("C", step("C")),
            end(),
            flows="start > A > B > C > end",
        )
    )


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    """The recipe is running and waits at its first step."""
    plant.start(recipe())
    return plant


def weigh(plant: RecordPlant, text: str, badge: str = "P-101") -> None:
    plant.person(badge).perform(RECORD, plant.path("A"), Entry(values={"mass": (text,)}))


def verify(plant: RecordPlant, badge: str = "P-102") -> None:
    plant.person(badge).sign_part(RECORD, plant.path("A"), "verifier")
    plant.work()


@pytest.mark.urs("URS-EXE-030", "URS-SIG-040")
def test_a_step_is_complete_with_both_signatures_and_the_flow_goes_on(
    running: RecordPlant,
) -> None:
    weigh(running, "10.05")
    assert running.step("A").state == StepState.PERFORMED
    verify(running)
    assert running.step("A").state == StepState.COMPLETE
    assert running.texts("B") == {"double": ["20.1"]}
    assert running.step("C").state == StepState.READY
    running.person("P-101").perform(RECORD, running.path("C"))
    assert running.run().state == RunState.COMPLETE


@pytest.mark.urs("URS-EXE-010", "URS-AUD-010")
def test_a_step_out_of_order_is_refused_and_the_attempt_is_recorded(running: RecordPlant) -> None:
    path = running.path("A")
    with pytest.raises(StepOutOfOrder):
        running.person("P-102").sign_part(RECORD, path, "verifier")
    weigh(running, "10.00")
    with pytest.raises(StepOutOfOrder):
        running.person("P-101").perform(RECORD, path, Entry(values={"mass": ("10.00",)}))
    assert "attempt.refused" in running.actions()


@pytest.mark.urs("URS-SIG-040", "URS-EXE-040")
def test_the_performer_cannot_verify_the_own_step(running: RecordPlant) -> None:
    weigh(running, "10.00")
    with pytest.raises(NotIndependent):
        running.person("P-101").sign_part(RECORD, running.path("A"), "verifier")
    assert running.step("A").state == StepState.PERFORMED


@pytest.mark.urs("URS-IAM-110")
def test_an_unqualified_person_is_refused_with_the_gap_and_who_can_act(
    running: RecordPlant,
) -> None:
    with pytest.raises(NotQualified) as refused:
        weigh(running, "10.00", badge="P-103")
    assert "TST-1 v1" in refused.value.fact
    assert "Anna Kern" in refused.value.resolver


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize("text", ["8,3", "8.3 kg", "1e9", "abc", "10.005", "--1"])
def test_a_value_in_the_wrong_form_is_refused_and_nothing_is_stored(
    running: RecordPlant, text: str
) -> None:
    with pytest.raises(ValueRefused):
        weigh(running, text)
    assert running.texts("A") == {}
    assert running.step("A").state == StepState.READY


@pytest.mark.urs("URS-EXE-030")
def test_a_blank_required_value_is_refused(running: RecordPlant) -> None:
    with pytest.raises(ValueMissing):
        weigh(running, "  ")


@pytest.mark.urs("URS-EXE-060", "URS-DEV-010", "URS-DEV-020")
def test_a_value_outside_the_action_limit_is_kept_and_holds_the_next_step(
    running: RecordPlant,
) -> None:
    weigh(running, "10.51")
    verify(running)
    assert running.exceptions() == [("out_of_limit", "major")]
    assert running.step("A").state == StepState.HELD
    supervisor = running.person("P-105")
    supervisor.sign(
        release_exception,
        ExceptionReference(record=RECORD, number=1),
        "checked the scale, going on is safe",
        meaning="approved",
        record=RECORD,
    )
    running.work()
    assert running.step("A").state == StepState.COMPLETE
    assert running.texts("A") == {"mass": ["10.51"]}


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize(
    ("text", "expected"),
    [("9.80", []), ("9.79", ["minor"]), ("10.20", []), ("10.50", ["minor"]), ("9.50", ["minor"])],
)
def test_limits_include_their_ends_and_the_outermost_breached_tier_counts(
    running: RecordPlant, text: str, expected: list[str]
) -> None:
    weigh(running, text)
    assert [severity for _, severity in running.exceptions()] == expected


@pytest.mark.urs("URS-EXE-040")
def test_a_verification_long_after_the_act_is_late_and_raises_an_exception(
    running: RecordPlant,
) -> None:
    weigh(running, "10.00")
    running.later(minutes=16)
    verify(running)
    assert running.exceptions() == [("late_verification", "major")]
    assert running.step("A").state == StepState.HELD


@pytest.mark.urs("URS-SIG-060", "URS-AUD-030", "URS-EXE-100")
def test_a_correction_supersedes_needs_new_signatures_and_reaches_later_results(
    running: RecordPlant,
) -> None:
    weigh(running, "10.05")
    verify(running)
    running.person("P-101").sign(
        correct_value,
        StepReference(record=RECORD, path=running.path("A")),
        Correction(code="mass", position=0, text="10.15", reason="misread the display"),
        meaning="performed",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )
    assert running.texts("A") == {"mass": ["10.15"]}
    assert running.texts("B") == {"double": ["20.3"]}
    assert running.step("A").revision == 2
    running.person("P-102").sign_part(RECORD, running.path("A"), "verifier", revision=2)
    assert ("dependent_value", "minor") in running.exceptions()


@pytest.mark.urs("URS-AUD-040")
@pytest.mark.parametrize("reason", ["", " ", ".", "x", "n/a"])
def test_a_correction_without_a_reason_in_words_is_refused(
    running: RecordPlant, reason: str
) -> None:
    weigh(running, "10.05")
    with pytest.raises(Exception, match="needs a reason"):
        running.person("P-101").sign(
            correct_value,
            StepReference(record=RECORD, path=running.path("A")),
            Correction(code="mass", position=0, text="10.15", reason=reason),
            meaning="performed",
            record=RECORD,
            shown=lambda outcome: outcome.shown,
        )
    assert running.texts("A") == {"mass": ["10.05"]}


@pytest.mark.urs("URS-SIG-080")
def test_what_was_confirmed_is_what_is_signed(running: RecordPlant) -> None:
    from ebr.commands.steps import perform_step

    person = running.person("P-101")
    reference = StepReference(record=RECORD, path=running.path("A"))
    shown = running.house.rehearse(
        perform_step,
        reference,
        Entry(values={"mass": ("10.00",)}),
        rehearsal=True,
        by=person.actor,
    )
    confirmation = person.confirm(shown.shown, "performed")
    with pytest.raises(ContentChanged):
        person.do(
            perform_step,
            reference,
            Entry(values={"mass": ("10.01",)}),
            record=RECORD,
            signed_by=confirmation,
        )
    assert running.texts("A") == {}


@pytest.mark.urs("URS-DEV-020")
def test_nothing_can_be_done_in_a_held_batch(running: RecordPlant) -> None:
    from ebr.commands.runs import hold_run

    running.person("P-105").do(hold_run, "B-2045", "power failure in the room", record=RECORD)
    with pytest.raises(RunNotRunning):
        weigh(running, "10.00")


@pytest.mark.urs("URS-EXE-040", "URS-DEV-020")
def test_a_step_that_made_the_batch_held_is_verified_at_once_and_goes_on_after_the_decision(
    plant: RecordPlant,
) -> None:
    critical = MASS.replace('unit="kg"', 'unit="kg" critical="true"', 1)
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                task("A", step("A", critical, kind="entry", mode="performed_verified")),
                task("C", step("C")),
                end(),
                flows="start > A > C > end",
            )
        )
    )
    weigh(plant, "11.00")
    assert plant.run().state == RunState.HELD
    verify(plant)
    assert plant.step("A").state == StepState.HELD
    plant.person("P-107").sign(
        release_exception,
        ExceptionReference(record=RECORD, number=1),
        "assessed in deviation, going on is safe",
        meaning="approved",
        record=RECORD,
    )
    assert plant.run().state == RunState.RUNNING
    assert plant.step("C").state == StepState.READY
