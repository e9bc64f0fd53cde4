"""Measure one group or all of them and merge the figures into var/bench.json.

    python -m tests.bench            every group
    python -m tests.bench store      one group

The file is flat: one figure per name, with the commit and the time of the last run beside them. A
group that was not run keeps its earlier figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import documents, engine, equipment, evidence, language, scaling, store, web

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "var" / "bench.json"
Measure = Callable[[], Mapping[str, float]]
GROUPS: dict[str, Measure] = {
    "documents": documents.measure,
    "engine": lambda: {**engine.measure(), **scaling.measure(), **language.measure()},
    "store": store.measure,
    "web": web.measure,
    "equipment": equipment.measure,
    "evidence": evidence.measure,
}


def main(arguments: list[str]) -> int:
    """Command line; exit code 2 for an unknown group."""
    unknown = [name for name in arguments if name not in GROUPS]
    if unknown:
        print(f"no such group: {', '.join(unknown)}; there are: {', '.join(GROUPS)}")
        return 2
    for name in arguments or GROUPS:
        figures = GROUPS[name]()
        for figure, value in figures.items():
            print(f"{name:10} {figure:40} {value:12.3f}")
        merge(figures, RESULTS)
    return 0


def merge(figures: Mapping[str, float], path: Path) -> None:
    """Add the figures to the file, or replace those of the same name."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    merged = {**known, **figures, "commit": _commit(), "at": _now()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
