"""Verification that builds on what was verified before (URS-REC-110).

A statement, signed with the key of the log, says: at this size and root everything held, by this
version of the verifier. A later run proves that the log grew from there (consistency), checks what
came since byte by byte, with signatures and rows, and looks at one in a hundred of the old entries
again, in runs of neighbours chosen at random. It never replaces the whole verification: rows that
only old entries name, and old signatures, are looked at again by that one.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import checkpoints, log, verifier, verifying
from audit.changes import Shape
from audit.errors import TamperedTrail
from audit.keys import KeyBook, LogSigner
from audit.models import Checkpoint, Entry, LogLeaf, PendingEntry
from audit.report import Report
from audit.rowcheck import Images, audited_shapes, check_record_rows
from core.db import site_of
from core.errors import BrokenPromise

DOMAIN = "batchwright-verified-v1"
RUN = 6
"""Level of the runs of old entries that are looked at again: 64 neighbours each."""
SHARE = 100
"""One in so many of the old entries is looked at again."""
CHUNK = 5000
WHOLE = 3000
"""A record of at most so many entries that grew is verified whole."""
Told = dict[str, Any]
SOURCES = ("verifier.py", "verifying.py", "logcheck.py", "rowcheck.py", "verified.py", "changes.py")


def version() -> str:
    """The version of the verifier: a digest of its sources, so that no change of it is missed."""
    folder, digest = Path(__file__).parent, hashlib.sha256()
    for name in SOURCES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Everything held at `size` and `root`, found by that version of the verifier."""

    size: int
    root: bytes
    verifier: str

    def sign(self, signer: LogSigner) -> str:
        """The signed note. Its first line keeps it apart from checkpoints."""
        root = base64.b64encode(self.root).decode("ascii")
        text = f"{DOMAIN} {signer.origin}\n{self.size}\n{root}\n{self.verifier}\n"
        return f"{text}\n{signer.sign(text)}"


def read_statement(note: str, keys: Sequence[verifier.LogKey]) -> Statement:
    """The statement of a note that one of these keys signed. `TamperedTrail` for any other."""
    place = "statement of an earlier verification"
    try:
        found = verifier.CheckpointNote(note, place)
        domain, _, found.origin = found.origin.partition(" ")
        if domain != DOMAIN:
            raise verifier.Invalid(place, "it is a note of another kind")
        found.check(keys, place)
    except verifier.Invalid as problem:
        raise TamperedTrail(str(problem)) from None
    return Statement(size=found.size, root=found.root, verifier=found.text.split("\n")[3])


def verify_new(
    session: Session,
    book: KeyBook,
    since: Statement,
    *,
    chance: random.Random,
    shapes: Sequence[Shape] | None = None,
) -> Report:
    """Check what the log gained since a statement, and a sample of the old; counts of both.

    The statement must be of this version of the verifier (`read_statement` has checked who signed
    it), else ValueError.
    """
    if since.verifier != version():
        raise ValueError("the statement is of another version of the verifier")
    report = Report()
    verifying.check_triggers(session, report)
    note = _check_growth(session, book, since, report)
    if note is None:
        return report
    report.logged, images = note.size, Images()
    sampled = _check_sample(session, note, since.size, chance, report)
    for data in sampled:
        images.take(data)
    grown = _check_tail(session, since.size, note, report)
    for rec in sorted(grown):
        _check_stream(session, rec, grown[rec], book, images, report)
    _count_waiting(session, report)
    check_record_rows(session, images, report, audited_shapes() if shapes is None else shapes)
    report.not_checked.append(
        f"{since.size - len(sampled)} of {since.size} old entries and the rows that only they"
        " name: verify the whole site"
    )
    return report


def _count_waiting(session: Session, report: Report) -> None:
    query = select(func.count()).select_from(PendingEntry)
    report.waiting = session.scalar(query.where(PendingEntry.site_id == site_of(session))) or 0


def _check_growth(
    session: Session, book: KeyBook, since: Statement, report: Report
) -> verifier.CheckpointNote | None:
    """The log is signed and grew from the statement; its checkpoint, None when it did not."""
    try:
        newest = checkpoints.latest(session)
        if newest is None:
            raise TamperedTrail("the log has no checkpoint any more")
        note = checkpoints.check(newest, book.log)
        if log.size_of(session) != note.size or note.size < since.size:
            raise TamperedTrail(
                f"the log has {log.size_of(session)} leaves; the newest checkpoint says"
                f" {note.size}, the last verification {since.size}"
            )
        tree = log.StoredTree(session)
        if since.size:
            proof = log.consistency_proof(tree.read, since.size, note.size)
            verifier.check_consistency(
                since.size, note.size, since.root, note.root, proof, "log since the last time"
            )
        if log.root(tree.read, note.size) != note.root:
            raise TamperedTrail(f"the log has another root at size {note.size}")
        _check_checkpoints(session, book, since.size, tree)
    except (TamperedTrail, BrokenPromise) as problem:
        report.add("log", str(problem))
        return None
    except verifier.Invalid as problem:
        report.add(problem.place, problem.problem)
        return None
    report.checkpoint = f"{note.origin} {note.size} {note.root.hex()}"
    return note


def _check_checkpoints(session: Session, book: KeyBook, since: int, tree: log.StoredTree) -> None:
    query = select(Checkpoint).where(
        Checkpoint.site_id == site_of(session), Checkpoint.size > since
    )
    for checkpoint in session.scalars(query.order_by(Checkpoint.size)):
        note = checkpoints.check(checkpoint, book.log)
        if log.root(tree.read, note.size) != note.root:
            raise TamperedTrail(f"the log has another root at size {note.size}")


