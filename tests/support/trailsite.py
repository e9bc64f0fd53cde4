"""A log of many entries made at once: for the search and the verification, in tests and figures."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from audit import checkpoints, log, verifier
from audit.keys import SiteKeys
from audit.models import Checkpoint, Entry, LogLeaf, StreamHead
from core import writeguard
from core.clock import local
from core.db import site_of
from core.house import House
from core.ids import new_id

ZONE = "Europe/Berlin"
CHUNK = 5000
BEGAN = datetime(2024, 1, 1, 5, 0, tzinfo=UTC)
PEOPLE = [(f"P-{number}", name) for number, name in enumerate(
    ("Anna Kern", "Paul Roth", "Jonas Weiß", "Mara Vogt", "Eva Lindner", "Ada Okafor"), 101
)]  # fmt: skip
ACTIONS = ("step.performed", "step.verified", "value.corrected", "lot.moved", "attempt.refused")
REASONS = ("typing error", "typed for the wrong container", "scale read again", "label torn")
UNITS = ("GRA-01", "FBD-02", "TAB-01", "BLE-03", "COA-01")


def entries(count: int, *, of_record: int = 300, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Payloads before their place in a chain: batches one after the other, three years long."""
    chance = random.Random(seed)
    step = timedelta(days=1095) / count
    for number in range(count):
        yield _entry(chance, number, f"batch/B-{1 + number // of_record:05}", BEGAN + step * number)


def _entry(chance: random.Random, number: int, rec: str, at: datetime) -> dict[str, Any]:
    badge, name = chance.choice(PEOPLE)
    action = chance.choices(ACTIONS, (50, 30, 3, 15, 2))[0]
    refused, corrected = action == "attempt.refused", action == "value.corrected"
    actor = {"kind": "person", "id": badge, "name": name, "role": "OP", "terminal": "T-1"}
    value = {"id": f"v-{number}", "code": chance.choice(("lod", "mass", "ph")), "text": "2.7",
             "unit": "%", "supersedes_id": "former" if corrected else None}  # fmt: skip
    place = {"id": f"u-{number}", "equipment": chance.choice(UNITS)}
    batch = {"id": rec, "number": rec[6:], "recipe": f"REC-{int(rec[8:]) % 7:04}"}
    changes = [] if refused else [_new("parameter_value", value), _new("step_equipment", place)]
    return {
        "v": 1, "site": 1, "rec": rec, "at": local(at, ZONE).isoformat(timespec="microseconds"),
        "tz": ZONE, "real_at": at.isoformat(timespec="microseconds"), "actor": actor,
        "action": action, "object": f"{rec}/G{10 * (number % 40):03}#1",
        "reason": chance.choice(REASONS) if corrected else None,
        "changes": [*changes, _new("batch", batch)] if number % 300 == 0 else changes,
        "facts": {"fact": "the scale is not calibrated", "rule": "scale"} if refused else {},
        "journal": [], "signed": [], "request": f"r-{number}",
        "software": {"name": "batchwright", "configuration": "1"},
    }  # fmt: skip


def _new(table: str, after: dict[str, Any]) -> dict[str, Any]:
    return {"table": table, "id": after["id"], "before": None, "after": after}


def fill(house: House, keys: SiteKeys, payloads: Iterator[dict[str, Any]]) -> int:
    """Chain and log the entries in bulk, under one checkpoint at the end; answers the size.

    The log of the site must be empty. Rows that the entries name are not made.
    """
    made = Made()
    with house.transaction() as session, writeguard.flushing(session):
        while made.take(session, payloads):
            pass
        made.end(session, keys)
    return made.size


class Made:
    """The log as it grows."""

    def __init__(self) -> None:
        self.size = 0
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._nodes: dict[log.Position, bytes] = {}

    def take(self, session: Session, payloads: Iterator[dict[str, Any]]) -> int:
        """Write the next entries; answers how many."""
        rows = [self._row(site_of(session), data) for data in islice(payloads, CHUNK)]
        if not rows:
            return 0
        leaves = [{"id": new_id(), "site_id": row["site_id"], "idx": index, "entry_id": row["id"],
                   "leaf": row["leaf"]} for index, row in enumerate(rows, self.size)]  # fmt: skip
        new = log.grown(lambda *at: self._nodes[at], self.size, [row["leaf"] for row in rows])
        self._nodes.update(new)
        session.connection().execute(insert(Entry), rows)
        session.connection().execute(insert(LogLeaf), leaves)
        log.store_nodes(session, new)
        self.size += len(rows)
        return len(rows)

    def _row(self, site: int, data: dict[str, Any]) -> dict[str, Any]:
        rec = data["rec"]
        rseq, last = self._heads.get(rec, (0, b""))
        chained = {**data, "rseq": rseq + 1, "prev": last.hex() or None}
        payload = verifier.canonical_bytes(chained)
        self._heads[rec] = rseq + 1, verifier.sha256(payload)
        return {"id": new_id(), "site_id": site, "rec": rec, "rseq": rseq + 1,
                "at": datetime.fromisoformat(data["at"]), "actor": data["actor"]["id"],
                "action": data["action"], "object": data["object"], "payload": payload,
                "leaf": verifier.leaf_hash(payload)}  # fmt: skip

    def end(self, session: Session, keys: SiteKeys) -> None:
        """Heads of the streams, and the checkpoint over everything."""
        site, connection = site_of(session), session.connection()
        heads = [{"id": new_id(), "site_id": site, "rec": rec, "rseq": rseq, "hash": hashed}
                 for rec, (rseq, hashed) in self._heads.items()]  # fmt: skip
        connection.execute(insert(StreamHead), heads)
        root = log.root(lambda *at: self._nodes[at], self.size)
        note = checkpoints.sign(keys.log, self.size, root)
        row = checkpoints.row(site, self.size, root, note, BEGAN)
        connection.execute(insert(Checkpoint), [row])
