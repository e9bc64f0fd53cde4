"""Group `store`: what a durable transaction costs, and what eight writers at once wait."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import text

from core.db import Database
from tests.bench import writers
from tests.support.postgres import running_postgres

ROUNDS = 200
WARM_UP = 20


def measure() -> Mapping[str, float]:
    """Milliseconds: a transaction with one row, one writer, durable settings; eight writers."""
    with tempfile.TemporaryDirectory() as folder:
        sqlite = _commit_ms(f"sqlite:///{Path(folder) / 'bench.db'}")
    with running_postgres() as server:
        postgres = _commit_ms(server.url(server.create_database()))
    return {"sqlite_commit_ms": sqlite, "postgres_commit_ms": postgres, **writers.measure()}


def _commit_ms(url: str) -> float:
    database = Database(url)
    try:
        _write(database, "CREATE TABLE one_row (n integer NOT NULL)")
        times = []
        for number in range(WARM_UP + ROUNDS):
            began = time.perf_counter()
            _write(database, f"INSERT INTO one_row VALUES ({number})")
            times.append((time.perf_counter() - began) * 1000)
    finally:
        database.close()
    return statistics.median(times[WARM_UP:])


def _write(database: Database, statement: str) -> None:
    with database.turn_to_write(), database.writer.begin() as connection:
        connection.execute(text(statement))
