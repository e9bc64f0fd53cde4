"""Bad input changes nothing: the whole database before and after, and the attempt that is kept.

`refused` wraps one request that a rule forbids. Afterwards every row of every table stands as
before, except the trail, which has grown by the attempt alone (URS-AUD-010), and the tables named
in `besides`, which a test lists where the attempt itself must be remembered (a counted wrong
passphrase, the life of a session).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from app.tables import METADATA
from audit.attempts import ACTION
from audit.models import Entry
from core.errors import Refusal
from core.house import House

TRAIL = frozenset({"entry", "pending_entry", "stream_head", "idempotency_key"})
"""Where the attempt is written, and the keys of requests, which hold no fact of GMP."""
Rows = dict[str, Counter[str]]


@dataclass
class Attempt:
    """What a refused request said and left; filled when the block of `refused` has ended."""

    refusal: Refusal | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the one attempt in the trail."""
        (entry,) = self.entries
        assert entry["action"] == ACTION
        facts: dict[str, Any] = entry["facts"]
        return facts


@contextmanager
def refused(
    house: House, kind: type[Refusal], *, besides: frozenset[str] = frozenset()
) -> Iterator[Attempt]:
    """Expect `kind`: it names rule, missing fact and who can resolve it; nothing changed; one
    attempt by the one who tried stands in the trail with the same words."""
    attempt = Attempt()
    with untouched(house, besides=besides) as attempt.entries, pytest.raises(kind) as caught:
        yield attempt
    attempt.refusal = caught.value
    assert caught.value.rule == kind.rule
    assert len(caught.value.fact.split()) > 2, "a fact in words"
    assert caught.value.resolver.strip()
    assert attempt.facts["rule"] == kind.rule
    assert attempt.facts["fact"] == caught.value.fact[:300]
    assert attempt.facts["resolver"] == caught.value.resolver[:300]


@contextmanager
def untouched(
    house: House, *, besides: frozenset[str] = frozenset()
) -> Iterator[list[dict[str, Any]]]:
    """No row of any table changes in this block, `besides` and the trail apart.

    Gives a list that holds the entries written meanwhile once the block has ended.
    """
    before, known = rows(house, besides), _entries(house)
    written: list[dict[str, Any]] = []
    yield written
    after = rows(house, besides)
    changed = [
        f"{name}: {after[name] - before[name]}" for name in after if after[name] != before[name]
    ]
    assert not changed, changed
    written += [data for key, data in _entries(house).items() if key not in known]


def rows(house: House, besides: frozenset[str] = frozenset()) -> Rows:
    """Every row of every table as text, the trail and `besides` apart."""
    found: Rows = {}
    with house.database.reader.connect() as connection:
        for table in METADATA.sorted_tables:
            if table.name not in TRAIL | besides:
                found[table.name] = Counter(map(repr, connection.execute(select(table))))
    return found


def _entries(house: House) -> dict[UUID, dict[str, Any]]:
    with house.reading() as session:
        return {entry.id: entry.data for entry in session.scalars(select(Entry))}
