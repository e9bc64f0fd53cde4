"""Tables of materials, lots and containers, of the ledger, labels, stock tasks and genealogy.

Natural keys are what people see and scan: material ``100010``, lot ``PA-0411``, container by its
SSCC, location ``1.12-S``. Ledger amounts are whole micrograms (or pieces), never decimals: sums in
SQL stay exact. Everything else that was read or stated is an exact decimal.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, Fact, Head, Unaudited
from core.types import ExactDecimal, JsonText, UtcDateTime


class LotStatus(StrEnum):
    """What the quality unit says about a lot; expiry by date is judged besides, at each use."""

    QUARANTINE = "quarantine"
    RELEASED = "released"
    REJECTED = "rejected"
    BLOCKED = "blocked"


class AssayBasis(StrEnum):
    """What the assay of a lot refers to; `AS_IS` gets no water term."""

    DRIED = "dried"
    AS_IS = "as_is"


class ContainerState(StrEnum):
    """Where a container stands in its life."""

    FULL = "full"
    IN_USE = "in_use"
    DISPENSED = "dispensed"
    CHARGED = "charged"
    EMPTY = "empty"
    DESTROYED = "destroyed"


class AccountKind(StrEnum):
    """Kinds of stock accounts; those outside our walls may run below zero, ours never."""

    LOCATION = "location"
    BATCH = "batch"
    CONSUMED = "consumed"
    SCRAP = "scrap"
    SAMPLE = "sample"
    SUPPLIER = "supplier"
    PRODUCED = "produced"
    ADJUSTMENT = "adjustment"


OPEN_ENDED = frozenset({AccountKind.SUPPLIER, AccountKind.PRODUCED, AccountKind.ADJUSTMENT})


class LabelAct(StrEnum):
    """What happens to one printed copy of a label; each act is counted once (URS-MAT-080)."""

    PRINTED = "printed"
    REPRINTED = "reprinted"
    USED = "used"
    DESTROYED = "destroyed"


class TaskState(StrEnum):
    """Where a stock task stands."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


class Material(Head, Base):
    """An item that is bought, used or made. `unit` is ``kg`` or ``1`` (pieces).

    `minimum` is the stock below which a replenishment task is opened, in `unit`. A material that
    is not `stocked` (water from a pipe) has neither lots nor ledger.
    """

    __tablename__ = "material"
    __table_args__ = (
        UniqueConstraint("site_id", "code"),
        CheckConstraint("unit IN ('kg','1')", name="unit"),
    )

    code: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))
    unit: Mapped[str] = mapped_column(String(20))
    gtin: Mapped[str | None] = mapped_column(String(14))
    minimum: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    stocked: Mapped[bool] = mapped_column(default=True)


class Location(Head, Base):
    """A place where containers stand; its account is ``location/CODE``."""

    __tablename__ = "location"
    __table_args__ = (UniqueConstraint("site_id", "code"),)

    code: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(120))
    room: Mapped[str | None] = mapped_column(String(20))


class Lot(Head, Base):
    """A material lot with its status and what its certificate says (URS-MAT-010).

    `assay` and `loss_on_drying` are percent; `expires_on` and `retest_on` are the last days of use.
    `batch` is set on lots that a batch of ours made.
    """

    __tablename__ = "lot"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        CheckConstraint("status IN ('quarantine','released','rejected','blocked')", name="status"),
        CheckConstraint("(assay IS NULL) = (assay_basis IS NULL)", name="assay_paired"),
    )
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"status", "assay", "expires_on"})

    number: Mapped[str] = mapped_column(String(40))
    material: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(12), default=LotStatus.QUARANTINE)
    status_at: Mapped[datetime] = mapped_column(UtcDateTime())
    status_reason: Mapped[str | None] = mapped_column(Text())
    supplier: Mapped[str | None] = mapped_column(String(120))
    supplier_lot: Mapped[str | None] = mapped_column(String(60))
    expires_on: Mapped[date | None] = mapped_column(Date())
    retest_on: Mapped[date | None] = mapped_column(Date())
    assay: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    assay_basis: Mapped[str | None] = mapped_column(String(12))
    loss_on_drying: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    received_by: Mapped[str] = mapped_column(String(40))
    batch: Mapped[str | None] = mapped_column(String(40))


