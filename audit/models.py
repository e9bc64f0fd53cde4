"""Tables of the trail: entries and their log are facts; heads and the waiting list can be rebuilt.

The tables of the trail itself (`OfTheTrail`) leave no entries about themselves; the chain, the log
and its checkpoints guard them. Signatures are ordinary audited facts.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact, Unaudited
from core.types import UtcDateTime

RECORD = String(120)
HASH = LargeBinary(32)


class OfTheTrail(Fact):
    """Mixin of the trail's own facts: written by the trail alone, sealed by the log."""


class Entry(OfTheTrail, Base):
    """One audit entry (URS-AUD-020): the exact sealed bytes; other columns only find it."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("site_id", "rec", "rseq"),
        Index("ix_entry_at", "site_id", "at"),
        Index("ix_entry_actor", "site_id", "actor", "at"),
        Index("ix_entry_action", "site_id", "action", "at"),
    )

    rec: Mapped[str] = mapped_column(RECORD)
    rseq: Mapped[int] = mapped_column()
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    actor: Mapped[str] = mapped_column(String(80))
    action: Mapped[str] = mapped_column(String(80))
    object: Mapped[str] = mapped_column(String(300))
    payload: Mapped[bytes] = mapped_column(LargeBinary())
    leaf: Mapped[bytes] = mapped_column(HASH)

    @property
    def data(self) -> dict[str, Any]:
        """The payload, read."""
        parsed: dict[str, Any] = json.loads(self.payload)
        return parsed


class StreamHead(Unaudited, Base):
    """Where a stream ends; its lock orders the writers of one record."""

    __tablename__ = "stream_head"
    __why_unaudited__ = "position of a chain, recomputed from its entries by every verification"
    __table_args__ = (UniqueConstraint("site_id", "rec"),)

    rec: Mapped[str] = mapped_column(RECORD)
    rseq: Mapped[int] = mapped_column()
    hash: Mapped[bytes | None] = mapped_column(HASH)


class PendingEntry(Unaudited, Base):
    """An entry that waits for its place in the log."""

    __tablename__ = "pending_entry"
    __why_unaudited__ = "waiting list of the sequencer; emptied as entries enter the log"
    __table_args__ = (UniqueConstraint("site_id", "entry_id"),)

    entry_id: Mapped[UUID] = mapped_column()
    rec: Mapped[str] = mapped_column(RECORD)
    rseq: Mapped[int] = mapped_column()
    real_at: Mapped[datetime] = mapped_column(UtcDateTime())


class LogLeaf(OfTheTrail, Base):
    """One leaf of the site's log: contiguous from 0."""

    __tablename__ = "log_leaf"
    __table_args__ = (UniqueConstraint("site_id", "idx"), UniqueConstraint("site_id", "entry_id"))

    idx: Mapped[int] = mapped_column(BigInteger())
    entry_id: Mapped[UUID] = mapped_column()
    leaf: Mapped[bytes] = mapped_column(HASH)


class LogNode(OfTheTrail, Base):
    """Root of a complete subtree of the log: 2**level leaves from idx * 2**level, level from 1."""

    __tablename__ = "log_node"
    __table_args__ = (UniqueConstraint("site_id", "level", "idx"),)

    level: Mapped[int] = mapped_column()
    idx: Mapped[int] = mapped_column(BigInteger())
    hash: Mapped[bytes] = mapped_column(HASH)


class Checkpoint(OfTheTrail, Base):
    """A signed statement of size and root of the log (C2SP tlog-checkpoint), at real time."""

    __tablename__ = "checkpoint"
    __table_args__ = (UniqueConstraint("site_id", "size"),)

    size: Mapped[int] = mapped_column(BigInteger())
    root: Mapped[bytes] = mapped_column(HASH)
    note: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class Signature(Fact, Base):
    """A person's signature on one version of one object of a record (Part 11, 11.50 and 11.70).

    `manifest` is the exact text that was signed; the other columns repeat it for reading and are
    compared with it by every verification.
    """

    __tablename__ = "signature"
    __table_args__ = (
        UniqueConstraint("site_id", "nonce"),
        Index("ix_signature_record", "site_id", "record", "object"),
    )

    record: Mapped[str] = mapped_column(RECORD)
    object: Mapped[str] = mapped_column(String(300))
    record_version: Mapped[int] = mapped_column()
    content_digest: Mapped[str] = mapped_column(String(64))
    meaning: Mapped[str] = mapped_column(String(40))
    signer: Mapped[str] = mapped_column(String(80))
    printed_name: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str | None] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    real_at: Mapped[datetime] = mapped_column(UtcDateTime())
    utc_offset: Mapped[str] = mapped_column(String(6))
    zone: Mapped[str] = mapped_column(String(60))
    key_id: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[str] = mapped_column(Text())
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    prior: Mapped[str | None] = mapped_column(String(64))
