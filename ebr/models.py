"""The system of record: the record of any executed procedure, whichever pillar asked for it.

Facts are never changed: a correction is a new `ParameterValue` that supersedes. Heads hold where
things stand now and can be rebuilt from the entries of the record's stream (URS-REC-010, -030).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, Fact, Head
from core.types import ExactDecimal, JsonText, UtcDateTime


class RunState(StrEnum):
    """ISA-88 states of a procedure run as its record shows them."""

    PLANNED = "planned"
    ISSUED = "issued"
    RUNNING = "running"
    HELD = "held"
    COMPLETE = "complete"
    STOPPED = "stopped"
    ABORTED = "aborted"


class StepState(StrEnum):
    """Where a step stands; a step is complete only when every signature it needs is there."""

    READY = "ready"
    STARTED = "started"
    PERFORMED = "performed"
    """The values are recorded; verification, confirmation or approval is still to come."""
    HELD = "held"
    """All signatures are there, but an exception must be decided before the flow goes on."""
    COMPLETE = "complete"
    CANCELLED = "cancelled"


class ExceptionState(StrEnum):
    """Open until someone with the right has decided; information needs no decision."""

    LISTED = "listed"
    OPEN = "open"
    DECIDED = "decided"


class Grade(StrEnum):
    """Provenance grade of a value, for ever (feature X8)."""

    DEVICE = "device"
    MANUAL = "manual"
    MANUAL_FOR_DEVICE = "manual_for_device"
    CALCULATED = "calculated"
    SCANNED = "scanned"
    CORRECTED = "corrected"


class ProcedureRun(Head, Base):
    """One execution of an effective definition, pinned to its digests for life."""

    __tablename__ = "procedure_run"
    __table_args__ = (UniqueConstraint("site_id", "number"),)

    number: Mapped[str] = mapped_column(String(40))
    stream: Mapped[str] = mapped_column(String(60))
    code: Mapped[str] = mapped_column(String(40))
    version_label: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(12))
    file_digest: Mapped[str] = mapped_column(String(64))
    content_digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    size_unit: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    problem: Mapped[str | None] = mapped_column(Text())


class StepRecord(Head, Base):
    """One occurrence of a step: what the recipe asked, where it stands, which revision counts.

    `path` is the stable name given by the engine; `occurrence` counts performances of the same
    step within the run. `revision` rises with each correction, which needs new signatures.
    """

    __tablename__ = "step"
    __table_args__ = (
        UniqueConstraint("site_id", "run_id", "path"),
        Index("ix_step_open", "site_id", "state", "role"),
        Index("ix_step_key", "run_id", "key"),
        Index("ix_step_ordinal", "run_id", "ordinal"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("procedure_run.id", ondelete="RESTRICT"))
    path: Mapped[str] = mapped_column(String(300))
    level: Mapped[str] = mapped_column(String(80))
    element: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(40))
    occurrence: Mapped[int]
    ordinal: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    role: Mapped[str] = mapped_column(String(20))
    room: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    revision: Mapped[int] = mapped_column(default=1)
    ready_at: Mapped[datetime] = mapped_column(UtcDateTime())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    started_by: Mapped[str | None] = mapped_column(String(40))
    performed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    performed_by: Mapped[str | None] = mapped_column(String(40))
    completed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_by: Mapped[str | None] = mapped_column(String(200))
    """Of a cancelled step: what cancelled it."""

    run: Mapped[ProcedureRun] = relationship(lazy="joined")


class ParameterValue(Fact, Base):
    """One value as captured, with everything that tells how much it is worth (URS-REC-010).

    `text` is exactly as typed, read or calculated; `number` its exact decimal in `unit`.
    `limits` are the limits in force, evaluated; `verdict` the outermost tier breached, or none.
    """

    __tablename__ = "parameter_value"
    __table_args__ = (UniqueConstraint("site_id", "step_id", "code", "position", "revision"),)

    step_id: Mapped[UUID] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    position: Mapped[int]
    revision: Mapped[int]
    text: Mapped[str | None] = mapped_column(Text())
    number: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    unrounded: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    unit: Mapped[str | None] = mapped_column(String(20))
    data_type: Mapped[str] = mapped_column(String(12))
    origin: Mapped[str] = mapped_column(String(20))
    grade: Mapped[str] = mapped_column(String(20))
    quality: Mapped[str | None] = mapped_column(String(12))
    source: Mapped[Any] = mapped_column(JsonText(), nullable=True)
    """Reading, device, tag, statistic and window; or the inputs of a calculation; or None."""
    limits: Mapped[Any] = mapped_column(JsonText(), nullable=True)
    verdict: Mapped[str | None] = mapped_column(String(12))
    not_applicable: Mapped[str | None] = mapped_column(Text())
    """Reason why the value does not apply; then `text` is None."""
    performed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime())
    recorded_by: Mapped[str] = mapped_column(String(40))
    supersedes_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("parameter_value.id", ondelete="RESTRICT")
    )
    reason: Mapped[str | None] = mapped_column(Text())


class StepSignature(Fact, Base):
    """Ties a sealed signature to the step revision that it covers."""

    __tablename__ = "step_signature"
    __table_args__ = (UniqueConstraint("site_id", "step_id", "revision", "part"),)

    step_id: Mapped[UUID] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"), index=True)
    revision: Mapped[int]
    part: Mapped[str] = mapped_column(String(12))
    """performer, verifier, confirmer or approver"""
    signature_id: Mapped[UUID] = mapped_column(ForeignKey("signature.id", ondelete="RESTRICT"))
    signer: Mapped[str] = mapped_column(String(40))
    late: Mapped[bool] = mapped_column(default=False)


class Binding(Fact, Base):
    """The unit bound to an equipment requirement of the run; a later row of the key supersedes."""

    __tablename__ = "binding"
    __table_args__ = (UniqueConstraint("site_id", "run_id", "requirement", "ordinal"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("procedure_run.id", ondelete="RESTRICT"))
    requirement: Mapped[str] = mapped_column(String(40))
    ordinal: Mapped[int] = mapped_column(default=1)
    equipment: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    supersedes_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("binding.id", ondelete="RESTRICT")
    )


class StepEquipment(Fact, Base):
    """Equipment that a step used, with its state and calibration at that time (URS-EQP-010)."""

    __tablename__ = "step_equipment"

    step_id: Mapped[UUID] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"), index=True)
    requirement: Mapped[str] = mapped_column(String(40))
    equipment: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(40))
    calibration_due: Mapped[str | None] = mapped_column(String(40))


class StepMaterial(Fact, Base):
    """Material that a step consumed, produced, drew as sample, returned or destroyed.

    `quantity` is exact, in `unit`; `use` is a material use of ISA-95 (consumed, produced, ...).
    """

    __tablename__ = "step_material"

    step_id: Mapped[UUID] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"), index=True)
    use: Mapped[str] = mapped_column(String(20))
    material: Mapped[str] = mapped_column(String(20))
    lot: Mapped[str] = mapped_column(String(40))
    container: Mapped[str | None] = mapped_column(String(40))
    portion: Mapped[str | None] = mapped_column(String(40))
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal())
    unit: Mapped[str] = mapped_column(String(20))


class ExceptionCase(Head, Base):
    """A departure that the system itself raised; listed for ever, decided by a person.

    `number` counts within the record. Information needs no decision; minor lets the flow go on;
    major holds the next step until the supervisor has decided; critical holds the batch until
    the quality unit has (URS-DEV-010, -020).
    """

    __tablename__ = "exception_case"
    __table_args__ = (UniqueConstraint("site_id", "run_id", "number"),)
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"decision"})

    run_id: Mapped[UUID] = mapped_column(ForeignKey("procedure_run.id", ondelete="RESTRICT"))
    step_id: Mapped[UUID | None] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"))
    number: Mapped[int]
    type: Mapped[str] = mapped_column(String(30))
    severity: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text())
    facts: Mapped[Any] = mapped_column(JsonText())
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime())
    raised_by: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10))
    released: Mapped[bool] = mapped_column(default=False)
    """The supervisor (major) or quality unit (critical) lets the flow go on."""
    comment: Mapped[str | None] = mapped_column(Text())
    commented_by: Mapped[str | None] = mapped_column(String(40))
    decision: Mapped[str | None] = mapped_column(String(30))
    decided_by: Mapped[str | None] = mapped_column(String(40))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    decision_reason: Mapped[str | None] = mapped_column(Text())

    run: Mapped[ProcedureRun] = relationship(lazy="joined")
    step: Mapped[StepRecord | None] = relationship(lazy="joined")


class Remark(Fact, Base):
    """A comment on a step or on the run, attributed and timed."""

    __tablename__ = "remark"

    run_id: Mapped[UUID] = mapped_column(
        ForeignKey("procedure_run.id", ondelete="RESTRICT"), index=True
    )
    step_id: Mapped[UUID | None] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"))
    text: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))
    by_name: Mapped[str] = mapped_column(String(120))


class Attachment(Fact, Base):
    """A file of the record: a printout, photo, trend or certificate, named by its digest."""

    __tablename__ = "attachment"
    __secret_columns__: ClassVar[frozenset[str]] = frozenset({"data"})

    run_id: Mapped[UUID] = mapped_column(
        ForeignKey("procedure_run.id", ondelete="RESTRICT"), index=True
    )
    step_id: Mapped[UUID | None] = mapped_column(ForeignKey("step.id", ondelete="RESTRICT"))
    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(60))
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary(), deferred=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(String(40))


class HoldTime(Head, Base):
    """A named hold time that runs in the site's clock; its job fires with nobody logged in."""

    __tablename__ = "hold_time"
    __table_args__ = (UniqueConstraint("site_id", "run_id", "name", "ordinal"),)

    run_id: Mapped[UUID] = mapped_column(ForeignKey("procedure_run.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(40))
    ordinal: Mapped[int]
    equipment: Mapped[str | None] = mapped_column(String(40))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    severity: Mapped[str] = mapped_column(String(12))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    exceeded: Mapped[bool] = mapped_column(default=False)
    job_id: Mapped[UUID | None]
