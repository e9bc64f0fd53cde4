"""What the entry of a signed step costs: the step with its trail, and with a double of the append.

The double does nothing in place of `audit.chain.append`: no canonical bytes, no chain, no rows of
entries, waiting list and head. The images of the rows are derived in both and reported apart. Only
the command that is signed is timed, from queueing to the durable commit; the secret was checked
before. Rounds take turns, so that a busy moment of the machine meets all of them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from app.acting import Person
from audit import chain
from audit.changes import FlushReader
from audit.trail import TrailGuard
from tests.bench.shapes import PARAMETERS, VALUES, site
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.records import RecordPlant

RUNS = 4
ROUNDS_OF_RUN = 15


def measure() -> Mapping[str, float]:
    """The ratio of the medians, and the median milliseconds of deriving the images."""
    kinds = {"whole": _as_it_is, "double": _with_double, "derived": _derivation}
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    with site() as plant:
        for run in range(1 + RUNS):
            number = f"B-{run:04}"
            plant.start(_recipe(run, len(kinds) * ROUNDS_OF_RUN), number=number)
            for place in range(len(kinds) * ROUNDS_OF_RUN):
                name = list(kinds)[place % len(kinds)]
                took = kinds[name](plant, number, f"S{place}")
                if run:  # The first run only warms up.
                    taken[name].append(took)
    middle = {name: statistics.median(each) for name, each in taken.items()}
    return {
        "append_overhead_ratio": middle["whole"] / middle["double"],
        "append_derivation_ms": middle["derived"],
    }


def _recipe(run: int, steps: int) -> bytes:
    """One operation of entry steps that the performer signs."""
    keys = [f"S{number}" for number in range(steps)]
    tasks = [task(key, step(key, PARAMETERS, kind="entry")) for key in keys]
    flows, name = " > ".join(["begun", *keys, "done"]), f"PROC_{run}"
    return bpmn(process(name, start("begun"), *tasks, end("done"), flows=flows, entry=True))


def _as_it_is(
    plant: RecordPlant, number: str, key: str, begin: Callable[[], None] = lambda: None
) -> float:
    """Milliseconds of the signed command; `begin` is called right before it."""
    who: Person = plant.person("P-101")
    perform, took = plant.house.perform, []

    def timed(command: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        begin()
        began = time.perf_counter()
        answer = perform(command, *arguments, **more)
        took.append((time.perf_counter() - began) * 1000)
        return answer

    with patch.object(plant.house, "perform", timed):
        who.perform(f"batch/{number}", plant.step(key, number=number).path, VALUES)
    return took[-1]


def _with_double(plant: RecordPlant, number: str, key: str) -> float:
    """The same without its entries."""
    with patch.object(chain, "append", lambda session, drafts: None):
        return _as_it_is(plant, number, key)


def _derivation(plant: RecordPlant, number: str, key: str) -> float:
    """Milliseconds of reading the changes and wording the entries within the command."""
    spent: list[float] = []
    with (
        _clocked(FlushReader, "before", spent),
        _clocked(FlushReader, "after", spent),
        _clocked(TrailGuard, "_drafts", spent),
    ):
        # Rehearsal and confirmation before it run the same code and are no part of it.
        _as_it_is(plant, number, key, spent.clear)
    return sum(spent)


@contextmanager
def _clocked(owner: type[Any], name: str, spent: list[float]) -> Iterator[None]:
    original = getattr(owner, name)

    def timed(*arguments: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(*arguments, **more)
        finally:
            spent.append((time.perf_counter() - began) * 1000)

    with patch.object(owner, name, timed):
        yield
