"""The site's log: one RFC 9162 Merkle tree over all entries, stored as leaves and whole subtrees.

Checking proofs is the verifier's part (`audit.verifier`); here they are made. A tree is read
through a function of level and index: level 0 holds the leaves, level k the roots of complete
subtrees of 2**k leaves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from audit.models import LogLeaf, LogNode
from audit.verifier import node_hash
from core.db import site_of
from core.errors import BrokenPromise
from core.ids import new_id

Position = tuple[int, int]
Read = Callable[[int, int], bytes]
IN_ONE_QUERY = 500
NOTHING = bytes(32)


def root(read: Read, size: int) -> bytes:
    """Root of the tree of the first `size` leaves; ValueError for an empty tree."""
    if size < 1:
        raise ValueError("an empty log has no root to sign")
    return _range(read, 0, size)


def inclusion_proof(read: Read, index: int, size: int) -> list[bytes]:
    """Sibling hashes from leaf `index` up to the root at `size` (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    return _path(read, index, 0, size)


def consistency_proof(read: Read, size1: int, size2: int) -> list[bytes]:
    """Hashes that show the tree at `size2` to extend the one at `size1` (RFC 9162, 2.1.4.1)."""
    if not 0 < size1 <= size2:
        raise ValueError(f"sizes {size1} and {size2} cannot be compared")
    return _subproof(read, size1, 0, size2, True)


def grown(read: Read, size: int, leaves: Sequence[bytes]) -> dict[Position, bytes]:
    """Leaves and complete subtrees that come into being when `leaves` follow the first `size`."""
    new: dict[Position, bytes] = {}

    def known(level: int, index: int) -> bytes:
        found = new.get((level, index))
        return read(level, index) if found is None else found

    for index, leaf in enumerate(leaves, start=size):
        new[0, index] = leaf
        level, place = 0, index
        while place & 1:
            level, place = level + 1, place >> 1
            new[level, place] = node_hash(
                known(level - 1, 2 * place), known(level - 1, 2 * place + 1)
            )
    return new


def size_of(session: Session) -> int:
    """Number of leaves of the log."""
    highest = session.scalar(
        select(func.max(LogLeaf.idx)).where(LogLeaf.site_id == site_of(session))
    )
    return 0 if highest is None else int(highest) + 1


class StoredTree:
    """The tree as the database holds it; hashes read once are remembered."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[Position, bytes] = {}

    def read(self, level: int, index: int) -> bytes:
        """The hash at a position; `BrokenPromise` when the log lacks it."""
        if (level, index) not in self._known:
            self._load({(level, index)})
        return self._known[level, index]

    def keep(self, nodes: Mapping[Position, bytes]) -> None:
        """Remember hashes that are being written."""
        self._known.update(nodes)

    def prefetch(self, calculate: Callable[[Read], object]) -> None:
        """Load what a calculation will read, in a few queries: it is run once on blanks."""
        wanted: set[Position] = set()

        def record(level: int, index: int) -> bytes:
            wanted.add((level, index))
            return NOTHING

        calculate(record)
        self._load(wanted - self._known.keys())

    def _load(self, positions: Iterable[Position]) -> None:
        by_level: dict[int, list[int]] = defaultdict(list)
        for level, index in positions:
            by_level[level].append(index)
        for level, indexes in by_level.items():
            for start in range(0, len(indexes), IN_ONE_QUERY):
                self._load_level(level, indexes[start : start + IN_ONE_QUERY])

    def _load_level(self, level: int, indexes: list[int]) -> None:
        site = site_of(self._session)
        if level == 0:
            query = select(LogLeaf.idx, LogLeaf.leaf).where(
                LogLeaf.site_id == site, LogLeaf.idx.in_(indexes)
            )
        else:
            query = select(LogNode.idx, LogNode.hash).where(
                LogNode.site_id == site, LogNode.level == level, LogNode.idx.in_(indexes)
            )
        found = {index: bytes(hashed) for index, hashed in self._session.execute(query)}
        if len(found) != len(set(indexes)):
            missing = min(set(indexes) - found.keys())
            raise BrokenPromise(f"the log lacks its hash at level {level}, index {missing}")
        self._known.update({(level, index): hashed for index, hashed in found.items()})


def store_nodes(session: Session, nodes: Mapping[Position, bytes]) -> None:
    """Write new complete subtrees (the leaves are written with their entries)."""
    site = site_of(session)
    rows = [
        {"id": new_id(), "site_id": site, "level": level, "idx": index, "hash": hashed}
        for (level, index), hashed in nodes.items()
        if level > 0
    ]
    if rows:
        session.connection().execute(insert(LogNode), rows)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _range(read: Read, begin: int, end: int) -> bytes:
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(_range(read, begin, middle), _range(read, middle, end))


def _path(read: Read, index: int, begin: int, end: int) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if index < middle:
        return [*_path(read, index, begin, middle), _range(read, middle, end)]
    return [*_path(read, index, middle, end), _range(read, begin, middle)]


def _subproof(read: Read, size1: int, begin: int, end: int, whole: bool) -> list[bytes]:
    if size1 == end:
        return [] if whole else [_range(read, begin, end)]
    middle = begin + _split(end - begin)
    if size1 <= middle:
        return [*_subproof(read, size1, begin, middle, whole), _range(read, middle, end)]
    return [*_subproof(read, size1, middle, end, False), _range(read, begin, middle)]
