"""The reference pages say what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.expressions.functions import FUNCTIONS
from workflows.units import UNITS
from workflows.whitelist import ALLOWED, NODES

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("symbol", UNITS)
def test_every_approved_unit_stands_on_its_page(symbol: str) -> None:
    assert f"`{symbol}`" in (REFERENCE / "expressions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_stands_on_its_page(name: str) -> None:
    assert f"`{name}(" in (REFERENCE / "expressions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("element", [*NODES, "sequenceFlow", *(e for e in ALLOWED if "Loop" in e)])
def test_every_element_stands_on_its_page(element: str) -> None:
    assert f"`{element}`" in (REFERENCE / "bpmn-profile.md").read_text(encoding="utf-8")
