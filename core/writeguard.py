"""No statement writes past the session: raw SQL would pass the audit trail unseen.

Inside a flush the unit of work writes (and the trail sees it). Any other INSERT, UPDATE or DELETE
is refused unless its table is on the closed list of unaudited ones. The guard is a promise to
ourselves; the database's own triggers stand behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session

from core.db import Kept, Row, kept_tables
from core.errors import BrokenPromise

WRITES = re.compile(
    r"\s*(?:WITH\b.*?\)\s*)?(INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|UPDATE|DELETE\s+FROM|"
    r"TRUNCATE(?:\s+TABLE)?|DROP|ALTER|CREATE|MERGE\s+INTO)\s+\"?(?:\w+\.)?\"?(\w+)",
    re.IGNORECASE | re.DOTALL,
)


class UnauditedWrite(BrokenPromise):
    """A statement tried to change an audited table outside the unit of work."""


@contextmanager
def watching(session: Session) -> Iterator[None]:
    """Guard the connection of this session until the block ends; fill `site_id` of new rows."""
    event.listen(session, "before_flush", _fill_site)
    event.listen(session, "before_flush", lambda s, *_: _mark(s, True))
    event.listen(session, "after_flush_postexec", lambda s, *_: _mark(s, False))
    event.listen(session, "after_soft_rollback", lambda s, *_: _mark(s, False))
    connection = session.connection()
    if not event.contains(connection.engine, "before_cursor_execute", _refuse):
        event.listen(connection.engine, "before_cursor_execute", _refuse)
    pooled = connection.info
    pooled["guarded_by"] = session.info
    try:
        yield
    finally:
        pooled.pop("guarded_by", None)


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


def _fill_site(session: Session, *_: Any) -> None:
    for row in session.new:
        if isinstance(row, Row) and row.__dict__.get("site_id") is None:
            row.site_id = session.info["site_id"]


def _refuse(
    connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    guard = connection.info.get("guarded_by")
    if guard is None or guard.get("flushing"):
        return
    found = WRITES.match(statement)
    if found and found[2].lower() not in unaudited_tables():
        raise UnauditedWrite(f"{found[1]} on {found[2]} outside the unit of work is refused")


@cache
def unaudited_tables() -> frozenset[str]:
    """The closed list: tables whose class says why they are outside the trail."""
    return frozenset(kept_tables(Kept.UNAUDITED))
