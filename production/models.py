"""Batches: what was ordered, on which version, and where the batch stands as a product."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import Date, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Head
from core.types import ExactDecimal, UtcDateTime


class Disposition(StrEnum):
    """What the quality unit has decided about the batch."""

    NONE = "none"
    RELEASED_FOR_PACKAGING = "released_for_packaging"
    RELEASED = "released"
    """The packed batch."""
    REJECTED = "rejected"


class NumberSeries(Head, Base):
    """The next number of a series; a number is drawn once and never given again (URS-EXE-020)."""

    __tablename__ = "number_series"
    __table_args__ = (UniqueConstraint("site_id", "name"),)

    name: Mapped[str] = mapped_column(String(40))
    prefix: Mapped[str] = mapped_column(String(12))
    next: Mapped[int]
    digits: Mapped[int] = mapped_column(default=4)


class Batch(Head, Base):
    """One batch of a product; its record is the procedure run of the same number."""

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("site_id", "number"),)
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"disposition"})

    number: Mapped[str] = mapped_column(String(40))
    order_number: Mapped[str] = mapped_column(String(40))
    product_code: Mapped[str] = mapped_column(String(20))
    product_name: Mapped[str] = mapped_column(String(200))
    recipe: Mapped[str] = mapped_column(String(40))
    recipe_version: Mapped[int]
    size: Mapped[Decimal] = mapped_column(ExactDecimal())
    size_unit: Mapped[str] = mapped_column(String(20))
    theoretical_output: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime())
    planned_by: Mapped[str] = mapped_column(String(40))
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    manufactured_on: Mapped[date | None] = mapped_column(Date())
    expires_on: Mapped[date | None] = mapped_column(Date())
    disposition: Mapped[str] = mapped_column(String(30), default=Disposition.NONE)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
