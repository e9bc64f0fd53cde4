"""Audited sample tables in a registry of their own, so that no other test sees them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import LargeBinary, String, UniqueConstraint, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.db import Fact, Head, Kept, Unaudited
from core.types import ExactDecimal, JsonText, UtcDateTime


class SampleBase(DeclarativeBase):
    """Base of the sample tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {UUID: Uuid()}
    __kept__: ClassVar[Kept]
    __secret_columns__: ClassVar[frozenset[str]] = frozenset()


class Kettle(Head, SampleBase):
    """A head with a secret and a field whose change needs a reason."""

    __tablename__ = "sample_kettle"
    __table_args__ = (UniqueConstraint("site_id", "name"),)
    __secret_columns__ = frozenset({"lock_code"})
    __reasoned_fields__ = frozenset({"volume"})

    name: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(20), default="CLEAN")
    volume: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    lock_code: Mapped[str | None] = mapped_column(String(40))
    remark: Mapped[str | None] = mapped_column(String(200), deferred=True)


class Weight(Fact, SampleBase):
    """A fact of every column type."""

    __tablename__ = "sample_weight"

    kettle: Mapped[str] = mapped_column(String(40))
    value: Mapped[Decimal] = mapped_column(ExactDecimal())
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    raw: Mapped[bytes | None] = mapped_column(LargeBinary())
    limits: Mapped[Any] = mapped_column(JsonText(), nullable=True)
    manual: Mapped[bool] = mapped_column(default=False)
    supersedes_id: Mapped[UUID | None] = mapped_column()


class Glance(Unaudited, SampleBase):
    """Outside the trail."""

    __tablename__ = "sample_glance"
    __why_unaudited__ = "a read model of the tests"

    note: Mapped[str] = mapped_column(String(40))
