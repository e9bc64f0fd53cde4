"""The database: one schema on SQLite (embedded default) and PostgreSQL 15 or newer.

Every mapped class says how it is kept (`Kept`): facts are insert-only, heads change under the
audit trail, and the few unaudited tables carry the reason why. `core.appendonly` turns that into
triggers; the audit package turns it into entries.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Connection, Engine, MetaData, Uuid, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Mapper,
    Session,
    declared_attr,
    mapped_column,
)

from core.errors import BrokenPromise
from core.gate import TicketGate
from core.ids import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

SQLITE_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "recursive_triggers": "ON",
    "busy_timeout": "30000",
    "trusted_schema": "OFF",
    "temp_store": "MEMORY",
    "cache_size": "-65536",
}
SQLITE_PROMISES = {
    "journal_mode": "wal",
    "synchronous": "2",
    "foreign_keys": "1",
    "recursive_triggers": "1",
    "read_uncommitted": "0",
    "query_only": "1",
}
POSTGRES_DURABLE = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"}
POSTGRES_WRITES = {
    **POSTGRES_DURABLE,
    "transaction_isolation": "read committed",
    "transaction_read_only": "off",
    "session_replication_role": "origin",
}
POSTGRES_READS = {
    **POSTGRES_DURABLE,
    "transaction_isolation": "repeatable read",
    "transaction_read_only": "on",
    "server_encoding": "UTF8",
}
# A language sorts these the other way round, and otherwise after an upgrade of its library. What
# is listed, digested and replayed in an order of text must be the same on every database.
POSTGRES_ORDER = "SELECT 'B' < 'a' AND 'a b' < 'aB' AND 'z' < 'ä'"


class Kept(StrEnum):
    """How the rows of a table are kept."""

    FACT = "fact"
    """Insert only; corrected by a new row that supersedes. The database refuses UPDATE, DELETE."""
    HEAD = "head"
    """Small mutable row with a version column; each change leaves an audit entry. No DELETE."""
    UNAUDITED = "unaudited"
    """Holds no GMP fact (jobs, sessions, read models); `__why_unaudited__` says why."""


class Base(DeclarativeBase):
    """Base of all mapped classes; abstract about everything but naming."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {UUID: Uuid()}

    __kept__: ClassVar[Kept]
    __why_unaudited__: ClassVar[str]
    __secret_columns__: ClassVar[frozenset[str]] = frozenset()
    """Columns whose values never enter the audit trail (their change does)."""


