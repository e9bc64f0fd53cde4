"""The streams of a site verified by several processes, each with streams of its own.

Every process reads the database itself; how far each stream goes is fixed by the one that asks, so
that entries written meanwhile trouble nobody. What is about the whole site (log, heads, rows)
stays with the one that asks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from sqlalchemy import URL, func, select
from sqlalchemy.orm import Session

from audit import verifying
from audit.keys import KeyBook
from audit.models import Entry
from audit.report import Report
from audit.rowcheck import Images
from audit.verifying import Ends
from core.db import Database, site_of


@dataclass(frozen=True, slots=True)
class Share:
    """What one process checks: streams, and the number of the last entry of each."""

    database: URL
    site: int
    book: KeyBook
    streams: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Checked:
    """What it found."""

    ends: Ends
    images: Images
    report: Report


class Processes:
    """Checks the streams of the database at that URL in so many processes (at least one)."""

    def __init__(self, database: URL, count: int) -> None:
        self._database = database
        self._count = count

    def __call__(self, session: Session, book: KeyBook, images: Images, report: Report) -> Ends:
        """As `verifying.check_streams`; a process that ends early raises BrokenProcessPool."""
        shares = [
            Share(self._database, site_of(session), book, streams)
            for streams in shared(_lengths(session), self._count)
        ]
        ends: Ends = {}
        with ProcessPoolExecutor(len(shares) or 1, mp_context=get_context("spawn")) as pool:
            for checked in pool.map(check_share, shares):
                ends.update(checked.ends)
                images.join(checked.images)
                report.join(checked.report)
        return ends


def shared(lengths: Mapping[str, int], count: int) -> list[dict[str, int]]:
    """Streams dealt out so that each share has about as many entries, the longest first."""
    shares: list[dict[str, int]] = [{} for _ in range(count)]
    loads = [(0, number) for number in range(count)]
    for rec in sorted(lengths, key=lambda rec: (-lengths[rec], rec)):
        load, number = heapq.heappop(loads)
        shares[number][rec] = lengths[rec]
        heapq.heappush(loads, (load + lengths[rec], number))
    return [share for share in shares if share]


def check_share(share: Share) -> Checked:
    """Check the streams of one share; runs in a process of its own."""
    images, report = Images(), Report()
    database = Database(share.database)
    try:
        with Session(database.reader, autoflush=False) as session:
            session.info["site_id"] = share.site
            ends = _check(session, share, images, report)
    finally:
        database.close()
    return Checked(ends, images, report)


def _check(session: Session, share: Share, images: Images, report: Report) -> Ends:
    found: Ends = {}
    for rec, last in share.streams.items():
        entries: Iterable[verifying.StoredEntry] = session.execute(
            verifying.entries_query(session).where(Entry.rec == rec, Entry.rseq <= last),
            execution_options={"yield_per": verifying.CHUNK},
        )
        found[rec] = verifying.check_stream(rec, entries, share.book, images, report)
    return found


def _lengths(session: Session) -> dict[str, int]:
    query = (
        select(Entry.rec, func.max(Entry.rseq))
        .where(Entry.site_id == site_of(session))
        .group_by(Entry.rec)
    )
    return {row.rec: row[1] for row in session.execute(query)}