class Container(Head, Base):
    """A drum, bag or dispensed portion, known by its label number (an SSCC where it has one).

    What it holds stands in the ledger. Of a dispensed portion: `batch`, `step` (key of the weigh
    step), `number` (1 for the first of that step), `source`, and the weighing in the material's
    unit: `target`, `net`, `gross`, `pure` (by the lot's share) and `counted` (its part in the
    compensation). It may be charged only after it was checked by a second person (URS-MAT-040).
    """

    __tablename__ = "container"
    __table_args__ = (
        UniqueConstraint("site_id", "label"),
        Index("ix_container_batch", "site_id", "batch", "step"),
        CheckConstraint(
            "state IN ('full','in_use','dispensed','charged','empty','destroyed')", name="state"
        ),
        CheckConstraint("(checked_by IS NULL) = (checked_at IS NULL)", name="check_paired"),
    )

    label: Mapped[str] = mapped_column(String(40))
    lot: Mapped[str] = mapped_column(String(40), index=True)
    material: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), default=ContainerState.FULL)
    tare: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    source: Mapped[str | None] = mapped_column(String(40))
    batch: Mapped[str | None] = mapped_column(String(40))
    step: Mapped[str | None] = mapped_column(String(40))
    path: Mapped[str | None] = mapped_column(String(300))
    number: Mapped[int | None]
    portion: Mapped[str | None] = mapped_column(String(40))
    target: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    net: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    gross: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    pure: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    counted: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    scale: Mapped[str | None] = mapped_column(String(40))
    filled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    filled_by: Mapped[str | None] = mapped_column(String(120))
    use_before: Mapped[datetime | None] = mapped_column(UtcDateTime())
    checked_by: Mapped[str | None] = mapped_column(String(40))
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    charged_at: Mapped[str | None] = mapped_column(String(40))
    """Key of the step that took its content."""


class LabelSeries(Head, Base):
    """The next serial reference of container labels; drawn once, never given again."""

    __tablename__ = "label_series"
    __table_args__ = (UniqueConstraint("site_id", "prefix"),)

    prefix: Mapped[str] = mapped_column(String(12))
    """GS1 company prefix of the SSCC."""
    next: Mapped[int]


class StockAccount(Head, Base):
    """Where material can be, inside or outside: ``location/1.20``, ``batch/B-2045`` ..."""

    __tablename__ = "stock_account"
    __table_args__ = (UniqueConstraint("site_id", "code"),)

    code: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(12))


class Movement(Fact, Base):
    """One move of material; its lines sum to zero per lot (double entry, URS-MAT-070).

    `key` makes it single: the same key never moves twice. A correction reverses and moves anew.
    """

    __tablename__ = "movement"
    __table_args__ = (
        UniqueConstraint("site_id", "key"),
        Index("ix_movement_record", "site_id", "record", "kind"),
    )

    key: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    material: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Text())
    record: Mapped[str | None] = mapped_column(String(60))
    step: Mapped[str | None] = mapped_column(String(300))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("movement.id", ondelete="RESTRICT"))

    lines: Mapped[list[MovementLine]] = relationship(
        back_populates="movement", order_by="MovementLine.line"
    )


class MovementLine(Fact, Base):
    """What one movement adds to (or, negative, takes from) one account, lot and container.

    `amount` counts micrograms of a material in kg, pieces of one in pieces. `container` is empty
    for loose stock.
    """

    __tablename__ = "movement_line"
    __table_args__ = (
        UniqueConstraint("site_id", "movement_id", "line"),
        Index("ix_movement_line_lot", "site_id", "lot"),
        CheckConstraint("amount <> 0", name="moves"),
    )

    movement_id: Mapped[UUID] = mapped_column(ForeignKey("movement.id", ondelete="RESTRICT"))
    line: Mapped[int]
    account: Mapped[str] = mapped_column(String(60))
    lot: Mapped[str] = mapped_column(String(40))
    container: Mapped[str] = mapped_column(String(40), default="")
    amount: Mapped[int] = mapped_column(BigInteger())

    movement: Mapped[Movement] = relationship(back_populates="lines")


