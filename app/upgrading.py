"""An upgrade of the schema as an act of the trail: what it found, what it kept (URS-REC-100).

Every table that holds records is counted and digested before and after, in the columns that both
schemas have. Where they differ nothing is committed. What was done is an entry of the same
transaction, so that there is no upgraded site without it (URS-AUD-010).
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from alembic.migration import MigrationContext
from sqlalchemy import Connection, Select, column, inspect, select, table

from app import tables
from audit import trail
from audit.streams import SITE
from audit.trail import TrailGuard
from core import appendonly
from core.actors import Actor
from core.clock import SystemClock
from core.db import Database, Kept, kept_tables
from core.errors import BrokenPromise
from core.house import House

SIZE = 1 << 256


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a table has, and a digest of them that does not depend on their order."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Found:
    """A database at one moment: revision of its schema, triggers that lack, content by table."""

    revision: str | None
    lacking: list[str]
    content: dict[str, Content]


@contextmanager
def watched(database: Database, connection: Connection) -> Iterator[None]:
    """Around an upgrade: what it changed is told in the trail, what it must not change is kept.

    Raises BrokenPromise naming the table whose records became others; the caller's transaction is
    undone by that. An upgrade that did nothing leaves nothing.
    """
    before = found(connection)
    yield
    after = found(connection)
    _require_kept(before, after)
    if (before.revision, before.lacking) != (after.revision, after.lacking):
        _tell(database, connection, before, after)


def found(connection: Connection) -> Found:
    """What the database holds now."""
    there = set(inspect(connection).get_table_names())
    names = sorted(there & {*kept_tables(Kept.FACT), *kept_tables(Kept.HEAD)})
    lacking = appendonly.expected_triggers(connection.dialect.name)
    return Found(
        revision=MigrationContext.configure(connection).get_current_revision(),
        lacking=sorted(lacking - appendonly.present_triggers(connection)),
        content={name: _content(connection, name) for name in names},
    )


def _content(connection: Connection, name: str) -> Content:
    """In the columns that this version knows: what it drops or adds cannot be compared."""
    there = {each["name"] for each in inspect(connection).get_columns(name)}
    shared = [each for each in sorted(tables.METADATA.tables[name].columns.keys()) if each in there]
    rows, total = 0, 0
    wanted: Select[*tuple[Any, ...]] = select(*map(column, shared)).select_from(table(name))
    given = connection.execute(wanted, execution_options={"yield_per": 1000})
    for row in given:
        rows += 1
        total += int.from_bytes(sha256(repr(tuple(row)).encode()).digest())
    return Content(rows, f"{total % SIZE:064x}")


def _require_kept(before: Found, after: Found) -> None:
    """Raises BrokenPromise naming the first table whose records are not what they were."""
    for name, was in before.content.items():
        now = after.content.get(name, Content(0, was.digest if was.rows == 0 else ""))
        if now != was:
            raise BrokenPromise(
                f"the upgrade would change records: {name} had {was.rows} rows with digest"
                f" {was.digest[:16]}, then {now.rows} with {now.digest[:16] or 'none'};"
                " nothing was changed, ask the maker of this version"
            )


def _tell(database: Database, connection: Connection, before: Found, after: Found) -> None:
    facts = {
        "from": before.revision or "none",
        "to": after.revision or "none",
        "tables": len(before.content),
        "rows": {name: each.rows for name, each in before.content.items() if each.rows},
        "digests": {name: each.digest for name, each in before.content.items() if each.rows},
        "triggers": [name for name in before.lacking if _table_of(name) in before.content],
    }
    house = House(database, guards=[TrailGuard()], clock=SystemClock())
    with (
        house.within(connection) as session,
        trail.act(session, "schema.upgraded", stream=SITE, by=_operator(), facts=facts),
    ):
        pass  # The entry is all.


def _table_of(trigger: str) -> str:
    return trigger.removeprefix(appendonly.PREFIX).rpartition("_")[0]


def _operator() -> Actor:
    """The account of the machine that runs the upgrade: people of the site cannot."""
    account = pwd.getpwuid(os.geteuid()).pw_name
    return Actor.service("upgrade", trigger=f"the command line, account {account}")
