"""The floor of a step: exactly its statements and bytes again, with no thinking in between.

They go through SQLAlchemy Core, with the settings of the product, to a copy of the file taken
just before the step; reads are fetched whole, the commit is as durable as the real one.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from core.db import Database
from tests.bench.capturing import Captured, Sent


@contextmanager
def copy_of(database: Database) -> Iterator[Database]:
    """A database with the same content at this moment, in a folder that goes with it."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "copy.db"
        with (
            closing(sqlite3.connect(str(database.url.database))) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        made = Database(f"sqlite:///{target}")
        try:
            _warm(made)
            yield made
        finally:
            made.close()


def _warm(database: Database) -> None:
    # The product holds its connections open, so the floor does not pay for opening them.
    with database.turn_to_write(), database.writer.begin() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM site").fetchall()
    with database.reader.begin() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM site").fetchall()


def replay_ms(database: Database, cost: Captured) -> float:
    """Send it all again in one transaction; milliseconds with queueing and commit."""
    reads = [sent for sent in cost.sent if not sent.writing]
    began = time.perf_counter()
    if reads:
        with database.reader.begin() as connection:
            _send(connection, reads)
    with database.turn_to_write(), database.writer.begin() as connection:
        _send(connection, [sent for sent in cost.sent if sent.writing])
    return (time.perf_counter() - began) * 1000


def _send(connection: Connection, statements: list[Sent]) -> None:
    for sent in statements:
        answer = connection.exec_driver_sql(sent.statement, sent.parameters)
        if answer.returns_rows:
            answer.fetchall()
