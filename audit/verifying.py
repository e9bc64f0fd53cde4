"""Verification of the live site: chains, log, checkpoints, signatures, and the rows themselves.

Every current row must equal the last after-image that the entries hold of it, so an edit behind
the application is found and named by table, row and record (URS-REC-110). Problems are collected,
not raised: one broken record must not hide another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from audit import canonical, checkpoints, log, verifier
from audit.changes import Shape
from audit.errors import TamperedTrail
from audit.keys import KeyBook
from audit.logcheck import check_log
from audit.models import Entry, LogLeaf, PendingEntry, Signature, StreamHead
from audit.report import Report
from audit.rowcheck import Images, audited_shapes, check_record_rows, check_rows
from audit.streams import Stream
from core import appendonly
from core.db import site_of
from core.errors import BrokenPromise

CHUNK = 1000
StoredEntry = Row[*tuple[Any, ...]]
Ends = dict[str, tuple[int, bytes | None]]
"""Number and hash of the last entry of each stream."""
CheckStreams = Callable[[Session, KeyBook, Images, Report], Ends]


def verify_site(
    session: Session,
    book: KeyBook,
    *,
    outside: Iterable[str] = (),
    shapes: Sequence[Shape] | None = None,
    streams: CheckStreams | None = None,
) -> Report:
    """Check everything; `outside` are checkpoint notes kept elsewhere (prints, a log witness).

    `shapes` are the audited tables, by default those of the product. `streams` checks the chains,
    by default one after the other in this process (`audit.sharing` has another way).
    """
    report, images = Report(), Images()
    check_triggers(session, report)
    ends = (streams or check_streams)(session, book, images, report)
    check_heads(session, ends, report)
    check_log(session, book, report, outside)
    check_waiting(session, report)
    check_rows(session, images, report, audited_shapes() if shapes is None else shapes)
    return report


def verify_record(
    session: Session, stream: Stream, book: KeyBook, *, shapes: Sequence[Shape] | None = None
) -> Report:
    """Check one record for its badge: chain, signatures, rows, and its entries in the log.

    Rows that no entry knows and other records are the site verification's part.
    """
    report, images, rec = Report(), Images(), str(stream)
    entries = list(session.execute(entries_query(session).where(Entry.rec == rec)))
    end = check_stream(rec, entries, book, images, report)
    check_heads(session, {rec: end}, report, only=rec)
    _check_inclusion(session, entries, book, report)
    signatures = set(images.of_table("signature"))
    check_record_rows(session, images, report, audited_shapes() if shapes is None else shapes)
    _check_strange_signatures(session, rec, signatures, report)
    report.not_checked.append("rows that no entry knows, and other records: verify the site")
    return report


def check_triggers(session: Session, report: Report) -> None:
    """The append-only triggers stand."""
    try:
        appendonly.check(session.connection())
    except BrokenPromise as problem:
        report.add("triggers", str(problem))


def entries_query(session: Session) -> Select[*tuple[Any, ...]]:
    """All entries of the site by stream and number, with what a check of them needs."""
    return (
        select(
            Entry.id, Entry.rec, Entry.rseq, Entry.payload, Entry.leaf,
            Entry.at, Entry.actor, Entry.action, Entry.object,
        )
        .where(Entry.site_id == site_of(session))
        .order_by(Entry.rec, Entry.rseq)
    )  # fmt: skip


def check_streams(session: Session, book: KeyBook, images: Images, report: Report) -> Ends:
    """Check every chain of the site; answers their ends."""
    return {
        rec: check_stream(rec, entries, book, images, report)
        for rec, entries in _by_stream(session)
    }


def _by_stream(session: Session) -> Iterator[tuple[str, Iterator[StoredEntry]]]:
    rows = session.execute(entries_query(session).execution_options(yield_per=CHUNK))
    return groupby(rows, key=lambda row: str(row.rec))


def check_stream(
    rec: str, entries: Iterable[StoredEntry], book: KeyBook, images: Images, report: Report
) -> tuple[int, bytes | None]:
    """Check one chain; answers number and hash of its end. After a problem it goes on behind it."""
    signed: verifier.SignedEntries | None = verifier.SignedEntries(_people(book))
    rseq, last = 0, None
    report.streams += 1
    for row in entries:
        report.entries += 1
        payload, place = bytes(row.payload), f"entry {row.rseq} of {rec}"
        if row.rseq != rseq + 1:
            report.add(f"entry {rseq + 1} of {rec}", "the entry is missing")
        rseq = row.rseq
        try:
            prev = None if last is None else last.hex()
            data = verifier.check_entry(payload, rec=rec, rseq=rseq, prev=prev, place=place)
            check_columns(row, data, place)
            images.take(data)
            if signed is not None:
                signed.take(data, payload, place)
        except verifier.Invalid as problem:
            report.add(problem.place, problem.problem)
            report.not_checked.append(f"signatures in {rec} beyond entry {rseq}")
            report.signatures += signed.count if signed else 0
            signed = None
        last = verifier.sha256(payload)
    report.signatures += signed.count if signed else 0
    return rseq, last


def _people(book: KeyBook) -> dict[str, dict[str, Any]]:
    return {key_id: key.published() for key_id, key in book.people.items()}


def check_columns(row: StoredEntry, data: dict[str, Any], place: str) -> None:
    """Leaf and columns of an entry repeat its bytes, else `verifier.Invalid`."""
    if verifier.leaf_hash(bytes(row.payload)) != bytes(row.leaf):
        raise verifier.Invalid(place, "the leaf is not the hash of the bytes")
    at = verifier.utc_text(verifier.moment_of(data["at"], place))
    told = (at, data["actor"]["id"], data["action"], data["object"])
    if told != (canonical.moment_text(row.at), row.actor, row.action, row.object):
        raise verifier.Invalid(place, "the columns of the entry differ from its bytes")


def check_heads(
    session: Session,
    ends: Ends,
    report: Report,
    *,
    only: str | None = None,
) -> None:
    """Every stream ends where its head stands."""
    query = select(StreamHead.rec, StreamHead.rseq, StreamHead.hash).where(
        StreamHead.site_id == site_of(session)
    )
    if only is not None:
        query = query.where(StreamHead.rec == only)
    heads = {rec: (rseq, hashed and bytes(hashed)) for rec, rseq, hashed in session.execute(query)}
    for rec in sorted(ends.keys() | heads.keys()):
        end, head = ends.get(rec, (0, None)), heads.get(rec, (0, None))
        if head != end:
            report.add(
                f"stream {rec}", f"its head stands at {head[0]}, its entries end at {end[0]}"
            )


def check_waiting(session: Session, report: Report) -> None:
    """Every entry is in the log or waits for it."""
    site = site_of(session)
    report.waiting = (
        session.scalar(
            select(func.count()).select_from(PendingEntry).where(PendingEntry.site_id == site)
        )
        or 0
    )
    lost = (
        select(Entry.rec, Entry.rseq)
        .outerjoin(LogLeaf, LogLeaf.entry_id == Entry.id)
        .outerjoin(PendingEntry, PendingEntry.entry_id == Entry.id)
        .where(Entry.site_id == site, LogLeaf.id.is_(None), PendingEntry.id.is_(None))
        .order_by(Entry.rec, Entry.rseq)
    )
    for rec, rseq in session.execute(lost):
        report.add(f"entry {rseq} of {rec}", "it is neither in the log nor waiting for it")


def _check_inclusion(
    session: Session, entries: Sequence[StoredEntry], book: KeyBook, report: Report
) -> None:
    """The entries of one record stand in the log of the newest checkpoint or wait for it."""
    newest = checkpoints.latest(session)
    places = _log_places(session, [row.id for row in entries])
    report.logged, report.waiting = len(places), len(entries) - len(places)
    if newest is None:
        return
    try:
        note = checkpoints.check(newest, book.log)
        tree = log.StoredTree(session)
        tree.prefetch(lambda read: [_path(read, i, note.size) for i in places.values()])
        for row in entries:
            if (index := places.get(row.id)) is not None:
                leaf = verifier.leaf_hash(bytes(row.payload))
                path = _path(tree.read, index, note.size)
                place = f"entry {row.rseq} of {row.rec}"
                verifier.check_inclusion(leaf, index, note.size, path, note.root, place)
        report.checkpoint = f"{note.origin} {note.size} {note.root.hex()}"
    except (TamperedTrail, BrokenPromise) as problem:
        report.add("log", str(problem))
    except verifier.Invalid as problem:
        report.add(problem.place, problem.problem)


def _log_places(session: Session, ids: list[UUID]) -> dict[UUID, int]:
    places: dict[UUID, int] = {}
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        query = select(LogLeaf.entry_id, LogLeaf.idx).where(LogLeaf.entry_id.in_(part))
        places.update((row.entry_id, row.idx) for row in session.execute(query))
    return places


def _path(read: log.Read, index: int, size: int) -> list[bytes]:
    if index >= size:
        raise TamperedTrail(f"log leaf {index} stands beyond the newest checkpoint")
    return log.inclusion_proof(read, index, size)


def _check_strange_signatures(session: Session, rec: str, known: set[str], report: Report) -> None:
    """A signature row that points at this record but stands in none of its entries."""
    query = select(Signature.id, Signature.signer).where(
        Signature.site_id == site_of(session), Signature.record == rec
    )
    for row_id, signer in session.execute(query):
        if str(row_id) not in known:
            report.add(f"table signature, row {row_id}", f"no entry knows it (signer {signer})")
