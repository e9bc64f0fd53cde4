"""Tables of what vouches for the log from outside, and of restores to an earlier state.

Cosignatures and time stamps are new rows beside a checkpoint, which is never changed. How the last
attempt with each anchor went, and what an anchor knows that this database does not, is plumbing:
every success leaves its own fact, every silence and every restore its own entry.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from audit.models import OfTheTrail
from core.db import Base, Fact, Unaudited
from core.types import UtcDateTime

NAME = String(300)


class Cosignature(OfTheTrail, Base):
    """A log witness saw the checkpoint of that size extend what it had cosigned (cosignature/v1).

    `line` is the signature line of the C2SP note; `signed_at` the witness's own time in it.
    """

    __tablename__ = "cosignature"
    __table_args__ = (UniqueConstraint("site_id", "size", "witness", "key_hash"),)

    size: Mapped[int] = mapped_column(BigInteger())
    witness: Mapped[str] = mapped_column(NAME)
    key_hash: Mapped[str] = mapped_column(String(8))
    line: Mapped[str] = mapped_column(Text())
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class TimestampToken(OfTheTrail, Base):
    """An RFC 3161 answer over the note of the checkpoint of that size (its exact UTF-8 bytes).

    `purpose` is ``daily`` (subject: the UTC date) or ``release`` (subject: the log index of the
    entry that it was asked for); `stamped_at` is the authority's time.
    """

    __tablename__ = "timestamp_token"
    __table_args__ = (
        UniqueConstraint("site_id", "purpose", "subject", "authority"),
        CheckConstraint("purpose IN ('daily','release')", name="purpose"),
    )

    size: Mapped[int] = mapped_column(BigInteger())
    purpose: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(String(120))
    authority: Mapped[str] = mapped_column(NAME)
    token: Mapped[bytes] = mapped_column(LargeBinary())
    stamped_at: Mapped[datetime] = mapped_column(UtcDateTime())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class AnchorState(Unaudited, Base):
    """How the last attempt with one anchor went; times are steady."""

    __tablename__ = "anchor_state"
    __why_unaudited__ = "how the last attempt went; successes leave facts, silences entries"
    __table_args__ = (UniqueConstraint("site_id", "kind", "name"),)

    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(NAME)
    size: Mapped[int] = mapped_column(BigInteger())
    known_since: Mapped[datetime] = mapped_column(UtcDateTime())
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    problem: Mapped[str | None] = mapped_column(Text())
    alarmed: Mapped[bool] = mapped_column(default=False)


class OutsideAhead(Unaudited, Base):
    """A checkpoint kept outside that this database's log does not contain: it was restored."""

    __tablename__ = "outside_ahead"
    __why_unaudited__ = "finding of the start-up guard, made again from the anchors at every start"
    __table_args__ = (UniqueConstraint("site_id", "source"),)

    source: Mapped[str] = mapped_column(NAME)
    origin: Mapped[str] = mapped_column(NAME)
    size: Mapped[int] = mapped_column(BigInteger())
    note: Mapped[str | None] = mapped_column(Text())
    problem: Mapped[str] = mapped_column(Text())
    found_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Restoration(Fact, Base):
    """A restore to an earlier state, signed by two people (URS-BAK-040).

    Log positions from `kept_size` to `lost_size` (exclusive) held entries that are lost; what is
    recorded afterwards stands in a log of a new `origin`. `lost_from` and `lost_to` are the real
    times of the last checkpoint kept here and of the newest one known outside.
    """

    __tablename__ = "restoration"
    __table_args__ = (
        UniqueConstraint("site_id", "origin"),
        CheckConstraint("kept_size <= lost_size", name="range"),
    )

    former_origin: Mapped[str] = mapped_column(NAME)
    origin: Mapped[str] = mapped_column(NAME)
    kept_size: Mapped[int] = mapped_column(BigInteger())
    lost_size: Mapped[int] = mapped_column(BigInteger())
    lost_from: Mapped[datetime | None] = mapped_column(UtcDateTime())
    lost_to: Mapped[datetime | None] = mapped_column(UtcDateTime())
    outside_note: Mapped[str | None] = mapped_column(Text())
    source: Mapped[str] = mapped_column(NAME)
    incident: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text())
    decided_by: Mapped[str] = mapped_column(String(80))
    confirmed_by: Mapped[str] = mapped_column(String(80))
    restored_at: Mapped[datetime] = mapped_column(UtcDateTime())
