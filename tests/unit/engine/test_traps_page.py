"""Behind every line about SpiffWorkflow stands a test, a model or a refusal that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.integration.engine.test_resume import MODELS
from tests.support.refusals import REFUSED

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "spiffworkflow.md").read_text(encoding="utf-8")
LINES = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]
PROVEN = [line for line in LINES if not line.endswith("| Shown by |")]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NAMED = re.compile(r'(model|refusal) "([^"]+)"')


@pytest.mark.parametrize("line", PROVEN)
def test_what_a_line_names_exists(line: str) -> None:
    tests, named = TEST.findall(line), NAMED.findall(line)
    assert tests or named
    for path, name in tests:
        module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {each.name for each in module.body if isinstance(each, ast.FunctionDef)}
    for kind, name in named:
        assert name in (MODELS if kind == "model" else REFUSED)
