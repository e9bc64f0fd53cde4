"""One moment of the databases of a site, taken while people work (URS-BAK-010)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine, func, inspect, select, table, text
from sqlalchemy.engine import URL, make_url

from audit.models import Checkpoint
from core.errors import BrokenPromise

SQLITE_NAME, POSTGRES_NAME = "site.db", "site.dump"
NEWEST = select(Checkpoint.size, Checkpoint.note).order_by(Checkpoint.size.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class State:
    """What stands in a database at one moment: rows by table, the newest checkpoint of its log."""

    rows: dict[str, int]
    log_size: int
    checkpoint: str | None


def take(url: str, folder: Path) -> tuple[Path, State]:
    """A file of the site database in `folder` and what stands in it.

    SQLite: a copy by its backup interface. PostgreSQL: `pg_dump` of one exported snapshot.
    `url` is that of the schema's owner. BrokenPromise when the programs are missing or fail.
    """
    place = make_url(url)
    if place.get_backend_name() == "sqlite":
        file = folder / SQLITE_NAME
        copy_sqlite(Path(str(place.database)), file)
        return file, state_of(f"sqlite:///{file}")
    file = folder / POSTGRES_NAME
    engine = create_engine(place, isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            name = str(connection.scalar(text("SELECT pg_export_snapshot()")))
            run(place, "pg_dump", "--format=custom", f"--snapshot={name}", f"--file={file}")
            return file, _state(connection)
    finally:
        engine.dispose()


def copy_sqlite(file: Path, target: Path) -> None:
    """A whole copy of an SQLite file at one moment, whoever writes to it meanwhile."""
    with (
        closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")


def state_of(url: str | URL) -> State:
    """What stands in a database now."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return _state(connection)
    finally:
        engine.dispose()


def _state(connection: Connection) -> State:
    names = sorted(inspect(connection).get_table_names())
    count = select(func.count())
    rows = {name: connection.scalar(count.select_from(table(name))) or 0 for name in names}
    newest = connection.execute(NEWEST).first()
    return State(rows, 0, None) if newest is None else State(rows, newest.size, newest.note)


def run(place: URL, program: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs on a database; its password is never on a command line."""
    found = shutil.which(program)
    if found is None:
        raise BrokenPromise(f"{program} is not installed: a site on PostgreSQL needs it for this")
    address = place.set(drivername="postgresql", password=None).render_as_string()
    done = subprocess.run(
        [found, *arguments, f"--dbname={address}"],
        env={**os.environ, **_password(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BrokenPromise(f"{program} failed: {done.stderr.strip()[:500]}")


def _password(place: URL) -> Mapping[str, str]:
    return {} if place.password is None else {"PGPASSWORD": str(place.password)}
