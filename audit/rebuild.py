"""The trail made again from its own bytes: entries, ends of the chains, log, waiting list.

Reads the exact bytes of the entries and checks each at its place; everything else of an entry's row
is derived from them. Two things stand in no entry and are taken over: the random ids of rows, and
the order in which entries came into the log, which the signed checkpoints prove: the tree is grown
anew from the bytes in that order and must have each signed root (architecture, section 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby, islice
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.orm import Session

from audit import verifier
from audit.logcheck import CHUNK, Growth
from audit.models import (
    Checkpoint,
    Entry,
    LogLeaf,
    LogNode,
    OfTheTrail,
    PendingEntry,
    StreamHead,
)
from audit.rebuildrows import Newest
from audit.report import Report
from audit.verifying import check_columns, entries_query
from core.db import mappers, site_of
from core.ids import new_id

Row = dict[str, Any]
_LEAF = cast(Table, LogLeaf.__table__)
_ENTRY = cast(Table, Entry.__table__)
DERIVED: tuple[type[Any], ...] = (Entry, LogLeaf, LogNode)


def rebuild_trail(session: Session, target: Connection, report: Report) -> Newest:
    """Write the trail of the session's site into the empty tables of `target`.

    Answers the newest image of each row that the entries name. What does not hold is added to the
    report with its place; an entry that cannot be read gives no images.
    """
    newest = Newest()
    entries = session.execute(entries_query(session).execution_options(yield_per=CHUNK))
    for rec, rows in groupby(entries, key=lambda row: str(row.rec)):
        report.streams += 1
        _rebuild_stream(session, target, rec, rows, report, newest)
    _rebuild_log(session, target, report)
    for table in carried():
        _carry(session, target, table)
    return newest


def carried() -> list[Table]:
    """Tables of the trail that others than its entries vouch for: notes signed, stamped, cosigned.

    They hold their own proof and are taken over with it.
    """
    found = [mapper for mapper in mappers() if issubclass(mapper.class_, OfTheTrail)]
    return [cast(Table, m.local_table) for m in found if m.class_ not in DERIVED]


def _rebuild_stream(
    session: Session,
    target: Connection,
    rec: str,
    rows: Iterator[Any],
    report: Report,
    newest: Newest,
) -> None:
    rseq, last = 0, None
    while chunk := list(islice(rows, CHUNK)):
        made = []
        for row in chunk:
            if row.rseq != rseq + 1:
                report.add(f"entry {rseq + 1} of {rec}", "the entry is missing")
            made.append(_derived(site_of(session), row, last, report, newest))
            rseq, last = row.rseq, verifier.sha256(bytes(row.payload))
        target.execute(insert(Entry), made)
        report.entries += len(made)
    head = {"id": new_id(), "site_id": site_of(session), "rec": rec, "rseq": rseq, "hash": last}
    target.execute(insert(StreamHead), [head])


def _derived(site: int, row: Any, last: bytes | None, report: Report, newest: Newest) -> Row:
    """The row of an entry, from its bytes where they can be read."""
    payload, place = bytes(row.payload), f"entry {row.rseq} of {row.rec}"
    found = {"id": row.id, "site_id": site, "rec": row.rec, "rseq": row.rseq, "payload": payload}
    found["leaf"] = verifier.leaf_hash(payload)
    prev = None if last is None else last.hex()
    try:
        data = verifier.check_entry(payload, rec=row.rec, rseq=row.rseq, prev=prev, place=place)
        check_columns(row, data, place)
    except verifier.Invalid as problem:
        report.add(problem.place, problem.problem)
        return {
            **found, "at": row.at, "actor": row.actor, "action": row.action, "object": row.object
        }  # fmt: skip
    newest.take(data, row.id)
    return {
        **found,
        "at": verifier.moment_of(data["at"], place),
        "actor": data["actor"]["id"],
        "action": data["action"],
        "object": data["object"],
    }


def _rebuild_log(session: Session, target: Connection, report: Report) -> None:
    roots = _signed_roots(session)
    growth = Growth()
    for chunk in _places(session):
        hashes = _leaves(target, [row.entry_id for row in chunk])
        for row in chunk:
            if row.entry_id not in hashes:
                report.add(f"log leaf {row.idx}", "its entry is gone")
        leaves = [hashes.get(row.entry_id, bytes(row.leaf)) for row in chunk]
        _write_log(session, target, chunk, leaves, growth.take(leaves))
        for size in [size for size in roots if size <= growth.size]:
            if growth.root(size) != roots.pop(size):
                report.add(f"checkpoint, size {size}", "the log grown anew has another root")
        growth.forget()
    report.logged = growth.size
    for size in roots:
        report.add(f"checkpoint, size {size}", f"the log has only {growth.size} leaves")
    _rebuild_waiting(session, target, report)


def _signed_roots(session: Session) -> dict[int, bytes]:
    query = select(Checkpoint.size, Checkpoint.root).where(Checkpoint.site_id == site_of(session))
    return {size: bytes(root) for size, root in session.execute(query.order_by(Checkpoint.size))}


def _places(session: Session) -> Iterator[list[Any]]:
    query = (
        select(_LEAF.c.id, _LEAF.c.idx, _LEAF.c.entry_id, _LEAF.c.leaf)
        .where(_LEAF.c.site_id == site_of(session))
        .order_by(_LEAF.c.idx)
    )
    rows = iter(session.execute(query.execution_options(yield_per=CHUNK)))
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _leaves(target: Connection, ids: list[UUID]) -> dict[UUID, bytes]:
    found: dict[UUID, bytes] = {}
    for start in range(0, len(ids), 500):
        query = select(_ENTRY.c.id, _ENTRY.c.leaf).where(_ENTRY.c.id.in_(ids[start : start + 500]))
        found |= {row.id: bytes(row.leaf) for row in target.execute(query)}
    return found


def _write_log(
    session: Session,
    target: Connection,
    chunk: list[Any],
    leaves: list[bytes],
    nodes: Mapping[tuple[int, int], bytes],
) -> None:
    site = site_of(session)
    rows = [
        {"id": row.id, "site_id": site, "idx": row.idx, "entry_id": row.entry_id, "leaf": leaf}
        for row, leaf in zip(chunk, leaves, strict=True)
    ]
    target.execute(insert(LogLeaf), rows)
    grown = [
        {"id": new_id(), "site_id": site, "level": level, "idx": index, "hash": hashed}
        for (level, index), hashed in nodes.items()
        if level
    ]
    if grown:
        target.execute(insert(LogNode), grown)


def _rebuild_waiting(session: Session, target: Connection, report: Report) -> None:
    """Whatever has no place in the log waits for one, in the order in which it was written."""
    query = (
        select(_ENTRY.c.id, _ENTRY.c.rec, _ENTRY.c.rseq, _ENTRY.c.payload, _ENTRY.c.site_id)
        .where(_ENTRY.c.id.not_in(select(_LEAF.c.entry_id)))
        .order_by(_ENTRY.c.id)
    )
    for row in target.execute(query).all():
        place = f"entry {row.rseq} of {row.rec}"
        try:
            data = verifier.parse_canonical(bytes(row.payload), place)
            real = verifier.moment_of(data["real_at"], place)
        except (verifier.Invalid, KeyError, TypeError):
            report.add(place, "it waits for the log but cannot be read")
            continue
        waiting = {"entry_id": row.id, "rec": row.rec, "rseq": row.rseq, "real_at": real}
        target.execute(insert(PendingEntry), [{"id": new_id(), "site_id": row.site_id, **waiting}])
        report.waiting += 1


def _carry(session: Session, target: Connection, table: Table) -> None:
    query = select(table).where(table.c.site_id == site_of(session)).order_by(table.c.id)
    rows = iter(session.execute(query.execution_options(yield_per=CHUNK)).mappings())
    while chunk := [dict(row) for row in islice(rows, CHUNK)]:
        target.execute(insert(table), chunk)
