"""The sequencer: gives committed entries their place in the site's log and signs its new root.

One leader at a time (an advisory lock on PostgreSQL, the writers' queue on SQLite). It takes what
the waiting list names, never "ids above the last one": a transaction with a lower id may commit
later. It reads the committed bytes again and recomputes leaf and chain before it signs; an entry
that does not fit stops the signing (`TamperedTrail`).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, func, insert, select, text, tuple_
from sqlalchemy.orm import Session

from audit import checkpoints, log, restored, verifier
from audit.errors import TamperedTrail
from audit.keys import SiteKeys
from audit.models import Checkpoint, Entry, LogLeaf, PendingEntry
from core import writeguard
from core.db import site_of
from core.house import House, moment
from core.ids import new_id

# Asked at each step of the clock and by each idle worker: worked out once, without objects.
_PENDING = cast(Table, PendingEntry.__table__)
_OLDEST = select(func.min(_PENDING.c.real_at)).where(_PENDING.c.site_id == bindparam("site"))
BATCH = 500
LEADER = 0x62775F73657175
"""Number of the advisory lock of the one sequencer."""


def sequence_pending(house: House, keys: SiteKeys, *, batch: int = BATCH) -> int:
    """Put all waiting entries into the log, `batch` for each signed checkpoint; answers how many.

    0 also when another process is the sequencer at this moment, and while the site is restored and
    waits for its restoration: two histories must not be signed under one name. Raises
    `TamperedTrail` naming what does not fit; nothing is signed then.
    """
    total = 0
    while _anything_waits(house):
        done = _sequence_batch(house, keys, batch)
        total += done
        if done == 0:
            break
    return total


def oldest_pending_age(session: Session) -> timedelta | None:
    """How long the oldest entry has waited for the log (steady time); None when none waits."""
    oldest: datetime | None = session.execute(_OLDEST, {"site": site_of(session)}).scalar_one()
    return None if oldest is None else moment(session).steady - oldest


def _anything_waits(house: House) -> bool:
    # Looking needs no writer's turn.
    with house.reading() as session:
        return oldest_pending_age(session) is not None


def _sequence_batch(house: House, keys: SiteKeys, batch: int) -> int:
    with house.transaction() as session:
        if not _is_leader(session) or restored.is_restored(session):
            return 0
        entries = _next_entries(session, batch)
        if entries:
            _append(session, restored.keys_now(session, keys), entries)
        return len(entries)


def _next_entries(session: Session, batch: int) -> list[Entry]:
    # More is read only when everything read waits for a predecessor further down the list.
    while waiting := _waiting(session, batch):
        if entries := _in_order(session, waiting):
            return entries
        if len(waiting) < batch:
            first = min(waiting, key=lambda row: row.rseq)
            raise TamperedTrail(f"the entry before entry {first.rseq} of {first.rec} is missing")
        batch *= 4
    return []


def _is_leader(session: Session) -> bool:
    if session.get_bind().dialect.name != "postgresql":
        return True
    return bool(session.scalar(text("SELECT pg_try_advisory_xact_lock(:n)"), {"n": LEADER}))


def _waiting(session: Session, batch: int) -> Sequence[PendingEntry]:
    query = select(PendingEntry).where(PendingEntry.site_id == site_of(session)).limit(batch)
    if restored.strikes_through(session):
        # What was lost is struck through before anything else gets a position in the log.
        query = query.order_by(PendingEntry.rec.startswith(f"{restored.LOST}/").desc())
    return session.scalars(query.order_by(PendingEntry.id)).all()


def _in_order(session: Session, waiting: Sequence[PendingEntry]) -> list[Entry]:
    """Entries in order of arrival, but inside a record in its own order and without gaps.

    An entry whose predecessor is neither in the log nor among these waits for the next round.
    """
    found = _entries(session, waiting)
    of_record: dict[str, list[Entry]] = defaultdict(list)
    for row in sorted(waiting, key=lambda row: row.rseq):
        of_record[row.rec].append(found[row.entry_id])
    before = _predecessors(session, [entries[0] for entries in of_record.values()])
    ready = {rec: _follow_on(entries, before.get(rec)) for rec, entries in of_record.items()}
    return [ready[row.rec].popleft() for row in waiting if ready[row.rec]]


def _follow_on(entries: list[Entry], before: Entry | None) -> deque[Entry]:
    following: deque[Entry] = deque()
    for entry in entries:
        if entry.rseq != (before.rseq if before else 0) + 1:
            break
        check_entry(entry, before)
        following.append(entry)
        before = entry
    return following


def _entries(session: Session, waiting: Sequence[PendingEntry]) -> dict[UUID, Entry]:
    ids = [row.entry_id for row in waiting]
    found = {row.id: row for row in session.scalars(select(Entry).where(Entry.id.in_(ids)))}
    for lost in set(ids) - found.keys():
        raise TamperedTrail(f"entry {lost} waits for the log but is gone")
    for row in waiting:
        entry = found[row.entry_id]
        if (row.rec, row.rseq) != (entry.rec, entry.rseq):
            raise TamperedTrail(
                f"entry {entry.rseq} of {entry.rec} waits as number {row.rseq} of {row.rec}"
            )
    return found


def _predecessors(session: Session, firsts: Iterable[Entry]) -> dict[str, Entry]:
    """The entry before each of these, where it already stands in the log."""
    wanted = [(entry.rec, entry.rseq - 1) for entry in firsts if entry.rseq > 1]
    if not wanted:
        return {}
    query = (
        select(Entry)
        .join(LogLeaf, LogLeaf.entry_id == Entry.id)
        .where(Entry.site_id == site_of(session), tuple_(Entry.rec, Entry.rseq).in_(wanted))
    )
    return {entry.rec: entry for entry in session.scalars(query)}


def check_entry(entry: Entry, before: Entry | None) -> dict[str, Any]:
    """Stored bytes, leaf, columns and chain fit together; answers the payload."""
    place = f"entry {entry.rseq} of {entry.rec}"
    try:
        data = verifier.check_entry(
            bytes(entry.payload),
            rec=entry.rec,
            rseq=entry.rseq,
            prev=None if before is None else verifier.sha256(bytes(before.payload)).hex(),
            place=place,
        )
    except verifier.Invalid as error:
        raise TamperedTrail(str(error)) from None
    if verifier.leaf_hash(bytes(entry.payload)) != bytes(entry.leaf):
        raise TamperedTrail(f"{place}: the leaf is not the hash of the bytes")
    return data


def _append(session: Session, keys: SiteKeys, entries: list[Entry]) -> None:
    site, size = site_of(session), log.size_of(session)
    tree = log.StoredTree(session)
    _check_latest(session, keys, tree, size)
    new = log.grown(tree.read, size, [bytes(entry.leaf) for entry in entries])
    tree.keep(new)
    after = size + len(entries)
    root = log.root(tree.read, after)
    leaves = [
        {"id": new_id(), "site_id": site, "idx": index, "entry_id": entry.id, "leaf": entry.leaf}
        for index, entry in enumerate(entries, start=size)
    ]
    note = checkpoints.sign(keys.log, after, root)
    with writeguard.flushing(session):
        session.connection().execute(insert(LogLeaf), leaves)
        log.store_nodes(session, new)
        session.connection().execute(
            insert(Checkpoint), [checkpoints.row(site, after, root, note, moment(session).real)]
        )
    done = [entry.id for entry in entries]
    session.execute(delete(PendingEntry).where(PendingEntry.entry_id.in_(done)))


def _check_latest(session: Session, keys: SiteKeys, tree: log.StoredTree, size: int) -> None:
    """The stored log is still the one of the last signed checkpoint."""
    last = checkpoints.latest(session)
    if last is None:
        if size:
            raise TamperedTrail(f"the log has {size} leaves but no checkpoint")
        return
    note = checkpoints.check(last, keys.log_keys())
    if note.size != size or log.root(tree.read, size) != note.root:
        raise TamperedTrail(f"the log of {size} leaves is not the one signed at {note.size}")
