"""Tests of one group run in one process; else each process would play the whole batch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

OPTIONS = ("-n", "2", "-v", "--dist=loadgroup", "-c", "none.ini")
# Those without a group take their time: the process that has the group is to get some of them.
FEW = """
import time

import pytest

@pytest.mark.xdist_group("kept")
@pytest.mark.parametrize("number", range(8))
def test_kept_together(number): pass

@pytest.mark.parametrize("number", range(8))
def test_alone(number): time.sleep(0.3)
"""


def processes(folder: Path, name: str) -> set[str]:
    """Which of two processes ran the tests of that name; what was asked of this run is not
    asked of theirs."""
    (folder / "test_few.py").write_text(FEW)
    (folder / "none.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", *OPTIONS]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=folder, env=clean, capture_output=True, text=True, check=True
    )
    return set(re.findall(rf"\[(gw\d)\].*::{name}\[", done.stdout))


def test_a_group_stays_in_one_process(tmp_path: Path) -> None:
    assert len(processes(tmp_path, "test_kept_together")) == 1


def test_tests_without_a_group_are_shared_out(tmp_path: Path) -> None:
    assert len(processes(tmp_path, "test_alone")) == 2
