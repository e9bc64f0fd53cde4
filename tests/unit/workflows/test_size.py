"""Import of a large definition: the work grows with its size, not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from tests.support.bpmn import bpmn, call, end, process, start, step, task
from workflows.importing import import_procedure

PARAMETER = (
    '<bw:parameter code="x" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="action" low="1" high="2"/></bw:parameter>'
)


def definition(operations: int) -> bytes:
    """A unit procedure that calls operations of ten steps each."""
    parts = []
    for number in range(operations):
        keys = [f"S{number}_{index}" for index in range(10)]
        tasks = [task(key, step(key, PARAMETER, kind="entry")) for key in keys]
        ends = start(f"start{number}"), end(f"end{number}")
        way = " > ".join([f"start{number}", *keys, f"end{number}"])
        parts.append(process(f"OP{number}", ends[0], *tasks, ends[1], flows=way, entry=False))
    calls = [call(f"C{number}", f"OP{number}") for number in range(operations)]
    way = " > ".join(["start", *(f"C{number}" for number in range(operations)), "end"])
    parts.append(process("UP", start(), *calls, end(), flows=way, isa88="unit_procedure"))
    return bpmn(*parts)


def python_calls(act: Callable[[], object]) -> int:
    """How many Python functions run: the same on every machine, however busy it is."""
    count = 0

    def counting(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def test_four_times_the_steps_take_about_four_times_the_work() -> None:
    small, large = definition(8), definition(32)
    import_procedure(small)
    once = python_calls(lambda: import_procedure(small))
    four_times = python_calls(lambda: import_procedure(large))
    assert four_times < 5 * once
    assert len(list(import_procedure(large).procedure.steps())) == 320
