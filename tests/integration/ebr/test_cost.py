"""What one act on a step sends to the database: nothing twice, values together."""

from __future__ import annotations

from collections import Counter

import pytest

from ebr.commands.steps import StepReference, perform_step
from ebr.entry import Entry
from tests.bench.capturing import Captured, captured
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant

MOST_STATEMENTS = 32
VALUES = "".join(
    f'<bw:parameter code="v{number}" dataType="decimal" unit="kg" decimals="1">'
    '<bw:limit tier="action" low="1.0" high="9.0"/></bw:parameter>'
    for number in range(5)
)
ENTRY = Entry(values={f"v{number}": ("5.0",) for number in range(5)})


def recipe() -> bytes:
    """Three steps with five values each."""
    steps = [task(key, step(key, VALUES, kind="entry", mode="none")) for key in ("A", "B", "C")]
    return bpmn(process("OP", start(), *steps, end(), flows="start > A > B > C > end"))


@pytest.fixture
def second(plant: RecordPlant) -> Captured:
    """What the second step of a batch sent."""
    plant.start(recipe())
    perform(plant, StepReference(record=RECORD, path=plant.path("A")))
    waiting = StepReference(record=RECORD, path=plant.path("B"))
    with captured(plant.house.database) as cost:
        perform(plant, waiting)
    assert plant.texts("B") == {f"v{number}": ["5.0"] for number in range(5)}
    return cost


def perform(plant: RecordPlant, reference: StepReference) -> None:
    """One command, without signature."""
    actor = plant.person("P-101").actor
    plant.house.perform(perform_step, reference, ENTRY, by=actor, record=RECORD)


def sent(cost: Captured, beginning: str) -> list[str]:
    """The statements that begin like this."""
    return [each.statement for each in cost.sent if each.statement.startswith(beginning)]


def test_the_values_of_a_step_are_written_in_one_statement(second: Captured) -> None:
    assert len(sent(second, "INSERT INTO parameter_value")) == 1
    assert next(each.rows for each in second.sent if "INTO parameter_value" in each.statement) == 5


def test_an_act_reads_nothing_twice(second: Captured) -> None:
    asked = Counter(
        (each.statement, repr(each.parameters))
        for each in second.sent
        if each.statement.startswith("SELECT")
    )
    twice = [statement for (statement, _), times in asked.items() if times > 1]
    assert [found for found in twice if "FROM exception_case" not in found] == []
    assert len(second.sent) <= MOST_STATEMENTS


@pytest.mark.urs("URS-MRC-070")
def test_a_known_recipe_is_compared_but_not_fetched(second: Captured) -> None:
    (asked,) = [found for found in sent(second, "SELECT") if "FROM definition_file" in found]
    assert "definition_file.body = " in asked
    assert "body" not in asked.partition("FROM")[0]
