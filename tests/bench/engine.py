"""Group `engine`: what one step costs at any size, over its floor and beside stock SpiffWorkflow.

Each figure is the median of rounds in which all sizes take turns, so that a busy moment of the
machine meets all of them. A step is one command in a new session; only definitions are cached.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench import floor, naive, peer
from tests.bench.capturing import Captured, captured
from tests.bench.shapes import SIZES, Next, SizedRun, site

ROUNDS = 60
BORDERS = 15
FLOOR_STEPS = 9


@dataclass
class Taken:
    """What the steps of one size took."""

    plain: list[float] = field(default_factory=list)
    border: list[float] = field(default_factory=list)
    costs: list[Captured] = field(default_factory=list)


def measure() -> Mapping[str, float]:
    """Medians in milliseconds, counts per step, and the ratios that the design promises."""
    with ExitStack() as stack:
        runs = {name: SizedRun(stack.enter_context(site()), SIZES[name]) for name in SIZES}
        for run in runs.values():
            run.start()
            _forward(run)
        taken = _rounds(runs)
        figures = _times(taken) | _counts(taken)
        floors = [_over_floor(runs["n1000"]) for _ in range(FLOOR_STEPS)]
    figures["step_floor_ms"] = statistics.median(low for low, _ in floors)
    figures["step_over_floor"] = statistics.median(took / low for low, took in floors)
    stock, other = naive.step_ms(), peer.measure()
    again = other["peer_bpmn_engine_restart_ms_n1000"]
    return figures | {
        **other,
        "peer_bpmn_engine_over_ours_n1000": again / figures["step_ms_n1000"],
        "step_flat_ratio": figures["step_ms_n3000"] / figures["step_ms_n10"],
        "naive_spiff_ms_n1000": stock,
        "naive_over_ours_n1000": stock / figures["step_ms_n1000"],
    }


def _forward(run: SizedRun) -> None:
    """To the middle of the run, so that a long record lies behind and before the steps."""
    units, operations, steps = run.shape
    for _ in range(units * operations * steps // 2 if units > 1 else 0):
        run.perform(_waiting(run).path)


def _waiting(run: SizedRun) -> Next:
    """The next step; a run that has ended is begun anew, outside of what is timed."""
    found = run.next()
    if found is None:
        run.start()
        found = run.next()
    assert found is not None, "a run that was just started waits for its first step"
    return found


def _rounds(runs: Mapping[str, SizedRun]) -> dict[str, Taken]:
    taken: dict[str, Taken] = defaultdict(Taken)
    while any(_more(taken[name]) for name in runs):
        for name, run in runs.items():
            waiting = _waiting(run)
            with captured(run.plant.house.database) as cost:
                took = _timed(run, waiting.path)
            (taken[name].border if waiting.border else taken[name].plain).append(took)
            if not waiting.border:
                taken[name].costs.append(cost)
    return taken


def _more(taken: Taken) -> bool:
    return len(taken.plain) < ROUNDS or len(taken.border) < BORDERS


def _timed(run: SizedRun, path: str) -> float:
    began = time.perf_counter()
    run.perform(path)
    return (time.perf_counter() - began) * 1000


def _times(taken: Mapping[str, Taken]) -> dict[str, float]:
    figures = {}
    for name, found in taken.items():
        figures[f"step_ms_{name}"] = statistics.median(found.plain)
        figures[f"border_step_ms_{name}"] = statistics.median(found.border)
    return figures


def _counts(taken: Mapping[str, Taken]) -> dict[str, float]:
    figures = {}
    for name, found in taken.items():
        costs = found.costs
        figures[f"step_sql_statements_{name}"] = statistics.median(len(c.sent) for c in costs)
        figures[f"step_sql_rows_{name}"] = statistics.median(c.rows for c in costs)
        figures[f"step_sql_bytes_{name}"] = statistics.median(c.bytes for c in costs)
    return figures


def _over_floor(run: SizedRun) -> tuple[float, float]:
    """The floor of one plain step, and what the step took, both in milliseconds."""
    waiting = _waiting(run)
    while waiting.border:
        run.perform(waiting.path)
        waiting = _waiting(run)
    with floor.copy_of(run.plant.house.database) as before:
        with captured(run.plant.house.database) as cost:
            took = _timed(run, waiting.path)
        return floor.replay_ms(before, cost), took
