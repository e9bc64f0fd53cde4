"""Documents that were issued: made once, kept as bytes, served from here ever after."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact
from core.types import UtcDateTime

RECORD_KIND = "record"
BUNDLE_KIND = "bundle"


class IssuedDocument(Fact, Base):
    """A rendition (or bundle) of a record as of one of its entries (URS-REP-030).

    `content_digest` is the SHA-256 of the canonical content, `digest` that of the bytes. `content`
    is the canonical JSON that the pages were made from; a bundle carries it inside.
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
