"""Appending to the chains: entries of one record follow each other by hash and number.

Runs last before the commit. The head of a stream is locked only here, streams in sorted order, so
that writers of different records do not wait for each other and never deadlock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from audit import canonical, verifier
from audit.models import Entry, PendingEntry, StreamHead
from core import writeguard
from core.db import site_of
from core.house import moment
from core.ids import new_id

HEAD = StreamHead.__table__.c


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
    """Chain the drafts to their streams in order; rows of entries, waiting list and heads."""
    connection = session.connection()
    site = site_of(session)
    with writeguard.flushing(session):
        tails = {rec: _locked(connection, site, rec) for rec in sorted({d.rec for d in drafts})}
        rows = [_chained(site, moment(session).site, draft, tails[draft.rec]) for draft in drafts]
        connection.execute(insert(Entry), rows)
        connection.execute(
            insert(PendingEntry), [_waiting(row, moment(session).real) for row in rows]
        )
        for tail in tails.values():
            _move(connection, site, tail)


def head(session: Session, rec: str) -> tuple[int, str | None]:
    """Number and hex hash of the last committed entry of a stream; (0, None) for a new one."""
    row = session.connection().execute(
        select(HEAD.rseq, HEAD.hash).where(HEAD.site_id == site_of(session), HEAD.rec == rec)
    )
    found = row.one_or_none()
    if found is None or found.hash is None:
        return 0, None
    return found.rseq, bytes(found.hash).hex()


def _locked(connection: Connection, site: int, rec: str) -> Tail:
    query = (
        select(HEAD.rseq, HEAD.hash).where(HEAD.site_id == site, HEAD.rec == rec).with_for_update()
    )
    found = connection.execute(query).one_or_none()
    if found is None:
        _begin_stream(connection, site, rec)
        found = connection.execute(query).one()
    return Tail(rec, found.rseq, None if found.hash is None else bytes(found.hash))


def _begin_stream(connection: Connection, site: int, rec: str) -> None:
    # Two writers may begin the same stream: the second waits here and then sees the first's row.
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"id": new_id(), "site_id": site, "rec": rec, "rseq": 0, "hash": None}
    connection.execute(dialect.insert(StreamHead).values(row).on_conflict_do_nothing())


def _chained(site: int, at: datetime, draft: Draft, tail: Tail) -> dict[str, Any]:
    tail.rseq += 1
    previous = None if tail.hash is None else tail.hash.hex()
    payload = canonical.encode(
        {**draft.payload, "rec": draft.rec, "rseq": tail.rseq, "prev": previous}
    )
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


def _move(connection: Connection, site: int, tail: Tail) -> None:
    connection.execute(
        update(StreamHead)
        .where(HEAD.site_id == site, HEAD.rec == tail.rec)
        .values(rseq=tail.rseq, hash=tail.hash)
    )
