"""The cost of one plain step in SQL statements is small and does not grow with the record."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from ebr import queries
from ebr.entry import Entry
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RECORD, RecordPlant

NAMES = [f"S{number:02}" for number in range(30)]
AT_MOST = 100
"""For rehearsal, confirmation and signed performance together."""


def values(key: str) -> str:
    """A typed value with two limits and a result worked out from it."""
    return (
        '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
        '<bw:limit tier="alert" low="9.80" high="10.20"/>'
        '<bw:limit tier="action" low="9.50" high="10.50"/></bw:parameter>'
        '<bw:parameter code="two" dataType="decimal" unit="kg" decimals="2" origin="calculated"'
        f' expression="2 * {key}.mass"/>'
    )


@pytest.mark.urs("URS-EXE-030")
def test_a_signed_entry_costs_the_same_at_the_start_and_at_the_end(plant: RecordPlant) -> None:
    steps = (task(name, step(name, values(name), kind="entry")) for name in NAMES)
    flows = " > ".join(["start", *NAMES, "end"])
    plant.start(bpmn(process("OP", start(), *steps, end(), flows=flows)))
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    for engine in (plant.house.database.writer, plant.house.database.reader):
        event.listen(engine, "before_cursor_execute", count)
    costs = []
    for name in NAMES:
        path = plant.path(name)
        statements.clear()
        plant.person("P-101").perform(RECORD, path, Entry(values={"mass": ("10.00",)}))
        costs.append(len(statements))
    assert costs[2] == costs[-2]
    assert max(costs) <= AT_MOST
    assert len(plant.ask(queries.steps, plant.run())) == len(NAMES)
