"""What we do not execute is refused with code, element, line and what to draw instead."""

from __future__ import annotations

import pytest

from tests.support.refusals import REFUSED
from workflows.errors import DefinitionRefused
from workflows.importing import import_procedure


@pytest.mark.urs("URS-MRC-040")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_executed_is_refused_where_it_stands(name: str) -> None:
    refusal = REFUSED[name]
    with pytest.raises(DefinitionRefused) as caught:
        import_procedure(refusal.data)
    found = [f for f in caught.value.findings if f.element == refusal.element]
    said = next(f for f in found if f.code == refusal.code)
    marked = f'id="{refusal.element}"'.encode()
    assert refusal.data.splitlines()[said.line - 1].count(marked)
    assert said.remedy
