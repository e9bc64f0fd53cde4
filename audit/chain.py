"""Appending to the chains: entries of one record follow each other by hash and number.

Runs last before the commit. The head of a stream is locked only here, streams in sorted order, so
that writers of different records do not wait for each other and never deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit import canonical, verifier
from audit.errors import ActIncomplete
from audit.models import Entry, PendingEntry, StreamHead
from core import writeguard
from core.db import site_of
from core.house import moment
from core.ids import new_id

HEAD = StreamHead.__table__.c
# Built once: making statements anew would cost more than running them.
READ_HEAD = select(HEAD.rseq, HEAD.hash).where(
    HEAD.site_id == bindparam("of_site"), HEAD.rec == bindparam("of_rec")
)
LOCK_HEAD = READ_HEAD.with_for_update()
MOVE_HEAD = (
    update(StreamHead)
    .where(HEAD.site_id == bindparam("of_site"), HEAD.rec == bindparam("of_rec"))
    .values(rseq=bindparam("new_rseq"), hash=bindparam("new_hash"))
)
ADD_ENTRIES = insert(Entry)
ADD_WAITING = insert(PendingEntry)


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has its place in the stream."""

    rec: str
    payload: Mapping[str, Any]


@dataclass(slots=True)
class Tail:
    """The end of a stream while it is locked."""

    rec: str
    rseq: int
    hash: bytes | None


def append(session: Session, drafts: list[Draft]) -> None:
    """Chain the drafts to their streams in order; rows of entries, waiting list and heads.

    Raises ActIncomplete for an entry that lacks anything of who, what, when, why and where, or
    says more than its format (URS-AUD-020); the transaction is to be given up.
    """
    connection = session.connection()
    site = site_of(session)
    with writeguard.flushing(session):
        tails = {rec: _locked(connection, site, rec) for rec in sorted({d.rec for d in drafts})}
        rows = [_chained(site, moment(session).site, draft, tails[draft.rec]) for draft in drafts]
        connection.execute(ADD_ENTRIES, rows)
        connection.execute(ADD_WAITING, [_waiting(row, moment(session).steady) for row in rows])
        connection.execute(MOVE_HEAD, [_moved(site, tail) for tail in tails.values()])


def head(session: Session, rec: str) -> tuple[int, str | None]:
    """Number and hex hash of the last committed entry of a stream; (0, None) for a new one."""
    of_stream = {"of_site": site_of(session), "of_rec": rec}
    found = session.connection().execute(READ_HEAD, of_stream).one_or_none()
    if found is None or found.hash is None:
        return 0, None
    return found.rseq, bytes(found.hash).hex()


def _locked(connection: Connection, site: int, rec: str) -> Tail:
    of_stream = {"of_site": site, "of_rec": rec}
    found = connection.execute(LOCK_HEAD, of_stream).one_or_none()
    if found is None:
        _begin_stream(connection, site, rec)
        found = connection.execute(LOCK_HEAD, of_stream).one()
    return Tail(rec, found.rseq, None if found.hash is None else bytes(found.hash))


def _begin_stream(connection: Connection, site: int, rec: str) -> None:
    # Two writers may begin the same stream: the second waits here and then sees the first's row.
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"id": new_id(), "site_id": site, "rec": rec, "rseq": 0, "hash": None}
    connection.execute(dialect.insert(StreamHead).values(row).on_conflict_do_nothing())


def _chained(site: int, at: datetime, draft: Draft, tail: Tail) -> dict[str, Any]:
    tail.rseq += 1
    previous = None if tail.hash is None else tail.hash.hex()
    data = {**draft.payload, "rec": draft.rec, "rseq": tail.rseq, "prev": previous}
    try:
        verifier.check_entry_fields(data, f"entry {tail.rseq} of {draft.rec}")
    except verifier.Invalid as problem:
        raise ActIncomplete(str(problem)) from None
    payload = canonical.encode(data)
    tail.hash = verifier.sha256(payload)
    return {
        "id": new_id(),
        "site_id": site,
        "rec": draft.rec,
        "rseq": tail.rseq,
        "at": at,
        "actor": draft.payload["actor"]["id"],
        "action": draft.payload["action"],
        "object": draft.payload["object"],
        "payload": payload,
        "leaf": verifier.leaf_hash(payload),
    }


def _waiting(row: Mapping[str, Any], real_at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "site_id": row["site_id"],
        "entry_id": row["id"],
        "rec": row["rec"],
        "rseq": row["rseq"],
        "real_at": real_at,
    }


def _moved(site: int, tail: Tail) -> dict[str, Any]:
    return {"of_site": site, "of_rec": tail.rec, "new_rseq": tail.rseq, "new_hash": tail.hash}
