"""Fixtures and rules of every test: databases, loopback only, known requirement ids."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support import contract
from tests.support.loopback import forbid_the_world
from tests.support.places import PLACES, POSTGRESQL, SQLITE, site_url
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.requirements import known_requirements
from tests.support.templates import Templates

SUITE_DATABASE = pytest.StashKey[PostgresServer]()
OBSERVER = contract.Observer()
SEEN = "seen in committed acts"
BROKEN = pytest.StashKey[list[str]]()
WHOLE = ["tests"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which database holds the sites of a run."""
    parser.addoption(
        "--database",
        choices=(SQLITE, POSTGRESQL),
        default=SQLITE,
        help="where test sites lie; tests of SQLite files themselves stay out of the other one",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported."""
    forbid_the_world()
    watching = ExitStack()
    watching.enter_context(OBSERVER.watching())
    config.add_cleanup(watching.close)
    if config.getoption("database") == POSTGRESQL:
        PLACES.use(lambda: suite_server(config))


def suite_server(config: pytest.Config) -> PostgresServer:
    """The PostgreSQL of this test process, started at first use and stopped at the end."""
    if SUITE_DATABASE not in config.stash:
        ending = ExitStack()
        config.add_cleanup(ending.close)
        config.stash[SUITE_DATABASE] = ending.enter_context(running_postgres())
    return config.stash[SUITE_DATABASE]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process hands over what it saw; the last one compares it with what there is."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[SEEN] = sorted(OBSERVER.seen)
    elif is_whole(session.config) and session.exitstatus == pytest.ExitCode.OK:
        lines = contract.broken(contract.operations(), OBSERVER.seen, contract.SILENT)
        session.config.stash[BROKEN] = lines
        if lines:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What another process saw."""
    OBSERVER.seen |= set(getattr(node, "workeroutput", {}).get(SEEN, ()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What the contract of the trail lacks."""
    if lines := config.stash.get(BROKEN, []):
        terminalreporter.section("the contract of the audit trail does not hold (URS-AUD-010)")
        terminalreporter.line("\n".join(lines))


def is_whole(config: pytest.Config) -> bool:
    """Whether a run holds every test of a change; of a part nothing follows, and with the sites on
    PostgreSQL tests of SQLite stay out."""
    chosen = config.option.keyword or config.option.markexpr != "not nightly"
    embedded = config.getoption("database") == SQLITE
    return config.args == WHOLE and embedded and not chosen and not config.option.collectonly


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a marker with an id that is no requirement: the trace matrix is built from them."""
    if config.getoption("database") == POSTGRESQL:
        left_out = [item for item in items if about_sqlite(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    known = known_requirements()
    for item in items:
        for marker in item.iter_markers("urs"):
            unknown = [str(name) for name in marker.args if name not in known]
            if unknown or not marker.args:
                raise pytest.UsageError(f"{item.nodeid}: no such requirement: {unknown}")


def about_sqlite(item: pytest.Item) -> bool:
    """The test is about SQLite itself: it says so, or is one half of a pair on both databases."""
    marker = item.get_closest_marker("sqlite")
    if marker is not None and not marker.args:
        raise pytest.UsageError(f"{item.nodeid}: the marker sqlite needs its reason")
    pair = getattr(item, "callspec", None)
    on_both = pair is not None and pair.params.get("database_url") == SQLITE
    return marker is not None or on_both or "sqlite_url" in getattr(item, "fixturenames", ())


@pytest.fixture(autouse=True)
def _databases_go_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    folder = "tmp_path" in request.fixturenames and request.getfixturevalue("tmp_path")
    yield
    if folder:
        PLACES.forget_below(folder)


@pytest.fixture
def chosen_url(tmp_path: Path) -> str:
    """The URL of a fresh, empty database of the kind that the run was asked for."""
    return site_url(tmp_path / "site.db")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'site.db'}"


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> PostgresServer:
    """A PostgreSQL of this test process; started at first use."""
    return suite_server(pytestconfig)


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
