"""The text of the append-only triggers is the same in every process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = (
    "from app import tables; from core import appendonly;"
    "print(sorted(appendonly._definitions('sqlite')))"
)


@pytest.mark.urs("URS-AUD-050")
def test_triggers_are_worded_alike_whatever_the_hash_seed() -> None:
    seeds = ("0", "1", "2", "3")
    texts = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in seeds
    }
    assert len(texts) == 1
    assert "CREATE TRIGGER" in texts.pop()
