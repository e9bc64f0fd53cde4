"""The schema of the site database: made and upgraded by migrations, compared at every start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core import appendonly
from core.db import Database
from core.errors import BrokenPromise

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(url: str, *, triggers: bool = True) -> None:
    """Bring the database to the schema of this version, as the owner of the schema.

    Runs outside the application's guards; the append-only triggers are (re)installed at the end,
    because rebuilding a table drops its triggers. `triggers=False` is for comparing only.
    """
    database = Database(url)
    try:
        with database.turn_to_write(), database.writer.begin() as connection:
            settings = config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
            if triggers:
                appendonly.install(connection)
    finally:
        database.close()


def check(database: Database) -> None:
    """The database has this version's schema and every append-only trigger, else BrokenPromise."""
    with database.reader.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(config()).get_current_head()
        if found != wanted:
            raise BrokenPromise(
                f"the database has schema {found or 'none'}, this version needs {wanted}:"
                " run batchwright migrate"
            )
        appendonly.check(connection)


def config() -> Config:
    """Alembic's configuration: our migrations, no file."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    return found