class StockBalance(Unaudited, Base):
    """How much of a lot stands in an account and container: the sum of its movement lines."""

    __tablename__ = "stock_balance"
    __why_unaudited__ = "a projection of movement lines; compared with them and made anew from them"
    __table_args__ = (
        UniqueConstraint("site_id", "lot", "account", "container"),
        CheckConstraint("amount >= 0 OR open_ended", name="never_negative"),
    )

    account: Mapped[str] = mapped_column(String(60), index=True)
    lot: Mapped[str] = mapped_column(String(40))
    container: Mapped[str] = mapped_column(String(40), default="", index=True)
    amount: Mapped[int] = mapped_column(BigInteger())
    open_ended: Mapped[bool]


class LabelPrint(Fact, Base):
    """One act on one copy of a container label: printed, reprinted, used or destroyed."""

    __tablename__ = "label_print"
    __table_args__ = (
        UniqueConstraint("site_id", "label", "copy", "act"),
        Index("ix_label_print_record", "site_id", "record"),
        CheckConstraint("act <> 'reprinted' OR reason IS NOT NULL", name="reprint_reason"),
        CheckConstraint("act <> 'destroyed' OR witness IS NOT NULL", name="witnessed"),
    )

    label: Mapped[str] = mapped_column(String(40))
    copy: Mapped[int]
    act: Mapped[str] = mapped_column(String(12))
    template: Mapped[str] = mapped_column(String(40))
    record: Mapped[str] = mapped_column(String(60))
    step: Mapped[str | None] = mapped_column(String(300))
    reason: Mapped[str | None] = mapped_column(Text())
    witness: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))


class StockTask(Head, Base):
    """An inventory job order that the process itself opened (URS-MAT-070).

    `open_key` is set while it is open and unique: one low stock opens one task, however often it
    is found. Quantities are in the material's unit.
    """

    __tablename__ = "stock_task"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        UniqueConstraint("site_id", "open_key"),
        CheckConstraint("(state = 'open') = (open_key IS NOT NULL)", name="open_paired"),
    )
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"closed_reason"})

    number: Mapped[str] = mapped_column(String(40))
    work_type: Mapped[str] = mapped_column(String(20), default="replenishment")
    material: Mapped[str] = mapped_column(String(20))
    open_key: Mapped[str | None] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(12), default=TaskState.OPEN)
    found: Mapped[Decimal] = mapped_column(ExactDecimal())
    minimum: Mapped[Decimal] = mapped_column(ExactDecimal())
    record: Mapped[str | None] = mapped_column(String(60))
    step: Mapped[str | None] = mapped_column(String(300))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime())
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    closed_by: Mapped[str | None] = mapped_column(String(40))
    closed_reason: Mapped[str | None] = mapped_column(Text())


class GenealogyEdge(Fact, Base):
    """Material went from one node to another: ``lot/PA-0411`` into ``batch/B-2045`` (URS-MAT-060).

    `kind` is consumed, produced, rework, packed or shipped; `quantity` is exact, in `unit`.
    """

    __tablename__ = "genealogy_edge"
    __table_args__ = (
        Index("ix_genealogy_source", "site_id", "source"),
        Index("ix_genealogy_target", "site_id", "target"),
        CheckConstraint("source <> target", name="moves"),
    )

    source: Mapped[str] = mapped_column(String(80))
    target: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(12))
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal())
    unit: Mapped[str] = mapped_column(String(20))
    container: Mapped[str | None] = mapped_column(String(40))
    record: Mapped[str | None] = mapped_column(String(60))
    step: Mapped[str | None] = mapped_column(String(300))
    facts: Mapped[Any] = mapped_column(JsonText(), nullable=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))
