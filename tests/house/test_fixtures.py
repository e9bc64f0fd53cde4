"""The suite's own ground: real databases, loopback only, known requirement ids."""

from __future__ import annotations

import socket
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.support.loopback import OutsideConnection
from tests.support.places import Places, owner_url
from tests.support.postgres import APP, OWNER, PostgresServer
from tests.support.requirements import known_requirements
from tests.support.templates import Templates


def test_a_fresh_database_answers(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_postgres_keeps_the_promises_of_the_product(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(text(f"SHOW {setting}")).scalar() == "on"
        assert connection.execute(text("SELECT current_user")).scalar() == OWNER
    engine.dispose()


def test_a_copy_of_a_template_holds_what_the_template_holds(
    postgres_server: PostgresServer,
) -> None:
    template = postgres_server.create_database()
    _run(postgres_server.url(template), "CREATE TABLE seed (n int)")
    copy = postgres_server.create_database(template=template)
    _run(postgres_server.url(copy), "INSERT INTO seed VALUES (1)")


def test_a_database_is_filled_by_copy_and_built_once(
    templates: Templates, database_url: str
) -> None:
    built = []

    def build(url: str) -> None:
        built.append(url)
        _run(url, "CREATE TABLE seed (n int)")

    for _ in range(2):
        templates.fill(database_url, build)
        _run(database_url, "INSERT INTO seed VALUES (1)")
        assert _count(database_url) == 1, "each copy starts as it was built"
    assert len(built) == 1
    assert built != [database_url]


def test_a_site_on_a_server_is_copied_by_copying_its_note(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    places = Places()
    places.use(lambda: postgres_server)
    first = tmp_path / "first" / "site.db"
    _run(owner_url(places.url_at(first)), "CREATE TABLE seed (n int)")
    copytree(tmp_path / "first", tmp_path / "second")
    second = tmp_path / "second" / "site.db"
    _run(owner_url(places.url_at(second)), "INSERT INTO seed VALUES (1)")
    assert [_count(owner_url(places.url_at(path))) for path in (first, second)] == [0, 1]
    assert Places().url_at(second) == places.url_at(second), "as another process sees it"
    places.forget_below(tmp_path / "second")
    with pytest.raises(OperationalError, match="does not exist"):
        _count(Places().url_at(second))
    assert _count(owner_url(places.url_at(first))) == 0


def test_a_site_that_is_still_open_is_copied_and_stays_usable(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    places = Places()
    places.use(lambda: postgres_server)
    url = owner_url(places.url_at(tmp_path / "first" / "site.db"))
    engine = create_engine(url, pool_pre_ping=True)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE seed (n int)"))
    copytree(tmp_path / "first", tmp_path / "second")
    assert _count(owner_url(places.url_at(tmp_path / "second" / "site.db"))) == 0
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM seed")).scalar_one() == 0
    engine.dispose()
    places.forget_below(tmp_path)


def test_a_site_in_a_file_is_the_file(tmp_path: Path) -> None:
    assert Places().url_at(tmp_path / "site.db") == f"sqlite:///{tmp_path / 'site.db'}"


def test_the_role_of_the_product_owns_nothing(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    with pytest.raises(Exception, match="permission denied"):
        _run(postgres_server.url(name, role=APP), "CREATE TABLE mine (n int)")


def test_another_machine_cannot_be_reached() -> None:
    with socket.socket() as connection, pytest.raises(OutsideConnection):
        connection.connect(("192.0.2.1", 80))
    with pytest.raises(OutsideConnection):
        socket.getaddrinfo("example.org", 443)


def test_this_machine_can_be_reached() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_all_requirements_are_known_with_their_risk() -> None:
    risks = known_requirements()
    assert len(risks) == 131
    assert set(risks.values()) == {"H", "M", "L"}


def _run(url: str, statement: str) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def _count(url: str) -> int:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SELECT count(*) FROM seed")).scalar_one())
    finally:
        engine.dispose()
