"""No statement writes past the session: raw SQL would pass the audit trail unseen.

Inside a flush the unit of work writes (and the trail sees it). Any other statement may read; it
may write only tables on the closed list of unaudited ones. What is not understood is refused. The
guard is a promise to ourselves; the database's own triggers stand behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from core.db import Kept, Row, kept_tables
from core.errors import BrokenPromise

READS = frozenset({"SELECT", "VALUES", "TABLE", "SHOW", "EXPLAIN", "WITH"})
TRANSACTION = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK"})
WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})
NOT_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
TARGET = re.compile(
    r"(?:\bINSERT\s+(?:OR\s+\w+\s+)?INTO|\bREPLACE\s+INTO|\bDELETE\s+FROM|\bMERGE\s+INTO"
    r"|(?<!\bFOR )(?<!\bKEY )(?<!\bDO )\bUPDATE(?:\s+OR\s+\w+)?)\s+(?:ONLY\s+)?"
    r"(?:[\"`\[]?\w+[\"`\]]?\.)?[\"`\[]?(\w+)",
    re.IGNORECASE,
)
"""Every table that some part of a statement writes; ``FOR UPDATE`` and ``DO UPDATE`` are none."""


class UnauditedWrite(BrokenPromise):
    """A statement tried to change an audited table outside the unit of work."""


@contextmanager
def watching(session: Session) -> Iterator[None]:
    """Guard every transaction of this session; fill `site_id` of new rows."""
    event.listen(session, "before_flush", _fill_site)
    event.listen(session, "before_flush", lambda s, *_: _mark(s, True))
    event.listen(session, "after_flush_postexec", lambda s, *_: _mark(s, False))
    event.listen(session, "after_soft_rollback", lambda s, *_: _mark(s, False))
    # With each transaction's connection object, never with the pooled one below it, which another
    # session may have before this one is through.
    event.listen(session, "after_begin", _guard)
    session.connection()
    yield


@contextmanager
def flushing(session: Session) -> Iterator[None]:
    """Writes inside this block belong to the unit of work (the commit's own flush)."""
    session.info["flushing"] = True
    try:
        yield
    finally:
        session.info["flushing"] = False


def _mark(session: Session, value: bool) -> None:
    session.info["flushing"] = value


def _guard(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if not event.contains(connection.engine, "before_cursor_execute", _refuse):
        event.listen(connection.engine, "before_cursor_execute", _refuse)
    connection.execution_options(guarded_by=session.info)


def _fill_site(session: Session, *_: Any) -> None:
    for row in session.new:
        if isinstance(row, Row) and row.__dict__.get("site_id") is None:
            row.site_id = session.info["site_id"]


def _refuse(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    guard = connection.get_execution_options().get("guarded_by")
    if guard is None or guard.get("flushing"):
        return
    forbidden = _written(statement) - unaudited_tables()
    if forbidden:
        raise UnauditedWrite(
            f"writing {', '.join(sorted(forbidden))} outside the unit of work is refused"
        )


@lru_cache(maxsize=2048)
def _written(statement: str) -> frozenset[str]:
    """Names of the tables that a statement writes; the statement itself when it is neither a
    plain read nor a plain write (schema changes, several statements at once)."""
    code = " ".join(NOT_CODE.sub(" ", statement).split())
    verb = code.partition(" ")[0].upper().strip("(")
    if verb in TRANSACTION:
        return frozenset()
    if verb not in READS | WRITES or ";" in code.rstrip("; "):
        return frozenset({code[:80]})
    return frozenset(name.lower() for name in TARGET.findall(code))


@cache
def unaudited_tables() -> frozenset[str]:
    """The closed list: tables whose class says why they are outside the trail."""
    return frozenset(kept_tables(Kept.UNAUDITED))
