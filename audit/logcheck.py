"""The stored log against its entries, its own subtrees and every signed checkpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import checkpoints, log
from audit.errors import TamperedTrail
from audit.keys import KeyBook
from audit.log import Position
from audit.models import Checkpoint, Entry, LogLeaf, LogNode
from audit.report import Report
from audit.verifier import CheckpointNote, Invalid
from core.db import site_of

CHUNK = 4096


class Growth:
    """Recomputes the tree from its leaves; keeps only the subtrees that later ones need."""

    def __init__(self) -> None:
        self.size = 0
        self._known: dict[Position, bytes] = {}

    def take(self, leaves: list[bytes]) -> dict[Position, bytes]:
        """Add leaves; answers the new nodes."""
        new = log.grown(lambda *at: self._known[at], self.size, leaves)
        self.size += len(leaves)
        self._known.update(new)
        return new

    def root(self, size: int) -> bytes:
        """The root at a size within the last chunk taken."""
        return log.root(lambda *at: self._known[at], size)

    def forget(self) -> None:
        """Drop what no later root needs: all but the peaks."""
        peaks = {
            (level, (self.size >> level) - 1)
            for level in range(self.size.bit_length())
            if self.size >> level & 1
        }
        self._known = {at: hashed for at, hashed in self._known.items() if at in peaks}


def check_log(session: Session, book: KeyBook, report: Report, outside: Iterable[str]) -> None:
    """Leaves, subtrees and checkpoints fit the entries; notes kept `outside` fit the log."""
    wanted = _signed_sizes(session, book, report)
    for text in outside:
        _read_outside(text, book, report, wanted)
    growth = Growth()
    for leaves in _leaves(session, report):
        new = growth.take(leaves)
        _compare_nodes(session, new, report)
        for size in [size for size in wanted if size <= growth.size]:
            for place, root in wanted.pop(size):
                if growth.root(size) != root:
                    report.add(place, "the log has another root at that size")
        growth.forget()
    report.logged = growth.size
    for claims in wanted.values():
        for place, _ in claims:
            report.add(place, f"the log has only {growth.size} leaves: its tail is gone")


Claims = dict[int, list[tuple[str, bytes]]]


def _signed_sizes(session: Session, book: KeyBook, report: Report) -> Claims:
    wanted: Claims = defaultdict(list)
    last = 0
    query = select(Checkpoint).where(Checkpoint.site_id == site_of(session))
    for checkpoint in session.scalars(query.order_by(Checkpoint.size)):
        place = f"checkpoint at size {checkpoint.size}"
        try:
            note = checkpoints.check(checkpoint, book.log)
        except TamperedTrail as problem:
            report.add(place, str(problem))
            continue
        wanted[note.size].append((place, note.root))
        report.checkpoint = f"{note.origin} {note.size} {note.root.hex()}"
        last = note.size
    if log.size_of(session) > last:
        report.add("log", f"leaves beyond {last} stand under no checkpoint")
    return wanted


def _read_outside(text: str, book: KeyBook, report: Report, wanted: Claims) -> None:
    place = "checkpoint kept outside"
    try:
        note = CheckpointNote(text, place)
        note.check(book.log, place)
    except Invalid as problem:
        report.add(problem.place, problem.problem)
    else:
        wanted[note.size].append((f"{place}, size {note.size}", note.root))


def _leaves(session: Session, report: Report) -> Iterator[list[bytes]]:
    """Leaves in chunks, as stored; gaps and strange order are noted on the way."""
    query = (
        select(LogLeaf.idx, LogLeaf.leaf, Entry.rec, Entry.rseq, Entry.leaf.label("of_entry"))
        .outerjoin(Entry, Entry.id == LogLeaf.entry_id)
        .where(LogLeaf.site_id == site_of(session))
        .order_by(LogLeaf.idx)
        .execution_options(yield_per=CHUNK)
    )
    rows = iter(session.execute(query))
    expected = 0
    last: dict[str, int] = defaultdict(int)
    while chunk := list(islice(rows, CHUNK)):
        for row in chunk:
            place = f"log leaf {row.idx}"
            if row.idx != expected:
                report.add(place, f"leaf {expected} is missing")
            expected = row.idx + 1
            if row.rec is None:
                report.add(place, "its entry is gone")
            elif bytes(row.leaf) != bytes(row.of_entry):
                report.add(place, f"it is not the leaf of entry {row.rseq} of {row.rec}")
            elif row.rseq != last[row.rec] + 1:
                report.add(place, f"entry {row.rseq} of {row.rec} stands out of order")
            if row.rec is not None:
                last[row.rec] = row.rseq
        yield [bytes(row.leaf) for row in chunk]


def _compare_nodes(session: Session, new: dict[Position, bytes], report: Report) -> None:
    by_level: dict[int, dict[int, bytes]] = defaultdict(dict)
    for (level, index), hashed in new.items():
        if level:
            by_level[level][index] = hashed
    for level, nodes in by_level.items():
        query = select(LogNode.idx, LogNode.hash).where(
            LogNode.site_id == site_of(session),
            LogNode.level == level,
            LogNode.idx.between(min(nodes), max(nodes)),
        )
        stored = {index: bytes(hashed) for index, hashed in session.execute(query)}
        for index in sorted(nodes):
            if stored.get(index) != nodes[index]:
                report.add(f"log node {level}/{index}", "it is not the hash of its leaves")
