"""Walks through a recipe on the engine alone, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tests.support.running import Plant

LONGEST = 400
"""More steps than any way through a shipped recipe has."""


def key_of(path: str) -> str:
    """The step at a path (every task is named by the key of its step)."""
    return path.rpartition("/")[2].partition("#")[0]


def path_of(plant: Plant, key: str) -> str:
    """The path of the open step with this key."""
    return next(path for path in plant.ready() if key_of(path) == key)


def walk(
    plant: Plant, until: str | None = None, before: Callable[[str], None] = lambda key: None
) -> Counter[str]:
    """Complete what is open until nothing is, or until a step is reached; answers what was done.

    `before` is told each step before it is completed, to set values. The answer is in order.
    """
    done: Counter[str] = Counter()
    for _ in range(LONGEST):
        ready = plant.ready()
        if not ready or any(key_of(path) == until for path in ready):
            return done
        first = key_of(ready[0])
        before(first)
        plant.complete(ready[0])
        done[first] += 1
    raise AssertionError("the procedure does not end")
