"""Eight writers at once: four threads of each of two processes perform steps on one SQLite file.

As two web processes would: each writer has a batch of its own, all share the one writer's turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from queue import Queue
from typing import Any

from tests.bench.shapes import SizedRun, site
from tests.support.records import RecordPlant

PROCESSES = 2
THREADS = 4
STEPS = 80
SHAPE = (1, 10, 10)


def measure() -> Mapping[str, float]:
    """Waiting and working together: median and 99th percentile of a step in milliseconds.

    SQLite has one writer: who comes last in a full queue waits for seven steps of others and then
    does its own. That is the floor (`queue`) that both are compared with.
    """
    with site() as plant:
        url = plant.house.database.url.render_as_string(hide_password=False)
        names = [f"B-{number:04}" for number in range(1, PROCESSES * THREADS + 1)]
        for edition, name in enumerate(names, 1):
            SizedRun(plant, SHAPE, number=name, started=edition - 1).start()
        before = _perform(plant, names[0], STEPS // 8)
        took = _together(url, names)
        alone = statistics.median([*before, *_perform(plant, names[0], STEPS // 8)])
    median, slow = statistics.median(took), statistics.quantiles(took, n=100)[98]
    queue = PROCESSES * THREADS * alone
    return {
        "writers_1_median_ms": alone,
        "writers_8_median_ms": median,
        "writers_8_p99_ms": slow,
        "writers_8_over_queue": median / queue,
        "writers_8_p99_over_queue": slow / queue,
        "writers_8_steps_per_s": 1000 * PROCESSES * THREADS / statistics.mean(took),
    }


def _together(url: str, names: list[str]) -> list[float]:
    context = get_context("spawn")
    begin, answers = context.Barrier(PROCESSES), context.Queue()
    processes = [
        context.Process(target=_process, args=(url, names[part::PROCESSES], begin, answers))
        for part in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    took = [each for _ in processes for each in answers.get(timeout=600)]
    for process in processes:
        process.join()
    return took


def _process(url: str, names: list[str], begin: Barrier, answers: Queue[Any]) -> None:
    plant = RecordPlant(url, Path(url.removeprefix("sqlite:///")).parent)
    for name in names:
        _perform(plant, name, 1)
    begin.wait(60)
    with ThreadPoolExecutor(len(names)) as threads:
        lists = threads.map(lambda name: _perform(plant, name, STEPS - 20), names)
        answers.put([each for one in lists for each in one])
    plant.close()


def _perform(plant: RecordPlant, number: str, count: int) -> list[float]:
    run, took = SizedRun(plant, SHAPE, number=number), []
    for _ in range(count):
        waiting = run.next()
        assert waiting is not None, f"{number} has ended too early"
        began = time.perf_counter()
        run.perform(waiting.path)
        took.append((time.perf_counter() - began) * 1000)
    return took
