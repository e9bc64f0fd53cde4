"""Every connection of a pool is as durable as the first one (URS-AUD-080)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from core.db import Database

AT_ONCE = 6
WANTED = {"synchronous": 2, "journal_mode": "wal", "recursive_triggers": 1}


def settings_of_all(engine: Engine) -> list[dict[str, object]]:
    """Of several connections open at once, past the pool's begin of a transaction."""
    held = [engine.raw_connection() for _ in range(AT_ONCE)]
    found = []
    for connection in held:
        cursor = connection.cursor()
        found.append({name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in WANTED})
        cursor.close()
    for connection in held:
        connection.close()
    return found


@pytest.mark.sqlite("about pragmas, which a connection has for itself")
@pytest.mark.urs("URS-AUD-080")
def test_every_pooled_connection_waits_for_the_disk(tmp_path: Path) -> None:
    """Pitfall 2: a pragma counts for its connection only; the pool opens others later."""
    database = Database(f"sqlite:///{tmp_path / 'site.db'}", pool_size=2)
    assert settings_of_all(database.writer) == [WANTED] * AT_ONCE
    assert settings_of_all(database.reader) == [WANTED] * AT_ONCE
    database.close()
