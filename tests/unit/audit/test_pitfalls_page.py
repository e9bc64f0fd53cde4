"""Behind every pitfall of audit trails stands a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "audit-pitfalls.md"
LINE = re.compile(r"^\| (\d+) \|.*$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ALL = 22


def lines() -> list[re.Match[str]]:
    return list(LINE.finditer(PAGE.read_text(encoding="utf-8")))


def test_every_number_has_its_line() -> None:
    assert [int(line[1]) for line in lines()] == list(range(1, ALL + 1))


@pytest.mark.parametrize("line", [found[0] for found in lines()])
def test_what_a_line_names_exists(line: str) -> None:
    tests = TEST.findall(line)
    assert tests
    for path, name in tests:
        module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {each.name for each in module.body if isinstance(each, ast.FunctionDef)}
