"""The schema of the site database: made and upgraded by migrations, compared at every start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from app import (
    tables,  # noqa: F401 -- what is not known is not looked for
    upgrading,
)
from core import appendonly
from core.db import Database
from core.errors import BrokenPromise
from core.settings import Settings

Watch = Callable[[Database, Connection], AbstractContextManager[None]]
MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade_site(settings: Settings, *, new: bool = False) -> None:
    """Bring the database of an installation to this version's schema, as the schema's owner.

    The application's own role gets its rights: facts can be added, never changed (PostgreSQL).
    What an upgrade did stands in the trail, in the same transaction; an upgrade that changes
    records is undone (`app.upgrading`). Raises BrokenPromise then, and where there is no SQLite
    file yet, unless the site is `new`.
    """
    place = make_url(settings.owner_url)
    if place.get_backend_name() == "sqlite" and not new and not Path(place.database or "").exists():
        raise BrokenPromise(f"no site was made in {settings.home}: run batchwright run first")
    role = _application_role(settings)
    upgrade(settings.owner_url, role=role, watch=None if new else upgrading.watched)


def _application_role(settings: Settings) -> str | None:
    role = make_url(settings.database_url).username
    return None if role == make_url(settings.owner_url).username else role


def upgrade(
    url: str, *, triggers: bool = True, role: str | None = None, watch: Watch | None = None
) -> None:
    """Bring the database to the schema of this version, as the owner of the schema.

    Runs outside the application's guards; the append-only triggers are (re)installed at the end,
    because rebuilding a table drops its triggers. `triggers=False` is for comparing only.
    `role` is the application's role on PostgreSQL, when it is not the owner. `watch` stands around
    everything inside the transaction and undoes it by raising.
    """
    database = Database(url)
    try:
        with (
            database.turn_to_write(),
            database.writer.begin() as connection,
            watch(database, connection) if watch else nullcontext(),
        ):
            settings = config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
            if triggers:
                appendonly.install(connection)
            if role is not None:
                appendonly.grant(connection, role)
                _grant_reading_of_version(connection, role)
    finally:
        database.close()


def _grant_reading_of_version(connection: Connection, role: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(role)
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {quoted}")


def check(database: Database) -> None:
    """This version's schema, every append-only trigger, a role without rights to change facts.

    Raises BrokenPromise naming what is otherwise.
    """
    with database.reader.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        wanted = ScriptDirectory.from_config(config()).get_current_head()
        if found != wanted:
            raise BrokenPromise(
                f"the database has schema {found or 'none'}, this version needs {wanted}:"
                " run batchwright migrate"
            )
        appendonly.check(connection)
        appendonly.check_rights(connection)


def config() -> Config:
    """Alembic's configuration: our migrations, no file."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    return found