def _check_sample(
    session: Session, note: verifier.CheckpointNote, old: int, chance: random.Random, report: Report
) -> list[Told]:
    """Runs of old entries, byte by byte, against the root of the log; answers what they say."""
    runs = old >> RUN
    chosen = sorted(chance.sample(range(runs), -(-runs // SHARE)))
    tree, found = log.StoredTree(session), list[Told]()
    starts = [run << RUN for run in chosen]
    tree.prefetch(lambda read: [log.inclusion_proof(read, at, note.size) for at in starts])
    for start in starts:
        try:
            found += _check_run(session, start, note, tree, report)
        except verifier.Invalid as problem:
            report.add(problem.place, problem.problem)
    return found


def _check_run(
    session: Session,
    start: int,
    note: verifier.CheckpointNote,
    tree: log.StoredTree,
    report: Report,
) -> list[Told]:
    """The path of the first leaf leads to the root; its first steps are the other leaves."""
    rows = list(_logged(session, start, start + (1 << RUN)))
    told = [_check_one(row) for row in rows]
    leaves = [verifier.leaf_hash(bytes(row.payload)) for row in rows]
    hashes = log.grown(_none_before, 0, leaves)
    path = log.inclusion_proof(tree.read, start, note.size)
    place = f"entries {start + 1} to {start + (1 << RUN)} of the log"
    if path[:RUN] != [hashes.get((level, 1)) for level in range(RUN)]:
        raise verifier.Invalid(place, "they are not the leaves of the log")
    verifier.check_inclusion(leaves[0], start, note.size, path, note.root, place)
    report.entries += len(rows)
    return told


def _none_before(level: int, index: int) -> bytes:
    raise BrokenPromise(f"a run of the log begins with itself, not at {level}/{index}")


def _logged(session: Session, start: int, end: int) -> Sequence[Any]:
    """Entries from place `start` of the log to below `end`; a gap leaves one out."""
    query = (
        select(
            LogLeaf.idx, LogLeaf.leaf.label("logged"), Entry.rec, Entry.rseq, Entry.payload,
            Entry.leaf, Entry.at, Entry.actor, Entry.action, Entry.object,
        )
        .join(Entry, Entry.id == LogLeaf.entry_id)
        .where(LogLeaf.site_id == site_of(session), LogLeaf.idx >= start, LogLeaf.idx < end)
        .order_by(LogLeaf.idx)
    )  # fmt: skip
    return session.execute(query).all()


def _check_one(row: Any) -> Told:
    """Canonical bytes, complete, and the columns repeat them; the chain is proved by the log."""
    place = f"entry {row.rseq} of {row.rec}"
    data: Told = verifier.parse_canonical(bytes(row.payload), place)
    verifier.check_entry_fields(data, place)
    if (data["rec"], data["rseq"]) != (row.rec, row.rseq):
        raise verifier.Invalid(place, f"it says to be entry {data['rseq']} of {data['rec']}")
    verifying.check_columns(row, data, place)
    if bytes(row.logged) != bytes(row.leaf):
        raise verifier.Invalid(f"log leaf {row.idx}", f"it is not the leaf of {place}")
    return data


def _check_tail(
    session: Session, old: int, note: verifier.CheckpointNote, report: Report
) -> dict[str, list[Told]]:
    """What came since, byte by byte: it makes the root. Answers the entries by their record."""
    found: dict[str, list[Told]] = defaultdict(list)
    leaves: list[bytes] = []
    for start in range(old, note.size, CHUNK):
        for row in _logged(session, start, min(start + CHUNK, note.size)):
            if row.idx != old + len(leaves):
                report.add(f"log leaf {old + len(leaves)}", "its entry is gone")
                return found
            leaves.append(verifier.leaf_hash(bytes(row.payload)))
            try:
                data = _check_one(row)
                found[data["rec"]].append(data)
            except verifier.Invalid as problem:
                report.add(problem.place, problem.problem)
    _check_root(session, old, leaves, note, report)
    return found


def _check_root(
    session: Session,
    old: int,
    leaves: list[bytes],
    note: verifier.CheckpointNote,
    report: Report,
) -> None:
    tree = log.StoredTree(session)
    tree.keep(log.grown(tree.read, old, leaves))
    if old + len(leaves) != note.size or log.root(tree.read, note.size) != note.root:
        report.add("log", f"the entries from {old + 1} on do not make the root that was signed")


def _check_stream(
    session: Session, rec: str, new: list[Told], book: KeyBook, images: Images, report: Report
) -> None:
    """A record that grew: whole with its signatures where it is short, else what is new of it."""
    if new[-1]["rseq"] <= WHOLE:
        query = verifying.entries_query(session).where(Entry.rec == rec)
        end = verifying.check_stream(rec, session.execute(query), book, images, report)
        verifying.check_heads(session, {rec: end}, report, only=rec)
        return
    report.streams += 1
    report.entries += len(new)
    report.not_checked.append(f"signatures in {rec}, which is long: verify the whole site")
    last = new[0]["rseq"] - 1
    for data in new:
        if data["rseq"] != last + 1:
            report.add(f"entry {data['rseq']} of {rec}", "it stands out of order in the log")
        last = data["rseq"]
        images.take(data)
