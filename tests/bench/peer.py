"""The npm package bpmn-engine on the same recipe: a peer that keeps its whole state as one text.

It knows no record, no signature and no audit trail; what is compared is only what it costs to make
one step of 1,000 durable, with the engine in memory and as after a restart.
"""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.shapes import SIZES, recipe
from tools import assets

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "peer_engine"
STEPS = 7


def measure() -> Mapping[str, float]:
    """Medians in milliseconds at the middle of 1,000 steps, and the size of its state in KiB."""
    node = assets.node_with_packages(ROOT, FOLDER)
    units, operations, steps = SIZES["n1000"]
    with TemporaryDirectory() as folder:
        drawn = Path(folder, "recipe.bpmn")
        drawn.write_bytes(recipe(SIZES["n1000"]))
        middle = units * operations * steps // 2
        command = [node, "step.mjs", drawn, Path(folder, "state.json"), middle, STEPS]
        asked = subprocess.run(
            [str(part) for part in command],
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(asked.stdout)
    return {
        "peer_bpmn_engine_step_ms_n1000": statistics.median(found["stepMs"]),
        "peer_bpmn_engine_restart_ms_n1000": statistics.median(found["restartMs"]),
        "peer_bpmn_engine_state_kib_n1000": found["bytes"] / 1024,
    }
