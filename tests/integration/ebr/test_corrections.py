"""Corrections: what they reach, what they leave, and which signatures are due again."""

from __future__ import annotations

from typing import Any

import pytest

from ebr import queries
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.errors import StepChanged, StepOutOfOrder, ValueRefused
from ebr.models import Grade, ParameterValue, RunState, StepState
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant

MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="action" low="9.50" high="10.50"/></bw:parameter>'
    '<bw:parameter code="other" dataType="decimal" unit="kg" decimals="2" required="false"/>'
    '<bw:parameter code="look" dataType="choice" required="false"><bw:choice value="good"/>'
    '<bw:choice value="poor" accepted="false"/></bw:parameter>'
)
TWICE = (
    '<bw:parameter code="twice" dataType="decimal" unit="kg" decimals="2" origin="calculated"'
    ' expression="2 * A.mass"/>'
)
FOUR = (
    '<bw:parameter code="four" dataType="decimal" unit="kg" decimals="2" origin="calculated"'
    ' expression="2 * B.twice"/>'
)
UP_TO = (
    '<bw:parameter code="rest" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="action" high="A.mass"/></bw:parameter>'
)
FREE = (
    '<bw:parameter code="free" dataType="decimal" unit="kg" decimals="2" origin="calculated"'
    ' expression="A.other + A.other"/>'
)


def recipe() -> bytes:
    """A is typed, B is worked out from A, C from B; D has a limit from A; E uses another value."""
    return bpmn(
        process(
            "OP",
            start(),
            task("A", step("A", MASS, kind="entry", mode="performed_verified")),
            task("B", step("B", TWICE, kind="calculation", mode="none"), tag="serviceTask"),
            task("C", step("C", FOUR, kind="calculation", mode="none"), tag="serviceTask"),
            task("D", step("D", UP_TO, kind="entry", mode="performed_verified")),
            task("E", step("E", FREE, kind="calculation", mode="none"), tag="serviceTask"),
            task("F", step("F")),
            end(),
            flows="start > A > B > C > D > E > F > end",
        )
    )


@pytest.fixture
def recorded(plant: RecordPlant) -> RecordPlant:
    """Everything up to F is recorded and verified."""
    plant.start(recipe())
    record(plant, "A", mass="10.00", other="1.00", look="good")
    verify(plant, "A")
    record(plant, "D", rest="9.90")
    verify(plant, "D")
    return plant


def record(plant: RecordPlant, key: str, **values: str) -> None:
    given = {code: (text,) for code, text in values.items()}
    plant.person("P-101").perform(RECORD, plant.path(key), Entry(values=given))


def verify(plant: RecordPlant, key: str, revision: int = 1, badge: str = "P-102") -> None:
    plant.person(badge).sign_part(RECORD, plant.path(key), "verifier", revision=revision)
    plant.work()


def correct(plant: RecordPlant, key: str, code: str, text: str, revision: int = 1) -> Any:
    return plant.person("P-101").sign(
        correct_value,
        StepReference(record=RECORD, path=plant.path(key), revision=revision),
        Correction(code=code, position=0, text=text, reason="misread the display"),
        meaning="performed",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )


def history(plant: RecordPlant, key: str, code: str) -> list[tuple[int, str | None, str]]:
    """Revision, text and grade of every row of a value, oldest first."""
    step = plant.step(key)
    rows: list[ParameterValue] = plant.ask(queries.all_values, step)
    return [(row.revision, row.text, row.grade) for row in rows if row.code == code]


@pytest.mark.urs("URS-AUD-030", "URS-SIG-060")
def test_two_corrections_leave_three_values_and_other_values_keep_counting(
    recorded: RecordPlant,
) -> None:
    correct(recorded, "A", "mass", "10.10")
    correct(recorded, "A", "mass", "10.20", revision=2)
    assert history(recorded, "A", "mass") == [
        (1, "10.00", Grade.MANUAL),
        (2, "10.10", Grade.CORRECTED),
        (3, "10.20", Grade.CORRECTED),
    ]
    assert recorded.texts("A") == {"mass": ["10.20"], "other": ["1.00"], "look": ["good"]}


@pytest.mark.urs("URS-SIG-060")
def test_a_corrected_step_waits_for_its_signatures_again_and_the_flow_stays(
    recorded: RecordPlant,
) -> None:
    correct(recorded, "A", "mass", "10.10")
    assert recorded.step("A").state == StepState.PERFORMED
    assert recorded.step("F").state == StepState.READY
    verify(recorded, "A", revision=2)
    assert recorded.step("A").state == StepState.COMPLETE
    signed = recorded.ask(queries.signatures, recorded.step("A"))
    assert [(row.revision, row.part) for row in signed] == [
        (1, "performer"), (1, "verifier"), (2, "performer"), (2, "verifier"),
    ]  # fmt: skip
    assert len([a for a in recorded.actions() if a == "step.performed"]) == 5


