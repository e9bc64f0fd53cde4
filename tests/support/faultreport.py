"""What the fault programme came to, kept in `var/faults.json` for docs/explanation/reliability.md.

Each test tells its runs and what was lost, doubled or broken in them; each control tells that the
same checker found what was made wrong on purpose. A run on PostgreSQL tells its own.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from tests.support.faultcheck import Findings
from tests.support.places import PLACES, POSTGRESQL

ROOT = Path(__file__).parents[2]
FILE = ROOT / "var" / "faults.json"
SERVER = "-postgresql"
"""Ends the name of a fault that was tried with the site on PostgreSQL."""
Told = dict[str, Any]


def tell(fault: str, found: Findings, *, runs: int, note: str = "") -> None:
    """The runs of one fault, and what they left."""

    def add(told: Told) -> None:
        told.update(
            runs=runs,
            lost=len(found.lost),
            doubled=len(found.doubled),
            broken=len(found.broken),
            note=note,
            at=f"{SystemClock().now():%Y-%m-%d}",
            commit=_commit(),
        )

    _change(fault, add)


def tell_control(fault: str, broken: str, caught: str) -> None:
    """A control of that fault: what was broken on purpose, and how it was caught."""
    _change(fault, lambda told: told.setdefault("controls", {}).update({broken: caught}))


def counted(found: Findings) -> str:
    """Findings as numbers: `3 lost, 1 broken`."""
    kinds = {"lost": found.lost, "doubled": found.doubled, "broken": found.broken}
    return ", ".join(f"{len(items)} {kind}" for kind, items in kinds.items() if items)


def read() -> dict[str, Told]:
    """Everything that was told so far, by fault."""
    try:
        found: dict[str, Told] = json.loads(FILE.read_text())
    except FileNotFoundError:
        return {}
    return found


def on_this_database(fault: str) -> str:
    """The name of the fault in this run; one that is about both databases keeps its name."""
    told_together = fault.startswith(("postgres", "clock"))
    ours = PLACES.kind == POSTGRESQL and not told_together
    return f"{fault.removesuffix(SERVER)}{SERVER}" if ours else fault


def _change(fault: str, change: Callable[[Told], None]) -> None:
    fault = on_this_database(fault)
    FILE.parent.mkdir(exist_ok=True)
    with FILE.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        everything = read()
        change(everything.setdefault(fault, {}))
        FILE.write_text(json.dumps(everything, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