class Row:
    """Columns of every table: key and site. `site_id` is filled from the transaction."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    site_id: Mapped[int] = mapped_column(index=False)


class Fact(Row):
    """Mixin of an insert-only table."""

    __kept__ = Kept.FACT


class Head(Row):
    """Mixin of a mutable table: `version` rises with each change; a stale write raises Stale."""

    __kept__ = Kept.HEAD

    version: Mapped[int] = mapped_column(nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


class Unaudited(Row):
    """Mixin of a table outside the audit trail; the class says why in `__why_unaudited__`."""

    __kept__ = Kept.UNAUDITED


def mappers() -> list[Mapper[Any]]:
    """All mapped classes known so far, by table name."""
    return sorted(Base.registry.mappers, key=lambda mapper: str(mapper.local_table))


def kept_tables(kept: Kept) -> list[str]:
    """Names of the tables that are kept that way."""
    return [str(m.local_table) for m in mappers() if m.class_.__kept__ is kept]


class Database:
    """Engines for writing and reading, and the queue of writers.

    `url` is an SQLAlchemy URL; of PostgreSQL, that of the application's role. Raises
    `BrokenPromise` from `check_promises` when durability settings are not as designed.
    """

    def __init__(self, url: str | URL, *, pool_size: int = 10) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        if self.dialect == "sqlite":
            self.writer, self.reader = _sqlite_engines(self.url, pool_size)
            self._gate: TicketGate | None = TicketGate(gate_path(self.url))
        else:
            self.writer, self.reader = _postgres_engines(self.url, pool_size)
            self._gate = None

    @contextmanager
    def turn_to_write(self) -> Iterator[None]:
        """Queue for writing; PostgreSQL has no single writer and needs no queue."""
        if self._gate is None:
            yield
        else:
            with self._gate.turn():
                yield

    def check_promises(self) -> None:
        """Durability, isolation and order of text are as promised, else `BrokenPromise`."""
        if self.dialect == "sqlite":
            # Reading connections are prepared as the writing ones are, which would have to queue.
            self._check(self.reader, SQLITE_PROMISES)
        else:
            self._check(self.reader, POSTGRES_READS)
            self._check(self.writer, POSTGRES_WRITES)
            self._check_order()

    def _check(self, engine: Engine, promises: Mapping[str, str]) -> None:
        with engine.connect() as connection:
            for name, wanted in promises.items():
                found = _setting(connection, self.dialect, name)
                if found != wanted:
                    raise BrokenPromise(f"database setting {name} is {found}, must be {wanted}")

    def _check_order(self) -> None:
        with self.reader.connect() as connection:
            if not connection.execute(text(POSTGRES_ORDER)).scalar():
                raise BrokenPromise(
                    "the database sorts text by a language, must be by its bytes:"
                    " create it with TEMPLATE template0 LOCALE 'C'"
                )

    def close(self) -> None:
        """Release all connections."""
        self.writer.dispose()
        self.reader.dispose()


def gate_path(url: URL) -> Path:
    """Where the writers' queue of an SQLite database lies: beside the file."""
    if not url.database or url.database == ":memory:":
        raise BrokenPromise("an SQLite database must be a file: memory keeps nothing")
    return Path(f"{url.database}.gate")


def _setting(connection: Connection, dialect: str, name: str) -> str:
    statement = f"PRAGMA {name}" if dialect == "sqlite" else f"SHOW {name}"
    return str(connection.execute(text(statement)).scalar())


def _sqlite_engines(url: URL, pool_size: int) -> tuple[Engine, Engine]:
    # Explicit BEGIN IMMEDIATE: the driver's own transaction control begins deferred, and a
    # deferred read-then-write cannot wait for the lock (92 % of them failed in the trials).
    arguments: dict[str, Any] = {"timeout": 30, "isolation_level": None}
    if hasattr(sqlite3, "LEGACY_TRANSACTION_CONTROL"):
        arguments["autocommit"] = sqlite3.LEGACY_TRANSACTION_CONTROL
    engines = []
    for begin, read_only in (("BEGIN IMMEDIATE", False), ("BEGIN", True)):
        engine = create_engine(
            url, connect_args=arguments, pool_size=pool_size, max_overflow=2 * pool_size
        )
        _prepare_sqlite(engine, begin, read_only)
        engines.append(engine)
    return engines[0], engines[1]


def _prepare_sqlite(engine: Engine, begin: str, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, record: object) -> None:
        _turn_to_wal(connection)
        for name, value in SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}").fetchall()
        if read_only:
            connection.execute("PRAGMA query_only=ON").fetchall()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _turn_to_wal(connection: Any) -> None:
    """Turn a new file to WAL; unlike all else this does not wait for others by itself."""
    deadline = time.monotonic() + 30
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _postgres_engines(url: URL, pool_size: int) -> tuple[Engine, Engine]:
    options = "-c timezone=UTC -c lock_timeout=30s -c idle_in_transaction_session_timeout=60s"
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"options": options},
        pool_size=pool_size,
        max_overflow=2 * pool_size,
        pool_pre_ping=True,
    )
    # One snapshot for all queries of a reading session: a verification or a report must not see
    # the rows of a commit without its entries.
    snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine, engine.execution_options(**snapshot)


def site_of(session: Session) -> int:
    """The site that this transaction works for."""
    site: int = session.info["site_id"]
    return site
