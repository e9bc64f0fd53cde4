"""The database of a site: made by migrations, equal to the models, and checked at every start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic import autogenerate
from alembic.migration import MigrationContext

from app import making, schema, tables
from app.bootstrap import compose
from app.making import SiteExists
from core import db
from core.db import Database
from core.errors import BrokenPromise
from core.settings import Settings
from core.sites import SiteMode
from tests.integration.app.conftest import Command, Seeded, settings_of


def make(settings: Settings) -> None:
    making.make_site(settings, name="Werk Süd", mode=SiteMode.GMP, zone="Europe/Berlin")


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    """A new GMP site."""
    settings = settings_of(tmp_path / "site")
    make(settings)
    return settings


def execute(settings: Settings, *statements: str) -> None:
    connection = sqlite3.connect(settings.home / "site.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_migrations_make_what_the_models_say(database_url: str) -> None:
    schema.upgrade(database_url)
    database = Database(database_url)
    with database.reader.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert autogenerate.compare_metadata(context, tables.METADATA) == []
    database.close()


@pytest.mark.sqlite("compares the whole file")
def test_migrating_again_changes_nothing(batchwright: Command, made: Settings) -> None:
    before = dump(made)
    for _ in range(2):
        told = batchwright("migrate", home=made.home)
        assert told.exit_code == 0, told.output
        assert told.output == "the database has the schema of this version\n"
    assert dump(made) == before


def dump(settings: Settings) -> list[str]:
    connection = sqlite3.connect(settings.home / "site.db")
    found = list(connection.iterdump())
    connection.close()
    return found


@pytest.mark.sqlite("compares the whole file")
@pytest.mark.urs("URS-SEC-050")
def test_a_site_is_never_made_over_another(made: Settings) -> None:
    before = dump(made)
    keys = {path.name: path.read_bytes() for path in made.keys.iterdir()}
    with pytest.raises(SiteExists, match="there is a site"):
        make(made)
    assert dump(made) == before
    assert {path.name: path.read_bytes() for path in made.keys.iterdir()} == keys


def test_a_new_site_composes(made: Settings) -> None:
    house = compose(made)
    assert "settings" in house.services
    assert "presenter" not in house.services, "a GMP site has no presenter"
    house.database.close()


@pytest.mark.sqlite("edits the file; test_postgres.py has the same for PostgreSQL")
@pytest.mark.urs("URS-AUD-050")
def test_a_database_without_a_trigger_is_refused(made: Settings) -> None:
    execute(made, "DROP TRIGGER keep_entry_update")
    with pytest.raises(BrokenPromise, match="keep_entry_update"):
        compose(made)


@pytest.mark.sqlite("edits the file; test_postgres.py has the same for PostgreSQL")
@pytest.mark.urs("URS-AUD-050")
def test_a_weakened_trigger_is_refused_and_migrating_restores_it(
    batchwright: Command, made: Settings
) -> None:
    name = "keep_entry_delete"
    execute(
        made,
        f"DROP TRIGGER {name}",
        f"CREATE TRIGGER {name} BEFORE DELETE ON entry BEGIN SELECT 1; END",
    )
    told = batchwright("verify", home=made.home)
    assert told.exit_code == 1
    assert name in told.output
    assert batchwright("migrate", home=made.home).exit_code == 0
    compose(made).database.close()


@pytest.mark.sqlite("edits the file; test_postgres.py has the same for PostgreSQL")
@pytest.mark.parametrize("found", ["older", ""])
def test_another_schema_is_refused_and_says_what_to_do(made: Settings, found: str) -> None:
    execute(
        made,
        f"UPDATE alembic_version SET version_num = '{found}'"
        if found
        else "DELETE FROM alembic_version",
    )
    with pytest.raises(BrokenPromise, match="batchwright migrate"):
        compose(made)


def test_other_keys_than_those_of_the_site_are_refused(made: Settings) -> None:
    (made.keys / "pepper").unlink()
    with pytest.raises(BrokenPromise, match="pepper"):
        compose(made)


@pytest.mark.sqlite("breaks settings of SQLite; test_postgres.py has those of PostgreSQL")
@pytest.mark.urs("URS-AUD-050", "URS-REC-020")
@pytest.mark.parametrize(
    ("setting", "broken", "found"),
    [
        ("synchronous", "NORMAL", "synchronous is 1, must be 2"),
        ("synchronous", "OFF", "synchronous is 0, must be 2"),
        ("journal_mode", "DELETE", "journal_mode is delete, must be wal"),
        ("foreign_keys", "OFF", "foreign_keys is 0, must be 1"),
        ("recursive_triggers", "OFF", "recursive_triggers is 0, must be 1"),
        ("read_uncommitted", "ON", "read_uncommitted is 1, must be 0"),
    ],
)
def test_weaker_settings_of_the_database_are_refused(
    made: Settings, monkeypatch: pytest.MonkeyPatch, setting: str, broken: str, found: str
) -> None:
    compose(made).database.close()
    monkeypatch.setitem(db.SQLITE_PRAGMAS, setting, broken)
    with pytest.raises(BrokenPromise, match=found):
        compose(made)


def test_a_seeded_site_has_this_schema(seeded: Seeded) -> None:
    database = Database(seeded.settings.database_url)
    schema.check(database)
    database.close()
