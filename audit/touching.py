"""Every entry that changed rows of a table: history as it was sealed, up to any moment.

Found by the search's read model; what it does not cover yet, and what waits for its place in the
log, is read from the entries themselves, so nothing is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import searchterms
from audit.models import Entry, LogLeaf, PendingEntry
from audit.searchindex import Postings, places, read_log
from core.db import site_of

IN_ONE_QUERY = 400


def touching(session: Session, tables: Iterable[str], *, before: datetime) -> list[Entry]:
    """Entries with a change of one of these tables, of site times before that moment, in order."""
    wanted = frozenset(tables)
    found = {entry.id: entry for entry in _every(session, wanted) if entry.at < before}
    return sorted(found.values(), key=lambda entry: (entry.at, entry.rec, entry.rseq))


def changes_of(entry: Entry, table: str) -> list[dict[str, Any]]:
    """What the entry changed in a table: id, before and after-image of each row."""
    return [change for change in entry.data["changes"] if change["table"] == table]


def _every(session: Session, wanted: frozenset[str]) -> Iterator[Entry]:
    postings = Postings(session)
    indexes = list(places(postings.any_of(searchterms.TABLE, map(searchterms.fold, wanted))))
    for start in range(0, len(indexes), IN_ONE_QUERY):
        yield from session.scalars(
            select(Entry)
            .join(LogLeaf, LogLeaf.entry_id == Entry.id)
            .where(LogLeaf.site_id == site_of(session))
            .where(LogLeaf.idx.in_(indexes[start : start + IN_ONE_QUERY]))
        )
    for _index, entry in read_log(session, postings.through, postings.logged):
        if _changes(entry, wanted):
            yield entry
    waiting = select(Entry).join(PendingEntry, PendingEntry.entry_id == Entry.id)
    for entry in session.scalars(waiting.where(PendingEntry.site_id == site_of(session))):
        if _changes(entry, wanted):
            yield entry


def _changes(entry: Entry, wanted: frozenset[str]) -> bool:
    return any(change["table"] in wanted for change in entry.data["changes"])
