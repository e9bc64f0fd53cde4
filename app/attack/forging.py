"""What an attacker with time and knowledge does: chains and logs made anew around a lie.

All of it works on the copy's database without the application, as an owner of the file would.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.attack.model import NotHere
from audit import canonical, checkpoints, log, verifier
from audit.keys import SiteKeys
from core.types import EPOCH, MICROSECOND

Data = dict[str, Any]
Database = sqlite3.Connection


def one(database: Database, query: str, *values: Any) -> Any:
    """The first row of a query; NotHere when there is none."""
    row = database.execute(query, values).fetchone()
    if row is None:
        raise NotHere("the site holds no such row")
    return row


def change(database: Database, query: str, *values: Any) -> None:
    """Carry out a change that meets at least one row; else NotHere."""
    if database.execute(query, values).rowcount < 1:
        raise NotHere("the site holds no such row")


def entries_of(database: Database, rec: str) -> list[tuple[str, Data]]:
    """Ids and payloads of a stream in order."""
    rows = database.execute("SELECT id, payload FROM entry WHERE rec = ? ORDER BY rseq", [rec])
    return [(row[0], json.loads(row[1])) for row in rows]


def write_entry(database: Database, row_id: str, data: Data) -> None:
    """Payload, leaf and the columns that find it, all to fit; not its place in the chain."""
    payload = verifier.canonical_bytes(data)
    at = verifier.moment_of(data["at"], "entry")
    told = (data["rec"], data["rseq"], payload, verifier.leaf_hash(payload), micros(at))
    more = (data["actor"]["id"], data["action"], data["object"], row_id)
    database.execute(
        "UPDATE entry SET rec=?, rseq=?, payload=?, leaf=?, at=?, actor=?, action=?, object=?"
        " WHERE id=?",
        (*told, *more),
    )


def add_entry(database: Database, data: Data) -> str:
    """A new row for this payload; its place in the chain is made by `rechain`."""
    row_id, payload = uuid4().hex, verifier.canonical_bytes(data)
    at = micros(verifier.moment_of(data["at"], "entry"))
    database.execute(
        "INSERT INTO entry (id, site_id, rec, rseq, at, actor, action, object, payload, leaf)"
        " VALUES (?,?,?,?,?,?,?,?,?,?)",
        (row_id, data["site"], data["rec"], data["rseq"], at, data["actor"]["id"], data["action"],
         data["object"], payload, verifier.leaf_hash(payload)),
    )  # fmt: skip
    return row_id


def rechain(database: Database, rec: str, order: Sequence[tuple[str, Data]] | None = None) -> None:
    """Number and chain a stream anew, in its own or the given order, and move its head."""
    known = entries_of(database, rec) if order is None else list(order)
    # Out of the way first: two entries of one record cannot have one number.
    database.execute("UPDATE entry SET rseq = -rseq WHERE rec = ?", [rec])
    previous = None
    for rseq, (row_id, data) in enumerate(known, start=1):
        chained = {**data, "rec": rec, "rseq": rseq, "prev": previous}
        write_entry(database, row_id, chained)
        previous = verifier.sha256(verifier.canonical_bytes(chained)).hex()
    head = None if previous is None else bytes.fromhex(previous)
    database.execute(
        "UPDATE stream_head SET rseq = ?, hash = ? WHERE rec = ?", [len(known), head, rec]
    )


def order_of_log(database: Database) -> list[str]:
    """Entry ids in the order of the log."""
    return [row[0] for row in database.execute("SELECT entry_id FROM log_leaf ORDER BY idx")]


def relog(database: Database, order: Sequence[str], keys: SiteKeys | None = None) -> None:
    """Make leaves and nodes of the log anew for these entries; with `keys` sign it anew, too.

    Checkpoints are signed at the sizes they had, as far as the log still reaches, and at its end.
    """
    site = one(database, "SELECT site_id FROM log_leaf")[0]
    leaf_of = dict(database.execute("SELECT id, leaf FROM entry").fetchall())
    leaves = [bytes(leaf_of[row_id]) for row_id in order]
    database.execute("DELETE FROM log_leaf")
    database.execute("DELETE FROM log_node")
    database.executemany(
        "INSERT INTO log_leaf (id, site_id, idx, entry_id, leaf) VALUES (?,?,?,?,?)",
        [(uuid4().hex, site, at, row_id, leaves[at]) for at, row_id in enumerate(order)],
    )
    nodes = log.grown(_unknown, 0, leaves)
    database.executemany(
        "INSERT INTO log_node (id, site_id, level, idx, hash) VALUES (?,?,?,?,?)",
        [(uuid4().hex, site, *at, hashed) for at, hashed in nodes.items() if at[0]],
    )
    if keys is not None:
        _sign_anew(database, nodes, len(leaves), keys)


def _sign_anew(
    database: Database, nodes: dict[log.Position, bytes], end: int, keys: SiteKeys
) -> None:
    known = database.execute("SELECT size, site_id, at FROM checkpoint ORDER BY size").fetchall()
    database.execute("DELETE FROM checkpoint")
    sizes = {size: (site, at) for size, site, at in known if size <= end}
    sizes.setdefault(end, known[-1][1:])
    for size, (site, at) in sizes.items():
        root = log.root(lambda level, index: nodes[level, index], size)
        add_checkpoint(database, size, root, checkpoints.sign(keys.log, size, root), site, at)


def add_checkpoint(
    database: Database, size: int, root: bytes, note: str, site: int, at: int
) -> None:
    """One row of the table of checkpoints."""
    database.execute(
        "INSERT INTO checkpoint (id, site_id, size, root, note, at) VALUES (?,?,?,?,?,?)",
        (uuid4().hex, site, size, root, note, at),
    )


def _unknown(level: int, index: int) -> bytes:
    raise KeyError((level, index))


def micros(moment: datetime) -> int:
    """Microseconds since 1970, as SQLite keeps moments."""
    return (moment - EPOCH) // MICROSECOND


def edited(data: Data, find: Callable[[Data], bool], **values: Any) -> Data:
    """The entry with other values in the after-image of the first row that `find` meets."""
    copied: Data = json.loads(canonical.encode(data))
    for row in copied["changes"]:
        if find(row):
            row["after"].update(values)
            return copied
    raise NotHere("the entry holds no such row")
