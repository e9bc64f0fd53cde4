"""The database itself refuses to change or lose a fact, whoever asks with raw SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from audit import checkpoints, keys, trail
from audit.sequencer import sequence_pending
from audit.streams import Stream
from audit.trail import TrailGuard
from core import appendonly
from core.clock import HeldClock
from core.db import Database
from core.errors import BrokenPromise
from core.house import House
from tests.integration.audit.conftest import OPERATOR, START, forget_triggers, make_site
from tests.support.postgres import ADMIN, APP, PostgresServer

BATCH = Stream("batch", "B-1")
FACTS = ["entry", "log_leaf", "log_node", "checkpoint", "signature", "site"]
COPY = (
    "entry (id, site_id, rec, rseq, at, actor, action, object, payload, leaf) "
    "SELECT {id}, site_id, rec, rseq, at, actor, action, object, payload, leaf FROM entry "
    "WHERE rseq = 1"
)


def note(house: House, times: int = 1) -> None:
    for _ in range(times):
        with (
            house.transaction() as session,
            trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR),
        ):
            pass


def refusal(engine: Engine, statement: str) -> str:
    """What the database says to a statement that it must refuse."""
    with pytest.raises(DBAPIError) as refused, engine.begin() as connection:
        connection.execute(text(statement))
    return str(refused.value.orig)


@pytest.fixture
def raw(house: House, database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """A plain connection beside the application, as the owner of the tables."""
    note(house, 2)
    sequence_pending(house, keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd")))
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.mark.urs("URS-AUD-050")
@pytest.mark.parametrize("table", [name for name in FACTS if name != "signature"])
def test_facts_are_neither_changed_nor_deleted(raw: Engine, table: str) -> None:
    assert "append-only" in refusal(raw, f"UPDATE {table} SET site_id = 2")
    assert "append-only" in refusal(raw, f"DELETE FROM {table}")


@pytest.mark.urs("URS-AUD-050")
def test_facts_are_not_replaced_by_an_insert(raw: Engine) -> None:
    upsert = "INSERT INTO {copy} ON CONFLICT ({key}) DO UPDATE SET actor = 'P-999'"
    same, other = COPY.format(id="id"), COPY.format(id="'" + "0" * 32 + "'")
    if raw.dialect.name == "sqlite":
        for copy in (same, other):
            assert "append-only" in refusal(raw, f"INSERT OR REPLACE INTO {copy}")
            assert "append-only" in refusal(raw, f"REPLACE INTO {copy}")
    else:
        other = COPY.format(id="gen_random_uuid()")
        assert "append-only" in refusal(raw, "TRUNCATE entry")
    assert "append-only" in refusal(raw, upsert.format(copy=same, key="id"))
    assert "append-only" in refusal(raw, upsert.format(copy=other, key="site_id, rec, rseq"))


@pytest.mark.urs("URS-AUD-050")
def test_a_missing_or_disabled_trigger_is_found_at_start(raw: Engine, database_url: str) -> None:
    with raw.begin() as connection:
        appendonly.check(connection)
        drop = "DROP TRIGGER keep_entry_delete"
        on = "" if raw.dialect.name == "sqlite" else " ON entry"
        connection.exec_driver_sql(drop + on)
    with raw.connect() as connection, pytest.raises(BrokenPromise, match="keep_entry_delete"):
        appendonly.check(connection)
    with raw.begin() as connection:
        appendonly.install(connection)
        appendonly.check(connection)
    forget_triggers(database_url)
    with raw.connect() as connection, pytest.raises(BrokenPromise, match="keep_checkpoint_update"):
        appendonly.check(connection)


@pytest.mark.urs("URS-AUD-050")
def test_a_trigger_replaced_by_a_tame_one_of_the_same_name_is_found(raw: Engine) -> None:
    if raw.dialect.name == "sqlite":
        name = "keep_entry_delete"
        tame = [f"DROP TRIGGER {name}",
                f"CREATE TRIGGER {name} BEFORE DELETE ON entry BEGIN SELECT 1; END"]  # fmt: skip
    else:
        name = "keep_entry_truncate"
        tame = ["CREATE OR REPLACE FUNCTION keep_refuse() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN OLD; END'"]  # fmt: skip
    with raw.begin() as connection:
        for statement in tame:
            connection.exec_driver_sql(statement)
    with raw.connect() as connection, pytest.raises(BrokenPromise, match=name):
        appendonly.check(connection)


@pytest.mark.urs("URS-AUD-050")
def test_a_disabled_trigger_is_found(postgres_server: PostgresServer, server_site: str) -> None:
    engine = create_engine(postgres_server.url(server_site))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE entry DISABLE TRIGGER keep_entry_update")
    with engine.connect() as connection, pytest.raises(BrokenPromise, match="keep_entry_update"):
        appendonly.check(connection)
    engine.dispose()


def test_a_plain_sqlite_client_without_our_settings_replaces_nothing(sqlite_url: str) -> None:
    make_site(sqlite_url)
    database = Database(sqlite_url)
    note(House(database, guards=[TrailGuard(software="test")], clock=HeldClock(START)))
    database.close()
    connection = sqlite3.connect(str(make_url(sqlite_url).database))
    try:
        assert connection.execute("PRAGMA recursive_triggers").fetchone() == (0,)
        for identifier in ("id", "'" + "0" * 32 + "'"):
            with pytest.raises(sqlite3.IntegrityError, match="REPLACE on entry is refused"):
                connection.execute(f"INSERT OR REPLACE INTO {COPY.format(id=identifier)}")
    finally:
        connection.close()


@pytest.fixture
def server_site(postgres_server: PostgresServer) -> Iterator[str]:
    """A site on PostgreSQL whose application works under its own role; the database's name."""
    name = postgres_server.create_database()
    make_site(postgres_server.url(name))
    owner = create_engine(postgres_server.url(name))
    with owner.begin() as connection:
        appendonly.grant(connection, APP)
    owner.dispose()
    yield name
    postgres_server.drop_database(name)


