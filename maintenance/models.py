"""Maintenance orders, cleaning entries and calibrations: who did what to a unit, who checked it.

The status of the unit itself stands in `hardware`; here stands why it changed and who signed.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Head
from core.types import ExactDecimal, JsonText, UtcDateTime

PERSON = String(40)
NAME = String(120)


class Series(StrEnum):
    """Number series of maintenance."""

    ORDER = "order"
    CLEANING = "cleaning"
    CALIBRATION = "calibration"


class Trigger(StrEnum):
    """What an order came from (URS-EQP-050)."""

    COUNTER = "counter"
    """A usage counter passed its limit."""
    DATE = "date"
    FAULT = "fault"
    PLAN = "plan"


class OrderState(StrEnum):
    """Columns of the board: due, in work, waiting for verification, closed."""

    DUE = "due"
    IN_WORK = "in_work"
    TO_VERIFY = "to_verify"
    CLOSED = "closed"


class EntryState(StrEnum):
    """Where a signed entry of two people stands."""

    STARTED = "started"
    PERFORMED = "performed"
    """The performer has signed; a second person has to verify."""
    VERIFIED = "verified"
    GIVEN_UP = "given_up"
    """Its run ended before the unit was clean: stopped, aborted, or verified by nobody."""


class WorkSeries(Head, Base):
    """The next number of a series; a number is given once and never again."""

    __tablename__ = "work_series"
    __table_args__ = (UniqueConstraint("site_id", "name"),)

    name: Mapped[str] = mapped_column(String(20))
    prefix: Mapped[str] = mapped_column(String(12))
    next: Mapped[int]


class MaintenanceOrder(Head, Base):
    """A job order of maintenance; `open_key` is unique while it is open, so that the same cause
    makes exactly one order however often it is told (URS-EQP-050).

    `blocks`: the unit is not bound to another batch before the order is closed.
    """

    __tablename__ = "maintenance_order"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        UniqueConstraint("site_id", "open_key"),
        Index("ix_maintenance_order_unit", "site_id", "equipment"),
    )

    number: Mapped[str] = mapped_column(String(20))
    equipment: Mapped[str] = mapped_column(String(40))
    trigger: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(Text())
    facts: Mapped[Any] = mapped_column(JsonText())
    batch: Mapped[str | None] = mapped_column(String(60))
    step: Mapped[str | None] = mapped_column(String(300))
    blocks: Mapped[bool]
    state: Mapped[str] = mapped_column(String(12))
    open_key: Mapped[str | None] = mapped_column(String(120))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    opened_by: Mapped[str] = mapped_column(PERSON)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    started_by: Mapped[str | None] = mapped_column(PERSON)
    work: Mapped[str | None] = mapped_column(Text())
    """What was done, as signed."""
    counter_limit: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    """The limit that the usage counter got with this order."""
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    completed_by: Mapped[str | None] = mapped_column(PERSON)
    completed_role: Mapped[str | None] = mapped_column(String(20))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    verified_by: Mapped[str | None] = mapped_column(PERSON)
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )
    verification_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )


class CleaningRecord(Head, Base):
    """A cleaning entry of two people; verified, it makes the unit clean until `clean_until`
    (211.67, 211.182; URS-EQP-020)."""

    __tablename__ = "cleaning_record"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_cleaning_record_unit", "site_id", "equipment"),
    )

    number: Mapped[str] = mapped_column(String(20))
    equipment: Mapped[str] = mapped_column(String(40))
    procedure: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    previous_batch: Mapped[str | None] = mapped_column(String(60))
    previous_product: Mapped[str | None] = mapped_column(String(60))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    started_by: Mapped[str] = mapped_column(PERSON)
    agent_lot: Mapped[str | None] = mapped_column(String(60))
    result: Mapped[str | None] = mapped_column(Text())
    performed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    performed_by: Mapped[str | None] = mapped_column(PERSON)
    performed_role: Mapped[str | None] = mapped_column(String(20))
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    verified_by: Mapped[str | None] = mapped_column(PERSON)
    clean_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )
    verification_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )


class CalibrationRecord(Head, Base):
    """A calibration as signed by who performed it and who checked it; the values that count for
    the instrument stand in `hardware` (URS-EQP-040)."""

    __tablename__ = "calibration_record"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_calibration_record_unit", "site_id", "equipment"),
    )

    number: Mapped[str] = mapped_column(String(20))
    equipment: Mapped[str] = mapped_column(String(40))
    calibration_id: Mapped[UUID] = mapped_column(ForeignKey("calibration.id", ondelete="RESTRICT"))
    state: Mapped[str] = mapped_column(String(12))
    as_found: Mapped[str] = mapped_column(String(8))
    as_left: Mapped[str] = mapped_column(String(8))
    certificate: Mapped[str] = mapped_column(String(120))
    performed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    performed_by: Mapped[str] = mapped_column(PERSON)
    performed_role: Mapped[str] = mapped_column(String(20))
    affected: Mapped[Any] = mapped_column(JsonText())
    """Records that used the instrument since it was last known good, when it failed as found."""
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    verified_by: Mapped[str | None] = mapped_column(PERSON)
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )
    verification_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )
