"""Stored definitions and the life cycle of their versions (URS-MRC-010)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact, Head
from core.types import ExactDecimal, UtcDateTime
from workflows.rules import VersionState

DIGEST = String(64)
CODE = String(40)
BADGE = String(80)


class DefinitionFile(Fact, Base):
    """The exact text of one imported file, found by its digest; kept for ever.

    The bytes are those encodings of `body` that have `file_digest` (`workflows.textform`).
    `content_digest` is empty when the file was not executable as it came in.
    """

    __tablename__ = "definition_file"
    __table_args__ = (UniqueConstraint("site_id", "file_digest"),)

    file_digest: Mapped[str] = mapped_column(DIGEST)
    content_digest: Mapped[str] = mapped_column(DIGEST)
    body: Mapped[str] = mapped_column(Text())


class DefinitionVersion(Head, Base):
    """One version of a definition and where it stands; ``REC-0017 v3`` is its name.

    Product and batch size are those of the file; the database lets one version be effective for
    both, and one of a code (URS-MRC-050). Author, checker and approver are badges as signed.
    A draft without `content_digest` is a drawing: kept and shown, never submitted (URS-MRC-040).
    """

    __tablename__ = "definition_version"
    __table_args__ = (
        UniqueConstraint("site_id", "code", "number"),
        Index(
            "ux_definition_version_effective",
            "site_id",
            "code",
            unique=True,
            sqlite_where=text("state = 'effective'"),
            postgresql_where=text("state = 'effective'"),
        ),
        Index(
            "ux_definition_version_product",
            "site_id",
            "product",
            "batch_size",
            unique=True,
            sqlite_where=text("state = 'effective' AND product IS NOT NULL"),
            postgresql_where=text("state = 'effective' AND product IS NOT NULL"),
        ),
        CheckConstraint(
            "state NOT IN ('approved', 'effective')"
            " OR (author IS NOT NULL AND checker IS NOT NULL AND approver IS NOT NULL"
            " AND author <> checker AND checker <> approver AND author <> approver)",
            name="three_people",
        ),
    )
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"file_digest"})

    code: Mapped[str] = mapped_column(CODE)
    number: Mapped[int] = mapped_column()
    title: Mapped[str] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20), default=VersionState.DRAFT)
    file_digest: Mapped[str] = mapped_column(DIGEST)
    content_digest: Mapped[str] = mapped_column(DIGEST)
    product: Mapped[str | None] = mapped_column(CODE)
    batch_size: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    change_reference: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(Text())
    author: Mapped[str | None] = mapped_column(BADGE)
    checker: Mapped[str | None] = mapped_column(BADGE)
    approver: Mapped[str | None] = mapped_column(BADGE)
    effective_from: Mapped[datetime | None] = mapped_column(UtcDateTime())

    @property
    def is_executable(self) -> bool:
        """Whether the file is a definition that we execute exactly as drawn."""
        return bool(self.content_digest)

    @property
    def name(self) -> str:
        """What people call it, and what qualifications name: ``REC-0017 v3``."""
        return f"{self.code} v{self.number}"