@pytest.mark.urs("URS-AUD-050", "URS-SEC-070")
def test_the_applications_role_can_work_but_not_touch_the_trail(
    postgres_server: PostgresServer, server_site: str, tmp_path: Path
) -> None:
    url = postgres_server.url(server_site, role=APP)
    database = Database(url)
    house = House(database, guards=[TrailGuard(software="test")], clock=HeldClock(START))
    note(house, 2)
    site_keys = keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))
    assert sequence_pending(house, site_keys) == 2
    database.close()
    engine = create_engine(url)
    for table in FACTS:
        for statement in (
            f"UPDATE {table} SET site_id = 2", f"DELETE FROM {table}", f"TRUNCATE {table}",
        ):  # fmt: skip
            assert "permission denied" in refusal(engine, statement)
    for statement in (
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "DROP TRIGGER keep_entry_update ON entry",
        "DROP TABLE entry CASCADE",
        "ALTER TABLE entry RENAME TO other",
        "CREATE OR REPLACE FUNCTION keep_refuse() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NEW; END'",
    ):
        answer = refusal(engine, statement)
        assert "must be owner" in answer or "permission denied" in answer
    assert "permission denied" in refusal(engine, "SET session_replication_role = replica")
    upsert = f"INSERT INTO {COPY.format(id='id')} ON CONFLICT (id) DO UPDATE SET actor = 'P-9'"
    assert "permission denied" in refusal(engine, upsert)
    engine.dispose()


@pytest.mark.urs("URS-AUD-050")
def test_even_the_administrator_meets_the_triggers_in_replica_mode(
    postgres_server: PostgresServer, server_site: str
) -> None:
    url = postgres_server.url(server_site)
    database = Database(url)
    note(House(database, guards=[TrailGuard(software="test")], clock=HeldClock(START)))
    database.close()
    engine = create_engine(postgres_server.url(server_site, role=ADMIN))
    with engine.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        with pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text("DELETE FROM entry"))
    engine.dispose()
