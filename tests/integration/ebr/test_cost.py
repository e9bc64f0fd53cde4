"""What one act on a step sends to the database: nothing twice, values together."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing

import pytest
from sqlalchemy import text

from ebr.commands.steps import StepReference, perform_step
from ebr.entry import Entry
from tests.bench.capturing import Captured, captured
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant

MOST_STATEMENTS = 32
SMALL = {"site", "site_clock", "equipment"}
"""Tables that do not grow with the batches: reading them whole costs the same for ever."""
WHOLE = re.compile(r"SCAN (\w+)")
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


def read_whole(plant: RecordPlant, cost: Captured) -> set[str]:
    """The tables that a statement of these goes through from end to end, by SQLite's own plan."""
    tables = set()
    with closing(sqlite3.connect(str(plant.house.database.url.database))) as raw:
        known = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
        for sent in cost.sent:
            plan = raw.execute(f"EXPLAIN QUERY PLAN {sent.statement}", sent.first)
            tables |= {found[1] for *_, step in plan if (found := WHOLE.match(step))}
    return tables & known


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


@pytest.mark.sqlite("asks SQLite for its plans")
def test_no_act_reads_a_table_whole_that_grows_with_every_batch(
    plant: RecordPlant, second: Captured
) -> None:
    assert {table for table in read_whole(plant, second) if table not in SMALL} == set()
    with plant.house.reading() as session, captured(plant.house.database) as careless:
        session.execute(text("SELECT * FROM step WHERE state = 'ready'"))
    assert read_whole(plant, careless) == {"step"}
