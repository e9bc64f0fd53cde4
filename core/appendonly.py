"""Append-only by the database itself: triggers and rights made from how each table is kept.

Necessary, never sufficient: who owns the file or the schema can drop a trigger, which the log's
checkpoints outside the database find. The check at start finds a missing trigger (URS-AUD-050).
On PostgreSQL the application's role owns nothing and may not even try (`grant`).
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, TextClause, UniqueConstraint, text

from core.db import Base, Kept, kept_tables
from core.errors import BrokenPromise

PREFIX = "keep_"
RIGHTS = {
    Kept.FACT: "SELECT, INSERT",
    Kept.HEAD: "SELECT, INSERT, UPDATE",
    Kept.UNAUDITED: "SELECT, INSERT, UPDATE, DELETE",
}

POSTGRES_BODY = """
BEGIN
  RAISE EXCEPTION 'append-only: % on % is refused', TG_OP, TG_TABLE_NAME;
END """
POSTGRES_FUNCTION = (
    "CREATE OR REPLACE FUNCTION keep_refuse() RETURNS trigger LANGUAGE plpgsql "
    f"AS $${POSTGRES_BODY}$$"
)
POSTGRES_TRIGGERS = """
SELECT t.tgname, pg_get_triggerdef(t.oid, true)
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled = 'A' AND p.prosrc = :body
"""


POSTGRES_CHANGEABLE = """
SELECT relname FROM pg_class
WHERE relname = ANY(:facts) AND has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE')
ORDER BY relname
"""
# Membership counts as ownership: a member can take the role of the owner.
POSTGRES_OWNED = """
SELECT relname AS name FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
  AND pg_has_role(relowner, 'MEMBER')
UNION SELECT proname FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND pg_has_role(proowner, 'MEMBER')
UNION SELECT 'schema ' || nspname FROM pg_namespace
WHERE nspname = 'public' AND pg_has_role(nspowner, 'MEMBER')
ORDER BY name
"""


def expected_triggers(dialect: str) -> set[str]:
    """Names of the triggers that must exist."""
    return {name for name, _ in _definitions(dialect)}


def install(connection: Connection) -> None:
    """Make every trigger what this version wants (idempotent), also one that was worded otherwise;
    run by migrations, as the owner of the schema."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(text(POSTGRES_FUNCTION))
    present = present_triggers(connection)
    for name, statement in _definitions(dialect):
        if name not in present:
            table = statement.split(" ON ", 1)[1].split()[0]
            place = f" ON {table}" if dialect == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}{place}")
            connection.exec_driver_sql(statement)
            if dialect == "postgresql":
                connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def check(connection: Connection) -> None:
    """All triggers exist, enabled and unaltered, else `BrokenPromise` naming the others."""
    missing = expected_triggers(connection.dialect.name) - present_triggers(connection)
    if missing:
        raise BrokenPromise(
            "append-only triggers are missing or altered: " + ", ".join(sorted(missing))
        )


def check_rights(connection: Connection) -> None:
    """The role of this connection may not even try to change a fact, else `BrokenPromise`.

    Refuses the owner of the schema or of any part of it, its members and a superuser, who could
    drop a trigger. No effect on SQLite, which has no roles.
    """
    if connection.dialect.name != "postgresql":
        return
    facts = {"facts": kept_tables(Kept.FACT)}
    _refuse_role(connection, "may change facts", text(POSTGRES_CHANGEABLE).bindparams(**facts))
    _refuse_role(connection, "owns what it works with", text(POSTGRES_OWNED))


def _refuse_role(connection: Connection, why: str, question: TextClause) -> None:
    found = connection.execute(question).scalars().all()
    if found:
        role = connection.execute(text("SELECT current_user")).scalar_one()
        raise BrokenPromise(
            f"the database role {role} {why} ({', '.join(found[:3])}, {len(found)} in"
            " all): the application needs a role of its own that owns nothing"
        )


def present_triggers(connection: Connection) -> set[str]:
    """Names of our triggers that are in force word for word."""
    dialect = connection.dialect.name
    if dialect == "sqlite":
        found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type='trigger'"))
    else:
        found = connection.execute(text(POSTGRES_TRIGGERS), {"body": POSTGRES_BODY})
    wanted = dict(_definitions(dialect))
    return {name for name, statement in found if wanted.get(name) == statement}


def grant(connection: Connection, role: str) -> None:
    """Give the application's role what it needs on each table and nothing else (PostgreSQL).

    Run by migrations as the owner of the schema, again after each of them. Facts can be read and
    added, heads also changed; nothing but unaudited rows can be deleted. No effect on SQLite,
    which has no roles.
    """
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    to = quote(role)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {to}")
    for kept, rights in RIGHTS.items():
        for table in kept_tables(kept):
            connection.exec_driver_sql(f"REVOKE ALL ON {quote(table)} FROM {to}, PUBLIC")
            connection.exec_driver_sql(f"GRANT {rights} ON {quote(table)} TO {to}")


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
    # INSERT OR REPLACE passes delete triggers unless recursive_triggers is on: guard both ways,
    # on every key that could make it replace a row.
    name = f"{PREFIX}{table}_replace"
    same = " OR ".join(
        "(" + " AND ".join(f"{column} = NEW.{column}" for column in key) + ")"
        for key in _unique_keys(Base.metadata.tables[table])
    )
    return name, (  # names of our own tables and columns, never input
        f"CREATE TRIGGER {name} BEFORE INSERT ON {table} "  # noqa: S608
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, 'append-only: REPLACE on {table} is refused'); END"
    )


def _unique_keys(table: Table) -> list[list[str]]:
    """Columns of the primary key and of every unique key over whole tables, in a fixed order.

    The order counts: the text of a trigger is compared at every start, by other processes.
    """
    found = [
        [column.name for column in constraint]
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    for index in table.indexes:
        partial = index.dialect_options["sqlite"]["where"] is not None
        if index.unique and not partial:
            found.append([column.name for column in index.columns])
    return [[column.name for column in table.primary_key], *sorted(found)]


def _postgres_trigger(table: str, verb: str) -> tuple[str, str]:
    name = f"{PREFIX}{table}_{verb.lower()}"
    level = "STATEMENT" if verb == "TRUNCATE" else "ROW"
    return name, (
        f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
        f"FOR EACH {level} EXECUTE FUNCTION keep_refuse()"
    )
