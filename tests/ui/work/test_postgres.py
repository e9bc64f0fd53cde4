"""One smoke run of the screens on PostgreSQL: the same step, performed and verified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.records import RecordPlant, make_tables, staff
from tests.support.webrecipe import recipe
from tests.ui.work.test_work import (
    test_an_operator_performs_a_step_and_another_verifies_it as test_a_step_on_postgresql,
)

__all__ = ["test_a_step_on_postgresql"]


@pytest.fixture
def plant(postgres_url: str, tmp_path: Path) -> Iterator[RecordPlant]:
    """A staffed site on PostgreSQL whose batch waits at its first step."""
    make_tables(postgres_url)
    made = RecordPlant(postgres_url, tmp_path)
    staff(made)
    made.start(recipe())
    yield made
    made.close()
