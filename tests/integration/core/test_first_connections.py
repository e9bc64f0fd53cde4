"""Many may open a new SQLite file at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from core.db import Database


@pytest.mark.sqlite("opens a new file from many threads")
def test_opening_a_new_file_from_many_threads_at_once_waits_and_fails_never(
    tmp_path: Path,
) -> None:
    for number in range(10):
        path = tmp_path / f"{number}.db"
        with sqlite3.connect(path) as plain:
            plain.execute("CREATE TABLE first (id INTEGER)")
        plain.close()
        together = Barrier(8)
        database = Database(f"sqlite:///{path}")

        def look(database: Database = database, together: Barrier = together) -> None:
            together.wait()
            database.check_promises()

        with ThreadPoolExecutor(8) as threads:
            for done in [threads.submit(look) for _ in range(8)]:
                done.result()
        database.close()
