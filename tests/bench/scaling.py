"""What the engine alone costs: CPU of a step, wide and long repetition, cold and crowded starts.

The record is a scripted stand-in, so that only engine, audit trail and database are measured. CPU
is that of the command without writing its rows (the flush, told beside it) and without the commit;
everything else is what a caller waits.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest.mock import patch

from audit.streams import Stream
from core.house import moment
from engine import commands, programs
from tests.bench.shapes import SIZES, recipe
from tests.support.bpmn import boundary, bpmn, call, multi_instance, standard_loop, task, timer
from tests.support.running import BATCH, OPERATOR, Plant, install, level
from workflows import queries

UNITS, OPERATIONS, STEPS = 40, 5, 25
"""5,000 steps in operations of 25."""
TAKEN = 100
RUNS = 12
AHEAD = 500
CHILDREN = 200
ROUNDS = 2000
CROWD = 50
"""Runs with `CHILDREN` open instances each: 10,000 in all."""
TIMERS = 300
COLD = 5

WIDE = bpmn(
    level(
        "PROC", "EACH", call("EACH", "OP", loop=multi_instance(str(CHILDREN)), max_rounds=CHILDREN)
    ),
    level("OP", "DO", task("DO")),
)
LONG = bpmn(
    level(
        "PROC",
        "AGAIN",
        call("AGAIN", "OP", loop=standard_loop("true", maximum=ROUNDS), max_rounds=ROUNDS),
    ),
    level("OP", "DO", task("DO")),
)
WAITING = bpmn(
    level(
        "PROC",
        ["DO > end", "LATE > AFTER > LATE_end"],
        task("DO"),
        boundary("LATE", "DO", timer("duration", "PT90M")),
        task("AFTER"),
        '<bpmn:endEvent id="LATE_end"/>',
    )
)


def measure() -> Mapping[str, float]:
    """Milliseconds, ratios, seconds and counts per second, each a median where there are many."""
    return {**_cpu(), **_wide(), **_long(), **_cold(), **_crowded(), **_timers()}


@contextmanager
def _plant() -> Iterator[Plant]:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'site.db'}"
        install(url)
        plant = Plant(url)
        try:
            yield plant
        finally:
            plant.close()


class Spent(NamedTuple):
    """CPU of one step in ms: of the engine, and of writing its rows."""

    engine: float
    flush: float


def _spent(plant: Plant, record: Stream = BATCH) -> Spent:
    """Complete the first open step of a run."""
    path, written = plant.ready(record)[0], 0.0
    with plant.acting() as session:
        flush = session.flush

        def counted() -> None:
            nonlocal written
            began = time.thread_time()
            flush()
            written += time.thread_time() - began

        with patch.object(session, "flush", counted):
            at, began = moment(session).site, time.thread_time()
            commands.complete_task(session, record, path, by=OPERATOR, at=at)
            session.flush()
            took = time.thread_time() - began
    return Spent((took - written) * 1000, written * 1000)


def _large() -> bytes:
    units = [f"U{unit}" for unit in range(UNITS)]
    levels = [_calls("PROC", units, "procedure")]
    for unit in units:
        inner = [f"{unit}_O{number}" for number in range(OPERATIONS)]
        levels.append(_calls(unit, inner, "unit_procedure"))
        for name in inner:
            keys = [f"{name}_S{number}" for number in range(STEPS)]
            levels.append(level(name, " > ".join(keys), *map(task, keys)))
    return bpmn(*levels)


def _calls(name: str, called: list[str], isa88: str) -> str:
    nodes = [call(f"CA_{each}", each) for each in called]
    return level(name, " > ".join(f"CA_{each}" for each in called), *nodes, isa88=isa88)


def _cpu() -> dict[str, float]:
    # What earlier groups left in memory is no part of a step: a full collection comes at random.
    gc.collect()
    gc.freeze()
    with _plant() as plant:
        digest = plant.store(recipe(SIZES["n10"]))
        small = [spent for number in range(RUNS) for spent in _short(plant, digest, number)]
    with _plant() as plant:
        plant.run(_large())
        for _ in range(AHEAD):
            plant.complete(plant.ready()[0])
        large = [_spent(plant) for _ in range(TAKEN)]
    gc.unfreeze()
    return {**_medians("n10", small), **_medians("n5000", large)}


def _short(plant: Plant, digest: str, number: int) -> list[Spent]:
    """All steps of a run of 10 but the last, which also ends three levels; none of the first run,
    in which statements are compiled."""
    record = Stream("batch", f"B-{number}")
    plant.start(digest, record)
    spent = [_spent(plant, record) for _ in range(9)]
    return spent if number else []


def _medians(size: str, spent: list[Spent]) -> dict[str, float]:
    return {
        f"engine_cpu_ms_per_step_{size}": statistics.median(each.engine for each in spent),
        f"engine_flush_cpu_ms_per_step_{size}": statistics.median(each.flush for each in spent),
    }


def _wide() -> dict[str, float]:
    with _plant() as plant:
        plant.run(WIDE)
        took = [_waited_ms(plant, path) for path in plant.ready()]
    assert len(took) == CHILDREN
    return {"parallel_200_children_ms_per_step": statistics.median(took)}


def _long() -> dict[str, float]:
    with _plant() as plant:
        plant.run(LONG)
        took = [sum(_spent(plant)) for _ in range(ROUNDS)]
        assert plant.state() == "complete"
    early, late = statistics.median(took[:TAKEN]), statistics.median(took[-TAKEN:])
    return {"loop_2000_rounds_flat_ratio": late / early}


def _cold() -> dict[str, float]:
    """A step in a process that has not seen the definition of 1,000 steps yet."""
    with _plant() as plant:
        plant.run(recipe(SIZES["n1000"]))
        took = []
        for _ in range(COLD):
            path = plant.ready()[0]
            programs.forget()
            queries.forget()
            took.append(_waited_ms(plant, path))
    return {"cold_step_ms_n1000": statistics.median(took)}


def _waited_ms(plant: Plant, path: str) -> float:
    began = time.perf_counter()
    plant.complete(path)
    return (time.perf_counter() - began) * 1000


def _crowded() -> dict[str, float]:
    """A new process on a site with 10,000 open instances: its first look at jobs and steps."""
    with _plant() as plant:
        digest = plant.store(WIDE)
        for number in range(CROWD):
            plant.start(digest, Stream("batch", f"B-{number}"))
        began = time.perf_counter()
        again = Plant(str(plant.house.database.writer.url))
        again.worker.run_pending()
        assert len(again.ready(Stream("batch", "B-0"))) == CHILDREN
        took = time.perf_counter() - began
        again.close()
    return {"open_instances_10000_start_s": took}


def _timers() -> dict[str, float]:
    with _plant() as plant:
        digest = plant.store(WAITING)
        for number in range(TIMERS):
            plant.start(digest, Stream("batch", f"B-{number}"))
        plant.clock.move(timedelta(minutes=90, seconds=1))
        began = time.perf_counter()
        fired = 0
        while some := plant.worker.run_pending():
            fired += some
        took = time.perf_counter() - began
    assert fired == TIMERS
    return {"timers_fired_per_s": fired / took}
