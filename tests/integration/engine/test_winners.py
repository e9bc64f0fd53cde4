"""Simultaneous completions have one winner (URS-EXE-090)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.errors import Refusal
from tests.support.bpmn import bpmn, parallel, task
from tests.support.running import Plant, level

WIDE = bpmn(
    level(
        "PROC",
        ["S > A > J", "S > B > J", "S > C > J", "S > D > J", "J > LAST > end"],
        parallel("S"),
        *(task(name) for name in "ABCD"),
        parallel("J"),
        task("LAST"),
    )
)


def attempt(plant: Plant, path: str) -> str:
    try:
        plant.complete(path)
    except Refusal as refusal:
        return f"{refusal.http_status} {refusal.rule}"
    return "done"


@pytest.mark.urs("URS-EXE-090")
def test_fifty_completions_of_one_step_have_one_winner(plant: Plant) -> None:
    plant.run(WIDE)
    with ThreadPoolExecutor(10) as pool:
        answers = Counter(pool.map(lambda _: attempt(plant, "PROC/A#1"), range(50)))
    assert answers == {"done": 1, "409 step.order": 49}
    assert len(plant.ready()) == 3


@pytest.mark.urs("URS-EXE-090")
def test_steps_of_parallel_branches_done_at_once_all_count(plant: Plant) -> None:
    plant.run(WIDE)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda name: attempt(plant, f"PROC/{name}#1"), "ABCD"))
    assert answers == ["done"] * 4
    assert plant.ready() == ["PROC/LAST#1"]
