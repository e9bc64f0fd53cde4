"""Group `evidence`: what it costs to believe a record.

Each part measures in a process of its own, so that none inherits the memory of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context

PARTS = ("append", "search", "bundles", "longpdf", "backups")


def measure() -> Mapping[str, float]:
    """All figures of the group; a part that fails raises its error here."""
    found: dict[str, float] = {}
    for part in PARTS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            found.update(alone.submit(_part, part).result())
    return found


def _part(name: str) -> Mapping[str, float]:
    figures: Mapping[str, float] = import_module(f"tests.bench.{name}").measure()
    return dict(figures)
