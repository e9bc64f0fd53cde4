"""The database that drills restore into: empty before and after, and never one of a site.

A comment on the database says that a drill is at work in it; only what stands under that comment
is ever thrown away, so a database that somebody filled for another purpose stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, inspect, text

from app.backup.restoring import PlaceTaken, Server

MARK = "a restore drill of Batchwright is at work here; what stands here may be thrown away"
MARKED = text(
    "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
    " WHERE datname = current_database()"
)


@contextmanager
def emptied(server: Server | None) -> Iterator[Server | None]:
    """The database, free for a restore; emptied again afterwards. None (SQLite) is passed through.

    `PlaceTaken` when it holds anything that no drill has left there.
    """
    if server is None:
        yield None
        return
    engine = create_engine(server.owner_url)
    try:
        with engine.begin() as connection:
            _make_free(connection)
        try:
            yield server
        finally:
            with engine.begin() as connection:
                _empty(connection)
                _mark(connection, "NULL")
    finally:
        engine.dispose()


def _make_free(connection: Connection) -> None:
    if connection.scalar(MARKED) == MARK:
        _empty(connection)  # of a drill that was killed
    if inspect(connection).get_table_names():
        raise PlaceTaken(
            "the database for drills is not empty",
            resolver="the administrator, by naming an empty one",
        )
    _mark(connection, f"'{MARK}'")


def _empty(connection: Connection) -> None:
    connection.execute(text("DROP OWNED BY CURRENT_USER"))


def _mark(connection: Connection, comment: str) -> None:
    # A comment takes no parameters; both that there are stand in this module.
    name = connection.dialect.identifier_preparer.quote(str(connection.engine.url.database))
    connection.execute(text(f"COMMENT ON DATABASE {name} IS {comment}"))
