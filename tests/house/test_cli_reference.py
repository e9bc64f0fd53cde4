"""The generated pages of the reference say what the code says."""

from __future__ import annotations

import pytest

from tools import reference


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_generated_page_is_up_to_date(name: str) -> None:
    page = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert page == reference.PAGES[name](), "run python -m tools.reference"


def test_every_command_explains_itself() -> None:
    told = dict(reference.helps())
    assert {"batchwright run", "batchwright simulate place", "batchwright user add"} <= set(told)
    silent = [name for name, text in told.items() if text.count("\n\n") < 2]
    assert silent == []


def test_no_two_states_of_one_table_have_the_same_code_or_miss_a_word() -> None:
    for table in reference.TABLES:
        rows = [line for line in table.lines() if line.startswith("| `")]
        assert len(rows) == len(list(table.kind)) == len(set(rows))
