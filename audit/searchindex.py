"""The search's read model: which entries of the log carry a term, as bits in blocks of 4,096.

The worker lets it follow the log, one block for each transaction; what it does not cover yet is
read from the entries when somebody asks. Sets are whole numbers whose bit n stands for entry n of
the log: intersecting, joining and counting a million entries takes less than a millisecond each.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from sys import byteorder
from typing import Any

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from audit import log, searchterms
from audit.models import Entry, LogLeaf
from audit.report import Report
from audit.searchmodels import BLOCK, SearchBlock, SearchState
from audit.searchterms import Term
from core.db import site_of
from core.house import House
from core.ids import new_id

BYTES = BLOCK // 8
FEW = BYTES // 2
IN_ONE_QUERY = 400
MOST_UNCOVERED = 2 * BLOCK
"""Entries at the end of the log that one question reads itself."""
Sets = dict[Term, int]


def catch_up(house: House, *, most: int | None = None) -> int:
    """Cover the entries that the log has gained, at most `most` blocks; answers how many entries.

    Each block is a transaction of its own. Where the terms have another version, it begins anew.
    """
    total = blocks = 0
    while most is None or blocks < most:
        with house.transaction() as session:
            done = _cover_some(session)
        if not done:
            break
        total, blocks = total + done, blocks + 1
    return total


def is_behind(session: Session) -> bool:
    """Whether the log has entries that the search does not cover."""
    return covered(session) < log.size_of(session)


def covered(session: Session) -> int:
    """How many entries of the log the search covers by the terms of this version."""
    state = session.scalars(_state_query(session)).one_or_none()
    return state.size if state is not None and state.terms == searchterms.TERMS else 0


def begin_anew(session: Session) -> None:
    """Forget everything; `catch_up` makes it from the entries again."""
    state = _locked_state(session)
    session.execute(delete(SearchBlock).where(SearchBlock.site_id == site_of(session)))
    state.size, state.terms = 0, searchterms.TERMS


def _cover_some(session: Session) -> int:
    if _locked_state(session).terms != searchterms.TERMS:
        begin_anew(session)
    state = _locked_state(session)
    block, within = divmod(state.size, BLOCK)
    sets = _sets(session, state.size, state.size + BLOCK - within)
    done = max((found.bit_length() for found in sets.values()), default=0)
    if done:
        _store(session, block, {term: found << within for term, found in sets.items()})
        state.size += done
    return done


def _locked_state(session: Session) -> SearchState:
    state = session.scalars(_state_query(session).with_for_update()).one_or_none()
    if state is None:
        state = SearchState(size=0, terms=searchterms.TERMS)
        session.add(state)
        session.flush()
    return state


def _state_query(session: Session) -> Any:
    return select(SearchState).where(SearchState.site_id == site_of(session))


def _sets(session: Session, start: int, end: int) -> Sets:
    """Sets of the terms of the entries `start` to `end` of the log; bit 0 is entry `start`."""
    found: Sets = defaultdict(int)
    for index, entry in read_log(session, start, end):
        for term in searchterms.of_entry(entry.data):
            found[term] |= 1 << index - start
    return found


def read_log(session: Session, start: int, end: int) -> Iterator[tuple[int, Entry]]:
    """Entries from place `start` of the log to below `end`, in order."""
    query = (
        select(LogLeaf.idx, Entry)
        .join(Entry, Entry.id == LogLeaf.entry_id)
        .where(LogLeaf.site_id == site_of(session), LogLeaf.idx >= start, LogLeaf.idx < end)
        .order_by(LogLeaf.idx)
        .execution_options(yield_per=1000)
    )
    yield from session.execute(query)


def _store(session: Session, block: int, sets: Mapping[Term, int]) -> None:
    site, known = site_of(session), _known(session, block, list(sets))
    new, grown = [], []
    for (kind, value), found in sets.items():
        if (former := known.get((kind, value))) is None:
            row = {"kind": kind, "value": value, "block": block, "bits": packed(found)}
            new.append({"id": new_id(), "site_id": site, **row})
        else:
            row_id, bits = former
            grown.append({"id": row_id, "bits": packed(found | unpacked(bits))})
    if new:
        session.execute(insert(SearchBlock), new)
    if grown:
        session.execute(update(SearchBlock), grown)


def _known(session: Session, block: int, terms: list[Term]) -> dict[Term, tuple[Any, bytes]]:
    found = {}
    for start in range(0, len(terms), IN_ONE_QUERY):
        query = select(SearchBlock.kind, SearchBlock.value, SearchBlock.id, SearchBlock.bits).where(
            SearchBlock.site_id == site_of(session),
            SearchBlock.block == block,
            tuple_(SearchBlock.kind, SearchBlock.value).in_(terms[start : start + IN_ONE_QUERY]),
        )
        found.update(
            {(row.kind, row.value): (row.id, bytes(row.bits)) for row in session.execute(query)}
        )
    return found


def packed(found: int) -> bytes:
    """A set of places below 4,096 as stored."""
    if found.bit_count() >= FEW:
        return found.to_bytes(BYTES, "little")
    return _little_end(array("H", places(found))).tobytes()


def unpacked(bits: bytes) -> int:
    """A stored set."""
    if len(bits) == BYTES:
        return int.from_bytes(bits, "little")
    found = 0
    for place in _little_end(array("H", bits)):
        found |= 1 << place
    return found


def _little_end(numbers: array[int]) -> array[int]:
    if byteorder == "big":
        numbers.byteswap()
    return numbers


def places(found: int) -> Iterator[int]:
    """The members of a set, from the lowest."""
    data = found.to_bytes((found.bit_length() + 7) // 8, "little")
    for at, byte in enumerate(data):
        while byte:
            low = byte & -byte
            yield at * 8 + low.bit_length() - 1
            byte ^= low


class Postings:
    """The sets of all terms as one question sees them: the read model and the end of the log."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._site = site_of(session)
        self.logged = log.size_of(session)
        size = min(covered(session), self.logged)
        self._blocks = -(-size // BLOCK)
        self.through = min(self.logged, size + MOST_UNCOVERED)
        """How many entries of the log a question sees: all, but while the search is being made."""
        ends = _sets(session, size, self.through) if self.through > size else {}
        self._ends = {term: found << size for term, found in ends.items()}
        self._covered = (1 << size) - 1
        self.everything = (1 << self.through) - 1

    def of(self, kind: str, value: str) -> int:
        """The entries with exactly that term."""
        ends = self._ends.get((kind, value), 0)
        return self._stored(SearchBlock.kind == kind, SearchBlock.value == value) | ends

    def between(self, kind: str, low: str, high: str) -> int:
        """The entries with a term from `low` to below `high`."""
        ends = _joined(
            found for (of, value), found in self._ends.items() if of == kind and low <= value < high
        )
        stored = self._stored(
            SearchBlock.kind == kind, SearchBlock.value >= low, SearchBlock.value < high
        )
        return stored | ends

    def beginning(self, kind: str, start: str) -> int:
        """The entries with a term that begins so."""
        return self.between(kind, start, f"{start}\U0010ffff")

    def any_of(self, kind: str, values: Iterable[str]) -> int:
        """The entries with one of these terms."""
        wanted = list(dict.fromkeys(values))
        found = _joined(self._ends.get((kind, value), 0) for value in wanted)
        for start in range(0, len(wanted), IN_ONE_QUERY):
            part = wanted[start : start + IN_ONE_QUERY]
            found |= self._stored(SearchBlock.kind == kind, SearchBlock.value.in_(part))
        return found

    def values(self, kind: str, *, below: str = "\U0010ffff") -> list[str]:
        """All values of a kind, sorted, those `below` one only."""
        query = (
            select(SearchBlock.value)
            .where(SearchBlock.site_id == self._site, SearchBlock.kind == kind)
            .where(SearchBlock.value < below)
            .distinct()
        )
        ends = {value for of, value in self._ends if of == kind and value < below}
        return sorted({*self._session.scalars(query), *ends})

    def _stored(self, *which: Any) -> int:
        query = select(SearchBlock.block, SearchBlock.bits).where(
            SearchBlock.site_id == self._site, *which
        )
        joined = bytearray(self._blocks * BYTES)
        for block, bits in self._session.execute(query):
            at = block * BYTES
            if len(bits) == BYTES:
                known = int.from_bytes(joined[at : at + BYTES], "little")
                joined[at : at + BYTES] = (known | unpacked(bytes(bits))).to_bytes(BYTES, "little")
            else:
                for place in _little_end(array("H", bytes(bits))):
                    joined[at + (place >> 3)] |= 1 << (place & 7)
        return int.from_bytes(joined, "little") & self._covered


def _joined(sets: Iterable[int]) -> int:
    found = 0
    for each in sets:
        found |= each
    return found


def compare(session: Session, report: Report) -> None:
    """Make the sets of every block from the entries again; problems name term and block."""
    size = min(covered(session), log.size_of(session))
    for block in range(-(-size // BLOCK)):
        start = block * BLOCK
        expected = _sets(session, start, min(start + BLOCK, size))
        query = select(SearchBlock.kind, SearchBlock.value, SearchBlock.bits).where(
            SearchBlock.site_id == site_of(session), SearchBlock.block == block
        )
        stored = {
            (kind, value): unpacked(bytes(bits)) for kind, value, bits in session.execute(query)
        }
        for term in sorted(expected.keys() | stored.keys()):
            if expected.get(term, 0) != stored.get(term, 0):
                place = f"search, {term[0]} {term[1]!r}, entries from {start}"
                report.add(place, "it does not tell what the entries say: make the search anew")
