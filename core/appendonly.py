"""Append-only by the database itself: triggers made from how each table is kept.

Necessary, never sufficient: who owns the file or the schema can drop a trigger, which the log's
checkpoints outside the database find. The check at start finds a missing trigger (URS-AUD-050).
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from core.db import Kept, kept_tables
from core.errors import BrokenPromise

PREFIX = "keep_"

POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION keep_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME;
END $$
"""


def expected_triggers(dialect: str) -> set[str]:
    """Names of the triggers that must exist."""
    return {name for name, _ in _definitions(dialect)}


def install(connection: Connection) -> None:
    """Create the missing triggers (idempotent); run by migrations, as the owner of the schema."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(text(POSTGRES_FUNCTION))
    present = present_triggers(connection)
    for name, statement in _definitions(dialect):
        if name not in present:
            connection.exec_driver_sql(statement)
            if dialect == "postgresql":
                table = statement.split(" ON ", 1)[1].split()[0]
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def check(connection: Connection) -> None:
    """All triggers exist and are enabled, else `BrokenPromise` naming the missing ones."""
    missing = expected_triggers(connection.dialect.name) - present_triggers(connection)
    if missing:
        raise BrokenPromise("append-only triggers are missing: " + ", ".join(sorted(missing)))


def present_triggers(connection: Connection) -> set[str]:
    """Names of our triggers in force."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    names = connection.execute(text(query)).scalars()
    return {name for name in names if name.startswith(PREFIX)}


def _definitions(dialect: str) -> list[tuple[str, str]]:
    make = _sqlite_trigger if dialect == "sqlite" else _postgres_trigger
    found = []
    for table in kept_tables(Kept.FACT):
        found += [make(table, verb) for verb in ("UPDATE", "DELETE")]
        found.append(
            _sqlite_replace_guard(table) if dialect == "sqlite" else make(table, "TRUNCATE")
        )
    for table in kept_tables(Kept.HEAD):
        found.append(make(table, "DELETE"))
        found.append(
            _sqlite_replace_guard(table) if dialect == "sqlite" else make(table, "TRUNCATE")
        )
    return found


def _sqlite_trigger(table: str, verb: str) -> tuple[str, str]:
    name = f"{PREFIX}{table}_{verb.lower()}"
    return name, (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'append-only: {verb} on {table} is refused'); END"
    )


def _sqlite_replace_guard(table: str) -> tuple[str, str]:
    # INSERT OR REPLACE passes delete triggers unless recursive_triggers is on: guard both ways.
    name = f"{PREFIX}{table}_replace"
    return name, (
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) "
        f"BEGIN SELECT RAISE(ABORT, 'append-only: REPLACE on {table} is refused'); END"
    )


def _postgres_trigger(table: str, verb: str) -> tuple[str, str]:
    name = f"{PREFIX}{table}_{verb.lower()}"
    level = "STATEMENT" if verb == "TRUNCATE" else "ROW"
    return name, (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
        f"FOR EACH {level} EXECUTE FUNCTION keep_refuse()"
    )