@pytest.mark.urs("URS-EXE-100")
def test_a_correction_reaches_results_of_results_and_nothing_else(recorded: RecordPlant) -> None:
    correct(recorded, "A", "mass", "10.10")
    assert recorded.texts("B") == {"twice": ["20.20"]}
    assert recorded.texts("C") == {"four": ["40.40"]}
    assert history(recorded, "C", "four")[0] == (1, "40.00", Grade.CALCULATED)
    assert (recorded.step("E").revision, recorded.step("F").revision) == (1, 1)


@pytest.mark.urs("URS-EXE-100")
def test_a_limit_that_depends_on_the_value_is_judged_again_and_signed_again(
    recorded: RecordPlant,
) -> None:
    correct(recorded, "A", "mass", "9.80")
    assert ("out_of_limit", "major") in recorded.exceptions()
    rest = recorded.ask(queries.current_values, recorded.step("D"))["rest"][0]
    assert (rest.text, rest.verdict, rest.limits[0]["high"]) == ("9.90", "action", "9.80")
    assert (recorded.step("D").revision, recorded.step("D").state) == (2, StepState.PERFORMED)
    recorded.person("P-101").sign_part(RECORD, recorded.path("D"), "performer", revision=2)
    verify(recorded, "D", revision=2)
    assert recorded.step("D").state == StepState.COMPLETE
    assert "step.signed_again" in recorded.actions()


@pytest.mark.urs("URS-EXE-040")
def test_a_verification_right_after_a_correction_is_not_late(recorded: RecordPlant) -> None:
    recorded.later(hours=5)
    correct(recorded, "A", "mass", "10.10")
    verify(recorded, "A", revision=2)
    assert "late_verification" not in [type_ for type_, _ in recorded.exceptions()]


@pytest.mark.urs("URS-EXE-060", "URS-DEV-010")
def test_a_correction_can_create_a_breach_and_never_takes_one_away(recorded: RecordPlant) -> None:
    correct(recorded, "A", "mass", "10.60")
    assert ("out_of_limit", "major") in recorded.exceptions()
    before = recorded.exceptions()
    correct(recorded, "A", "mass", "10.00", revision=2)
    assert recorded.exceptions()[: len(before)] == before


@pytest.mark.urs("URS-EXE-060")
def test_a_choice_that_is_not_accepted_is_found_in_a_correction_too(recorded: RecordPlant) -> None:
    correct(recorded, "A", "look", "poor")
    assert ("not_accepted", "major") in recorded.exceptions()


@pytest.mark.urs("URS-SIG-060", "URS-SIG-080")
def test_a_page_that_shows_the_former_revision_is_refused(recorded: RecordPlant) -> None:
    correct(recorded, "A", "mass", "10.10")
    with pytest.raises(StepChanged):
        correct(recorded, "A", "mass", "10.20", revision=1)


@pytest.mark.urs("URS-SIG-060")
def test_a_correction_after_the_end_of_the_batch_can_be_verified(recorded: RecordPlant) -> None:
    recorded.person("P-101").perform(RECORD, recorded.path("F"))
    assert recorded.run().state == RunState.COMPLETE
    correct(recorded, "A", "mass", "10.10")
    verify(recorded, "A", revision=2)
    assert recorded.step("A").state == StepState.COMPLETE
    assert recorded.run().state == RunState.COMPLETE


@pytest.mark.urs("URS-SIG-060", "URS-EXE-040")
def test_a_step_that_waits_for_its_verifier_is_verified_as_corrected(plant: RecordPlant) -> None:
    plant.start(recipe())
    record(plant, "A", mass="10.00", other="1.00")
    correct(plant, "A", "mass", "10.10")
    with pytest.raises(StepChanged):
        verify(plant, "A", revision=1)
    verify(plant, "A", revision=2)
    assert plant.texts("B") == {"twice": ["20.20"]}


@pytest.mark.parametrize(
    ("key", "code", "text"),
    [("B", "twice", "20.20"), ("A", "mass", "10.00"), ("A", "nothing", "1"), ("A", "mass", "1e1")],
)
@pytest.mark.urs("URS-PRO-080", "URS-EXE-060")
def test_calculated_unchanged_unknown_and_malformed_values_cannot_be_corrected(
    recorded: RecordPlant, key: str, code: str, text: str
) -> None:
    with pytest.raises(ValueRefused):
        correct(recorded, key, code, text)
    assert recorded.step(key).revision == 1


@pytest.mark.urs("URS-EXE-010")
def test_what_is_not_recorded_cannot_be_corrected(recorded: RecordPlant) -> None:
    with pytest.raises(StepOutOfOrder):
        correct(recorded, "F", "mass", "1.00")
