"""Tables of the backups of a site and of the drills that restored one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact
from core.types import JsonText, UtcDateTime

HASH = String(64)


class BackupRun(Fact, Base):
    """One attempt to back the site up, well or not (URS-BAK-010). Times are real time.

    `due_by` is when the next one must be there at the latest, `drill_by` until when a drill must
    have restored one; both are known only where a schedule asked for the backup.
    """

    __tablename__ = "backup_run"
    __table_args__ = (
        UniqueConstraint("site_id", "ordinal"),
        CheckConstraint("ok = (file IS NOT NULL)", name="file_where_made"),
        CheckConstraint("ok = (sha256 IS NOT NULL)", name="digest_where_made"),
        CheckConstraint("ok = (problem IS NULL)", name="problem_where_failed"),
    )

    ordinal: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    scheduled: Mapped[bool]
    ok: Mapped[bool]
    folder: Mapped[str] = mapped_column(Text())
    file: Mapped[str | None] = mapped_column(String(200))
    sha256: Mapped[str | None] = mapped_column(HASH)
    bytes: Mapped[int] = mapped_column(BigInteger())
    log_size: Mapped[int] = mapped_column(BigInteger())
    """How many entries of the log the backup holds."""
    private_keys: Mapped[bool]
    problem: Mapped[str | None] = mapped_column(Text())
    due_by: Mapped[datetime | None] = mapped_column(UtcDateTime())
    drill_by: Mapped[datetime | None] = mapped_column(UtcDateTime())


class RestoreDrill(Fact, Base):
    """One drill: the newest backup restored beside the site and looked at (URS-BAK-020).

    `figures` holds what was counted and measured, as `app.backup.drilling.Figures`. A person signs
    it afterwards; the signature names it as ``restore drill <ordinal>``.
    """

    __tablename__ = "restore_drill"
    __table_args__ = (
        UniqueConstraint("site_id", "ordinal"),
        CheckConstraint("ok = (problem IS NULL)", name="problem_where_failed"),
    )

    ordinal: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    scheduled: Mapped[bool]
    ok: Mapped[bool]
    file: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str | None] = mapped_column(HASH)
    figures: Mapped[Any] = mapped_column(JsonText())
    problem: Mapped[str | None] = mapped_column(Text())
    due_by: Mapped[datetime | None] = mapped_column(UtcDateTime())
    """Until when the next drill must have ended well."""
