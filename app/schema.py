"""The schema of the site database: made and upgraded by migrations, compared at every start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from app import tables
from core import appendonly
from core.db import Database
from core.errors import BrokenPromise

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: str) -> None:
    """Bring the database to the schema of this version, as the owner of the schema.

    Runs outside the application's guards; the append-only triggers are (re)installed at the end,
    because rebuilding a table drops its triggers.
    """
    database = Database(url)
    try:
        with database.turn_to_write(), database.writer.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            appendonly.install(connection)
    finally:
        database.close()


def check(database: Database) -> None:
    """The database has this version's schema and every append-only trigger, else BrokenPromise."""
    with database.reader.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(_config()).get_current_head()
        if found != wanted:
            raise BrokenPromise(
                f"the database has schema {found or 'none'}, this version needs {wanted}:"
                " run batchwright migrate"
            )
        appendonly.check(connection)


def missing_tables(database: Database) -> set[str]:
    """Tables that the code knows and the database lacks."""
    return set(tables.METADATA.tables) - set(inspect(database.reader).get_table_names())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
