"""A step costs the same at the beginning and at the end of a large recipe, counted exactly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import event

from tests.support.bpmn import bpmn, call, task
from tests.support.running import Plant, level


def large(units: int, operations: int, steps: int) -> bytes:
    """units x operations x steps, one after the other, every level its own process."""
    levels = [_calls("PROC", [f"UP_{u}" for u in range(units)], "procedure")]
    for u in range(units):
        names = [f"OP_{u}_{o}" for o in range(operations)]
        levels.append(_calls(f"UP_{u}", names, "unit_procedure"))
        for name in names:
            keys = [f"{name}_S{s}" for s in range(steps)]
            levels.append(level(name, " > ".join(keys), *(task(key) for key in keys)))
    return bpmn(*levels)


def _calls(name: str, called: list[str], isa88: str) -> str:
    ids = [f"CA_{target}" for target in called]
    calls = [call(ca, target) for ca, target in zip(ids, called, strict=True)]
    return level(name, " > ".join(ids), *calls, isa88=isa88)


@dataclass
class Cost:
    """What the engine sent to the database for one step."""

    statements: list[str] = field(default_factory=list)
    bytes: int = 0


@contextmanager
def counted(plant: Plant) -> Iterator[Cost]:
    cost = Cost()

    def count(
        connection: object, cursor: object, statement: str, parameters: object, *_: object
    ) -> None:
        words = statement.split()
        table = next((word for word in words if word.startswith("engine_")), None)
        if table is None:
            return
        cost.statements.append(f"{words[0]} {table.partition('.')[0]}")
        if words[0] in ("INSERT", "UPDATE"):
            cost.bytes += len(repr(parameters))

    writer = plant.house.database.writer
    event.listen(writer, "before_cursor_execute", count)
    yield cost
    event.remove(writer, "before_cursor_execute", count)


@pytest.mark.timeout(600)
def test_a_step_costs_the_same_at_step_10_and_at_step_990(small_plant: Plant) -> None:
    small_plant.run(large(10, 10, 10))
    costs: dict[int, Cost] = {}
    for number in range(1, 1001):
        (ready,) = small_plant.ready()
        with counted(small_plant) as cost:
            small_plant.complete(ready)
        costs[number] = cost
    assert small_plant.state() == "complete"
    # The last step of an operation crosses a border; 5 and 985 are plain.
    for early, late in ((10, 990), (5, 985)):
        assert costs[early].statements == costs[late].statements
        assert abs(costs[early].bytes - costs[late].bytes) <= 16
    assert len(costs[5].statements) <= 8
