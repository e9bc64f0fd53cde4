"""Checkpoints: signed statements of size and root of the log (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import log
from audit.errors import TamperedTrail
from audit.keys import LogSigner
from audit.models import Checkpoint
from audit.verifier import CheckpointNote, Invalid, LogKey
from core.db import site_of
from core.ids import new_id


def origin(site_name: str) -> str:
    """The log's name: ``batchwright/`` and the site's name in plain letters."""
    plain = unicodedata.normalize("NFKD", site_name).encode("ascii", "ignore").decode("ascii")
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    if not slug:
        raise ValueError(f"site name {site_name!r} holds no letter to name a log by")
    return f"batchwright/{slug}"


def sign(signer: LogSigner, size: int, root: bytes) -> str:
    """The signed note for a log of `size` leaves."""
    text = f"{signer.origin}\n{size}\n{base64.b64encode(root).decode('ascii')}\n"
    return f"{text}\n{signer.sign(text)}"


def latest(session: Session) -> Checkpoint | None:
    """The newest checkpoint, None before the first."""
    return session.scalars(
        select(Checkpoint)
        .where(Checkpoint.site_id == site_of(session))
        .order_by(Checkpoint.size.desc())
        .limit(1)
    ).one_or_none()


def check(checkpoint: Checkpoint, keys: Iterable[LogKey]) -> CheckpointNote:
    """The note is signed by the log and says what its row says; else `TamperedTrail`."""
    place = f"checkpoint at size {checkpoint.size}"
    try:
        note = CheckpointNote(checkpoint.note, place)
        note.check(keys, place)
    except Invalid as error:
        raise TamperedTrail(str(error)) from None
    if (note.size, note.root) != (checkpoint.size, bytes(checkpoint.root)):
        raise TamperedTrail(f"{place}: the row differs from its signed note")
    return note


def check_outside(session: Session, note_text: str, keys: Iterable[LogKey]) -> None:
    """The log still contains what a checkpoint kept outside the database says (start-up guard).

    `TamperedTrail` when the log is shorter than that or has another root at that size.
    """
    try:
        note = CheckpointNote(note_text, "checkpoint kept outside")
        note.check(keys, "checkpoint kept outside")
    except Invalid as error:
        raise TamperedTrail(str(error)) from None
    size = log.size_of(session)
    if size < note.size:
        raise TamperedTrail(f"the log has {size} leaves, not {note.size}: its tail is gone")
    if note.size and log.root(log.StoredTree(session).read, note.size) != note.root:
        raise TamperedTrail(f"the log has another root at size {note.size}")


def row(site: int, size: int, root: bytes, note: str, at: object) -> dict[str, object]:
    """Column values of a new checkpoint."""
    return {"id": new_id(), "site_id": site, "size": size, "root": root, "note": note, "at": at}
