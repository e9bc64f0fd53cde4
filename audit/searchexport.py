"""A selection of the trail that leaves the house as JSON: exact bytes, and proof that they are it.

The file names the question, the checkpoint, and for each entry its sealed text, its place in the
log and the hashes that lead from it to the root of the checkpoint. `check_selection` reads it with
nothing but `audit.verifier` and the keys of the log. It proves that each entry stands in the log;
that no other entry fits the question, only a search or the whole log can tell.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit import checkpoints, log, trail, verifier
from audit.questions import RULES
from audit.search import Hit, Question
from audit.streams import SITE
from core.actors import Actor
from core.errors import Refusal

FORMAT = "batchwright-selection-v1"
MOST = 20_000
"""Entries of one export; a larger selection is asked for in parts."""


class TooMany(Refusal):
    """The selection is larger than one export."""

    rule = "export.too_many"
    http_status = 422


def require_few(count: int) -> None:
    """One export takes so many entries, else `TooMany`."""
    if count > MOST:
        raise TooMany(
            f"the selection has {count} entries; one export takes {MOST}",
            resolver="who exports, by a shorter time or one record after the other",
        )


def selection_json(session: Session, question: Question, hits: Sequence[Hit]) -> bytes:
    """The file; entries that the newest checkpoint does not cover yet stand in it without proof."""
    newest = checkpoints.latest(session)
    size = 0 if newest is None else newest.size
    tree = log.StoredTree(session)
    logged = [hit.index for hit in hits if hit.index < size]
    tree.prefetch(lambda read: [log.inclusion_proof(read, index, size) for index in logged])
    told = {
        "format": FORMAT,
        "question": question.as_json(),
        "rules": RULES,
        "checkpoint": None if newest is None else newest.note,
        "count": len(hits),
        "entries": [_told(tree, hit, size) for hit in hits],
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8")


def _told(tree: log.StoredTree, hit: Hit, size: int) -> dict[str, Any]:
    path = log.inclusion_proof(tree.read, hit.index, size) if hit.index < size else None
    return {
        "index": hit.index,
        "payload": bytes(hit.entry.payload).decode("utf-8"),
        "path": None if path is None else [base64.b64encode(each).decode() for each in path],
    }


def check_selection(data: bytes, keys: Iterable[verifier.LogKey]) -> int:
    """Every entry of a selection stands in the log that one of the keys signed; answers how many.

    Raises `verifier.Invalid` naming the entry that does not.
    """
    told = verifier.strict_json(data, "selection")
    if told["format"] != FORMAT or told["count"] != len(told["entries"]):
        raise verifier.Invalid("selection", "it is another file, or not whole")
    if not told["entries"]:
        return 0
    note = verifier.CheckpointNote(told["checkpoint"] or "", "checkpoint")
    note.check(keys, "checkpoint")
    for each in told["entries"]:
        place = f"entry {each['index']} of the log"
        if each["path"] is None:
            raise verifier.Invalid(place, "it came after the checkpoint and has no proof")
        path = [verifier.base64_bytes(part, place) for part in each["path"]]
        leaf = verifier.leaf_hash(each["payload"].encode("utf-8"))
        verifier.check_inclusion(leaf, each["index"], note.size, path, note.root, place)
    return len(told["entries"])


def record_export(
    session: Session,
    question: Question,
    *,
    form: str,
    count: int,
    digest: str,
    by: Actor,
    at: datetime,
) -> None:
    """Remember who took which selection home (URS-REP-040); `digest` is the file's SHA-256."""
    facts = {
        "form": form,
        "count": count,
        "sha256": digest,
        "question": json.dumps(question.as_json(), sort_keys=True),
    }
    with trail.act(session, "trail.exported", stream=SITE, by=by, facts=facts):
        pass
