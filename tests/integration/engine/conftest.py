"""A plant with one engine, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running import Plant, install


@pytest.fixture
def plant(database_url: str) -> Iterator[Plant]:
    """A fresh site whose record is a scripted host."""
    install(database_url)
    made = Plant(database_url)
    yield made
    made.close()


@pytest.fixture
def small_plant(chosen_url: str) -> Iterator[Plant]:
    """The same on the database that the run was asked for."""
    install(chosen_url)
    made = Plant(chosen_url)
    yield made
    made.close()
