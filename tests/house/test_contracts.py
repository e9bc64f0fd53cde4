"""The import contracts of pyproject.toml hold, and each of them would notice a breach."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.test_tree import PACKAGES, ROOT

BREACHES = [
    ("core/anything.py", "import audit", "Imports go down only"),
    ("quality/anything.py", "import production", "Imports go down only"),
    ("engine/anything.py", "import hardware", "Imports go down only"),
    ("ebr/rules.py", "from sqlalchemy import select", "Rules decide without"),
    ("ebr/steps/rules.py", "import flask", "Rules decide without"),
    ("ebr/anything.py", "import asyncua", "Only hardware speaks"),
    ("web/anything.py", "from pymodbus import client", "Only hardware speaks"),
    ("ebr/anything.py", "import SpiffWorkflow", "SpiffWorkflow stays inside"),
    ("ebr/anything.py", "import weasyprint", "Only documents renders"),
    ("audit/anything.py", "import pyhanko", "Only documents renders"),
    ("inventory/anything.py", "import flask", "Only web and app"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--no-logo", "--config", "pyproject.toml"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_contracts_are_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("path", "line", "contract"), BREACHES)
def test_a_breach_is_found(tmp_path: Path, path: str, line: str, contract: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    culprit = tmp_path / path
    culprit.parent.mkdir(exist_ok=True)
    (culprit.parent / "__init__.py").touch()
    culprit.write_text(f"{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1
    broken = [name for name in result.stdout.splitlines() if name.endswith("BROKEN")]
    assert any(name.startswith(contract) for name in broken), result.stdout


def test_the_stand_alone_verifier_needs_the_standard_library_only() -> None:
    tree = ast.parse((ROOT / "audit" / "verifier.py").read_text(encoding="utf-8"))
    modules = {name for node in ast.walk(tree) for name in _imported(node)}
    # cryptography is used where it is there, because it is faster; it is never needed.
    needed = modules - {"cryptography"}
    assert needed
    assert needed <= set(sys.stdlib_module_names)


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "relative").split(".")[0]]
    return []
