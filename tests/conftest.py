"""Fixtures and rules of every test: databases, loopback only, known requirement ids."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.loopback import forbid_the_world
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.requirements import known_requirements
from tests.support.templates import Templates


def pytest_configure() -> None:
    """Before any test module is imported."""
    forbid_the_world()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a marker with an id that is no requirement: the trace matrix is built from them."""
    known = known_requirements()
    for item in items:
        for marker in item.iter_markers("urs"):
            unknown = [str(name) for name in marker.args if name not in known]
            if unknown or not marker.args:
                raise pytest.UsageError(f"{item.nodeid}: no such requirement: {unknown}")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'site.db'}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test process; started at first use."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty database, as the role that owns it."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Run the test twice: on an SQLite file and on PostgreSQL, both fresh and empty."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest) -> Iterator[Templates]:
    """`templates.fill(database_url, build)`: tables and first rows by copy, made once."""
    made = Templates(lambda: request.getfixturevalue("postgres_server"))
    yield made
    made.close()
