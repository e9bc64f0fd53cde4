"""A correction that a gateway would have decided otherwise on is told and moves nothing
(URS-EXE-100), whatever the gateway asked: a number, yes or no, a choice, several values."""

from __future__ import annotations

import pytest

from ebr import queries
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.models import RunState, StepState
from tests.support.bpmn import bpmn, end, exclusive, flow, process, start, step, task
from tests.support.records import RECORD, RecordPlant

ASKED = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2"/>'
    '<bw:parameter code="dry" dataType="boolean"/>'
    '<bw:parameter code="look" dataType="choice"><bw:choice value="clear"/>'
    '<bw:choice value="lumps"/></bw:parameter>'
    '<bw:parameter code="part" dataType="decimal" unit="%" decimals="1" replicates="2"/>'
)
CONDITIONS = {
    "MASS": "A.mass > 10 kg",
    "DRY": "A.dry",
    "LOOK": "A.look = 'lumps'",
    "PART": "mean(A.part) > 2 %",
    "BOTH": "mean(A.part) > 2 % and A.mass > 20 kg",
}
"""None of them is true at first."""
GIVEN = Entry(
    values={"mass": ("10.00",), "dry": ("no",), "look": ("clear",), "part": ("1.0", "1.4")}
)


def recipe() -> bytes:
    """A is typed; one gateway after the other asks for it; F is where the flow stands."""
    nodes, flows, before = [], [], "A"
    for name, condition in CONDITIONS.items():
        nodes += [exclusive(name, default=f"{name}_M_{name}"), exclusive(f"M_{name}")]
        nodes.append(task(f"T_{name}"))
        flows += [f"{before} > {name} > M_{name}", f"T_{name} > M_{name}"]
        flows.append(flow(name, f"T_{name}", condition))
        before = f"M_{name}"
    first = task("A", step("A", ASKED, kind="entry"))
    flows += ["start > A", f"{before} > F > end"]
    return bpmn(process("OP", start(), first, *nodes, task("F"), end(), flows=flows))


@pytest.fixture
def decided(plant: RecordPlant) -> RecordPlant:
    """All five have decided; nobody went another way."""
    plant.start(recipe())
    plant.person("P-101").perform(RECORD, plant.path("A"), GIVEN)
    plant.work()
    assert plant.step("F").state == StepState.READY
    return plant


def correct(plant: RecordPlant, code: str, text: str, position: int = 0) -> list[str]:
    """Correct a value of A; answers the texts of the exceptions that came of it."""
    plant.person("P-101").sign(
        correct_value,
        StepReference(record=RECORD, path=plant.path("A"), revision=plant.step("A").revision),
        Correction(code=code, position=position, text=text, reason="misread the display"),
        meaning="performed",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )
    found = plant.ask(queries.exceptions, plant.run())
    assert {case.type for case in found} <= {"path_inconsistent"}
    assert {case.severity for case in found} <= {"major"}
    return [str(case.text) for case in found]


@pytest.mark.urs("URS-EXE-100")
@pytest.mark.parametrize(
    ("code", "text", "position", "gateway"),
    [
        ("mass", "10.01", 0, "MASS"),
        ("dry", "yes", 0, "DRY"),
        ("look", "lumps", 0, "LOOK"),
        ("part", "3.7", 1, "PART"),
    ],
)
def test_a_gateway_that_would_decide_otherwise_is_told_and_no_token_moves(
    decided: RecordPlant, code: str, text: str, position: int, gateway: str
) -> None:
    (told,) = correct(decided, code, text, position)
    assert f"/{gateway}#1 " in told
    steps = decided.ask(queries.steps, decided.run())
    assert [(each.key, each.state) for each in steps] == [
        ("A", StepState.COMPLETE), ("F", StepState.READY),
    ]  # fmt: skip
    assert decided.run().state == RunState.RUNNING


@pytest.mark.urs("URS-EXE-100")
@pytest.mark.parametrize(
    ("code", "text", "position"),
    [("mass", "9.99", 0), ("part", "1.5", 0), ("part", "1.6", 1)],
)
def test_a_correction_that_decides_the_same_way_is_not_told(
    decided: RecordPlant, code: str, text: str, position: int
) -> None:
    assert correct(decided, code, text, position) == []


@pytest.mark.urs("URS-EXE-100")
def test_a_decision_is_asked_again_with_its_other_values_as_they_were(
    decided: RecordPlant,
) -> None:
    (told,) = correct(decided, "mass", "20.01")
    assert "/MASS#1 " in told


@pytest.mark.urs("URS-EXE-100")
def test_a_correction_of_a_correction_is_compared_with_what_was_decided_on(
    decided: RecordPlant,
) -> None:
    assert correct(decided, "mass", "9.99") == []
    (told,) = correct(decided, "mass", "10.01")
    assert "/MASS#1 " in told


@pytest.mark.urs("URS-EXE-100")
def test_a_correction_back_to_what_was_decided_on_is_not_told_again(decided: RecordPlant) -> None:
    told = correct(decided, "dry", "yes")
    assert correct(decided, "dry", "no") == told
