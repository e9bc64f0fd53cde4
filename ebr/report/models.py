"""Documents that were issued: made once, kept as bytes, served from here ever after."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact
from core.types import UtcDateTime

RECORD_KIND = "record"
BUNDLE_KIND = "bundle"


class IssuedDocument(Fact, Base):
    """A rendition (or bundle) of a record as of one of its entries (URS-REP-030).

    `content_digest` is the SHA-256 of the canonical content, `digest` that of the bytes. `content`
    is the canonical JSON that the pages were made from; a bundle carries it inside. `subject` is
    what was asked for, as JSON; `proven_until` the time until which the certificates of its time
    stamps hold, None when the file carries none.
    """

    __tablename__ = "issued_document"
    __table_args__ = (
        UniqueConstraint("site_id", "record", "kind", "content_digest", "template"),
        Index("ix_issued_document", "site_id", "record", "kind", "record_version"),
    )
    __secret_columns__: ClassVar[frozenset[str]] = frozenset({"data", "content"})

    record: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(20))
    record_version: Mapped[int]
    content_digest: Mapped[str] = mapped_column(String(64))
    template: Mapped[str] = mapped_column(String(40))
    standing: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(60))
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    content: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))
    by_name: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str | None] = mapped_column(Text())
    proven_until: Mapped[datetime | None] = mapped_column(UtcDateTime())


class RenewedSeal(Fact, Base):
    """The file of a document with one more time stamp around it: an issued version of its own.

    `edition` counts from 1, the issue itself being 0; the pages are the same.
    """

    __tablename__ = "renewed_seal"
    __table_args__ = (UniqueConstraint("site_id", "document_id", "edition"),)
    __secret_columns__: ClassVar[frozenset[str]] = frozenset({"data"})

    document_id: Mapped[UUID] = mapped_column(
        ForeignKey("issued_document.id", ondelete="RESTRICT"), index=True
    )
    edition: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    proven_until: Mapped[datetime] = mapped_column(UtcDateTime())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class ControlledCopy(Fact, Base):
    """A numbered printout of an issued document and who holds it (URS-REP-050).

    `code` stands on every page of it and leads to its page; `reason` is empty for the first copy
    only.
    """

    __tablename__ = "controlled_copy"
    __table_args__ = (
        UniqueConstraint("site_id", "document_id", "number"),
        UniqueConstraint("site_id", "code"),
        CheckConstraint("number = 1 OR reason <> ''", name="reprint_has_reason"),
    )

    document_id: Mapped[UUID] = mapped_column(
        ForeignKey("issued_document.id", ondelete="RESTRICT"), index=True
    )
    number: Mapped[int]
    code: Mapped[str] = mapped_column(String(40))
    holder: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(400))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))
    by_name: Mapped[str] = mapped_column(String(200))


class CopyReturn(Fact, Base):
    """What became of a controlled copy: it is accounted for once."""

    __tablename__ = "copy_return"
    __table_args__ = (
        UniqueConstraint("site_id", "copy_id"),
        CheckConstraint("fate IN ('returned','destroyed','lost')", name="fate"),
    )

    copy_id: Mapped[UUID] = mapped_column(ForeignKey("controlled_copy.id", ondelete="RESTRICT"))
    fate: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(400))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))
    by_name: Mapped[str] = mapped_column(String(200))
