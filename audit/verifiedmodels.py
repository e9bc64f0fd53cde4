"""Table of the verifications of the site that have ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact
from core.types import JsonText, UtcDateTime


class Verification(Fact, Base):
    """One verification that has ended: how much it looked at and what it found (URS-REC-110).

    Of one that found nothing wrong, `note` is the signed statement that a later one builds on:
    size and root of the log and the version of the verifier. `at` is real time.
    """

    __tablename__ = "verification"
    __table_args__ = (Index("ix_verification_at", "site_id", "at"),)

    scope: Mapped[str] = mapped_column(String(8))
    """``whole``, or ``new``: what came since the last one, and a sample of the old."""
    size: Mapped[int] = mapped_column(BigInteger())
    root: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    verifier: Mapped[str] = mapped_column(String(64))
    ok: Mapped[bool]
    entries: Mapped[int] = mapped_column(BigInteger())
    signatures: Mapped[int]
    rows: Mapped[int] = mapped_column(BigInteger())
    problems: Mapped[Any] = mapped_column(JsonText())
    """Place, what, and record (or null) of the first problems, as found."""
    count: Mapped[int]
    """How many problems there were."""
    note: Mapped[str | None] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
