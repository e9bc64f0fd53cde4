"""Tables of equipment, its log, its links and tags, and of what was read from and written to it.

Natural keys are what people see: equipment ``GRA-01``, tag ``GRA-01.JI101`` (equipment and the name
that is the same in every unit of its class). Quantities are exact decimals, times aware UTC.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, Fact, Head, Unaudited
from core.types import ExactDecimal, JsonText, UtcDateTime
from hardware.words import Cleaning, MapState, WriteState


class Equipment(Head, Base):
    """One unit, scale, bin, room instrument or tool set, with the dimensions of its status.

    `properties` are decimals and words as text: ``working_volume_l`` [low, high], ``readability``,
    ``minimum_net``, ``capacity``, ``tare`` ... `clean_until` ends the clean hold, `dirty_since`
    starts the dirty hold (URS-EQP-020). `calibration_due` None means that none is needed.
    `checked_until` is the end of the last passed daily check, for units that need one.
    """

    __tablename__ = "equipment"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        CheckConstraint(
            "cleaning IN ('clean','to_be_cleaned','in_cleaning','not_applicable')", name="cleaning"
        ),
        CheckConstraint("counter_limit IS NULL OR counter_tag IS NOT NULL", name="counter_paired"),
    )

    number: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(120))
    equipment_class: Mapped[str] = mapped_column(String(60))
    room: Mapped[str | None] = mapped_column(String(40))
    parent: Mapped[str | None] = mapped_column(String(40))
    properties: Mapped[Any] = mapped_column(JsonText())
    cleaning: Mapped[str] = mapped_column(String(20), default=Cleaning.NOT_APPLICABLE)
    clean_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    dirty_since: Mapped[datetime | None] = mapped_column(UtcDateTime())
    last_batch: Mapped[str | None] = mapped_column(String(60))
    last_product: Mapped[str | None] = mapped_column(String(60))
    allocated_to: Mapped[str | None] = mapped_column(String(60))
    blocked_reason: Mapped[str | None] = mapped_column(Text())
    maintenance_order: Mapped[str | None] = mapped_column(String(60))
    calibration_due: Mapped[datetime | None] = mapped_column(UtcDateTime())
    calibration_last_good: Mapped[datetime | None] = mapped_column(UtcDateTime())
    check_required: Mapped[bool] = mapped_column(default=False)
    checked_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    counter_tag: Mapped[str | None] = mapped_column(String(80))
    counter_limit: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    counter_tripped_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class EquipmentStateEvent(Fact, Base):
    """One change of one dimension of a unit's status; values as text, None for nothing."""

    __tablename__ = "equipment_state_event"
    __table_args__ = (Index("ix_equipment_state_event", "site_id", "equipment", "at"),)

    equipment: Mapped[str] = mapped_column(String(40))
    dimension: Mapped[str] = mapped_column(String(20))
    before: Mapped[str | None] = mapped_column(Text())
    after: Mapped[str | None] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    actor: Mapped[str] = mapped_column(String(60))
    batch: Mapped[str | None] = mapped_column(String(60))
    reason: Mapped[str | None] = mapped_column(Text())


class Calibration(Fact, Base):
    """One calibration of an instrument: as found, as left, and until when it holds.

    `last_good_before` is the last time it was known good: after an as-found failure everything
    measured since then is in doubt (URS-EQP-040).
    """

    __tablename__ = "calibration"
    __table_args__ = (
        Index("ix_calibration", "site_id", "equipment", "performed_at"),
        CheckConstraint("as_found IN ('pass','fail') AND as_left IN ('pass','fail')", name="words"),
    )

    equipment: Mapped[str] = mapped_column(String(40))
    performed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime] = mapped_column(UtcDateTime())
    as_found: Mapped[str] = mapped_column(String(8))
    as_left: Mapped[str] = mapped_column(String(8))
    last_good_before: Mapped[datetime | None] = mapped_column(UtcDateTime())
    certificate: Mapped[str] = mapped_column(String(120))
    performed_by: Mapped[str] = mapped_column(String(60))
    remark: Mapped[str | None] = mapped_column(Text())
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime())
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("calibration.id"))


class LogbookLine(Fact, Base):
    """One line of a unit's log, in the order it was written (211.182, URS-EQP-030).

    `line` counts from 1 per unit. Performer and checker are badges with the printed names as at the
    time. `late` marks a line about an act that ended long before the line was written.
    """

    __tablename__ = "logbook_line"
    __table_args__ = (
        UniqueConstraint("site_id", "equipment", "line"),
        CheckConstraint("(checked_by IS NULL) = (checked_at IS NULL)", name="check_paired"),
        CheckConstraint("ended_at >= started_at", name="time_order"),
        CheckConstraint(
            "checked_by IS NULL OR checked_by <> performed_by", name="checker_is_another"
        ),
    )

    equipment: Mapped[str] = mapped_column(String(40))
    line: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    batch: Mapped[str | None] = mapped_column(String(60))
    product: Mapped[str | None] = mapped_column(String(60))
    record: Mapped[str | None] = mapped_column(String(120))
    remark: Mapped[str | None] = mapped_column(Text())
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime())
    performed_by: Mapped[str] = mapped_column(String(60))
    performer_name: Mapped[str] = mapped_column(String(120))
    checked_by: Mapped[str | None] = mapped_column(String(60))
    checker_name: Mapped[str | None] = mapped_column(String(120))
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime())
    late: Mapped[bool] = mapped_column(default=False)
    supersedes_id: Mapped[UUID | None] = mapped_column(ForeignKey("logbook_line.id"))


class Device(Head, Base):
    """One conversation partner: an OPC UA server, or one unit behind a Modbus TCP address.

    Devices with the same protocol and endpoint share one connection. `unit` is the Modbus unit id.
    `settings`: OPC UA ``policy``, ``mode``, ``user``; Modbus ``max_gap``, ``max_span``. Writing is
    off unless `writable` (notes, section 5).
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("site_id", "name"),
        CheckConstraint("protocol IN ('opcua','modbus')", name="protocol"),
        CheckConstraint("(protocol = 'modbus') = (unit IS NOT NULL)", name="unit_paired"),
    )
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"endpoint", "writable", "unit"})

    name: Mapped[str] = mapped_column(String(40))
    protocol: Mapped[str] = mapped_column(String(12))
    endpoint: Mapped[str] = mapped_column(String(200))
    unit: Mapped[int | None]
    settings: Mapped[Any] = mapped_column(JsonText())
    writable: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)

    @property
    def line(self) -> str:
        """The connection that the device is reached by."""
        return f"{self.protocol}:{self.endpoint}"


class TagMapVersion(Head, Base):
    """A version of one unit's tag map: draft, then effective by a second person (URS-PRO-030)."""

    __tablename__ = "tag_map_version"
    __table_args__ = (
        UniqueConstraint("site_id", "equipment", "number"),
        Index(
            "ux_tag_map_effective",
            "site_id",
            "equipment",
            unique=True,
            sqlite_where=text("state = 'effective'"),
            postgresql_where=text("state = 'effective'"),
        ),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approval_paired"),
        CheckConstraint("approved_by IS NULL OR approved_by <> author", name="approver_is_another"),
    )

    equipment: Mapped[str] = mapped_column(String(40))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default=MapState.DRAFT)
    digest: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(60))
    authored_at: Mapped[datetime] = mapped_column(UtcDateTime())
    approved_by: Mapped[str | None] = mapped_column(String(60))
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    tags: Mapped[list[Tag]] = relationship(back_populates="map", order_by="Tag.name")


class Tag(Fact, Base):
    """One point of a tag map: where it is, how it is decoded, what it may be.

    `address`: OPC UA ``nsu=urn:demo:gran;s=FBD01.TI102``; Modbus ``IR 0`` (input), ``HR 100``
    (holding), ``C 0`` (coil), ``DI 0`` (discrete input), 0-based, of the device's unit; a single
    bit of a register as ``IR 6.2``. Engineering value = wire value x `scale` + `offset`, rounded
    half up to `decimals` (None: as many as the wire has). Ranges are in `unit` (UCUM), inclusive.
    `stuck_seconds`: unchanged that long means frozen. `instrument` is the equipment whose
    calibration counts. `rollover` is the value at which a counter starts again.
    """

    __tablename__ = "tag"
    __table_args__ = (
        UniqueConstraint("site_id", "map_id", "name"),
        CheckConstraint(
            "NOT writable OR (write_low IS NOT NULL AND write_high IS NOT NULL"
            " AND tolerance IS NOT NULL)",
            name="write_limits",
        ),
    )

    map_id: Mapped[UUID] = mapped_column(ForeignKey("tag_map_version.id"))
    map: Mapped[TagMapVersion] = relationship(back_populates="tags", lazy="joined")
    equipment: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(40))
    description: Mapped[str] = mapped_column(String(200))
    device: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(200))
    data_type: Mapped[str] = mapped_column(String(12))
    byte_order: Mapped[str] = mapped_column(String(12))
    word_order: Mapped[str] = mapped_column(String(12))
    scale: Mapped[Decimal] = mapped_column(ExactDecimal())
    offset: Mapped[Decimal] = mapped_column(ExactDecimal())
    decimals: Mapped[int | None]
    unit: Mapped[str] = mapped_column(String(20))
    range_low: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    range_high: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    rollover: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    stale_seconds: Mapped[int]
    sampling_ms: Mapped[int]
    dead_band: Mapped[Decimal] = mapped_column(ExactDecimal())
    stuck_seconds: Mapped[int | None]
    source_time: Mapped[str] = mapped_column(String(12))
    writable: Mapped[bool]
    write_low: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    write_high: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    tolerance: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    gmp: Mapped[bool]
    simulated: Mapped[bool]
    instrument: Mapped[str] = mapped_column(String(40))

    @property
    def key(self) -> str:
        """The name people and recipes' resolved references use: ``FBD-01.TI102``."""
        return f"{self.equipment}.{self.name}"


class Reading(Fact, Base):
    """One value taken into a record, with all that is needed to judge it later (URS-PRO-010).

    `raw` is what was on the wire (hex words, or the OPC UA variant as text), `value_text` the value
    as taken, `value` its decimal (None for text). `status` is the full code with its name.
    `source_at` is the device's time (None where it sends none), `received_at` the gateway's;
    `clock_offset_ms` = source - received. For a statistic other than ``last``, `window_from`,
    `window_to` (site time) and `samples` say of what. `accepted_because` is why a person accepted
    an uncertain value.
    """

    __tablename__ = "reading"
    __table_args__ = (Index("ix_reading", "site_id", "tag", "taken_at"),)

    tag: Mapped[str] = mapped_column(String(80))
    map_version: Mapped[int]
    tag_id: Mapped[UUID] = mapped_column(ForeignKey("tag.id"))
    statistic: Mapped[str] = mapped_column(String(24))
    window_from: Mapped[datetime | None] = mapped_column(UtcDateTime())
    window_to: Mapped[datetime | None] = mapped_column(UtcDateTime())
    samples: Mapped[int]
    raw: Mapped[str] = mapped_column(Text())
    value_text: Mapped[str] = mapped_column(Text())
    value: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    unit: Mapped[str] = mapped_column(String(20))
    status: Mapped[int] = mapped_column(BigInteger())
    status_name: Mapped[str] = mapped_column(String(80))
    quality: Mapped[str] = mapped_column(String(12))
    reasons: Mapped[Any] = mapped_column(JsonText())
    age_ms: Mapped[int]
    source_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    server_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
    clock_offset_ms: Mapped[int | None]
    device: Mapped[str] = mapped_column(String(40))
    endpoint: Mapped[str] = mapped_column(String(200))
    server_identity: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(200))
    link_session: Mapped[str] = mapped_column(String(80))
    gateway: Mapped[str] = mapped_column(String(80))
    driver: Mapped[str] = mapped_column(String(120))
    instrument: Mapped[str] = mapped_column(String(40))
    calibration_due: Mapped[datetime | None] = mapped_column(UtcDateTime())
    simulated: Mapped[bool]
    record: Mapped[str | None] = mapped_column(String(120))
    step: Mapped[str | None] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(60))
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime())
    accepted_because: Mapped[str | None] = mapped_column(Text())


class WriteRequest(Head, Base):
    """One value to be written to one tag, once (URS-PRO-050).

    `key` makes it single: asking again with the same key gives the same request. `expires_at` is
    steady time: a request not claimed by then is never sent. Values in the tag's unit.
    """

    __tablename__ = "write_request"
    __table_args__ = (
        UniqueConstraint("site_id", "key"),
        CheckConstraint(
            "state IN ('REQUESTED','CLAIMED','VERIFIED','MISMATCH','UNKNOWN','REFUSED')",
            name="state",
        ),
        Index(
            "ix_write_request_open",
            "requested_at",
            sqlite_where=text("state IN ('REQUESTED','CLAIMED')"),
            postgresql_where=text("state IN ('REQUESTED','CLAIMED')"),
        ),
    )

    key: Mapped[str] = mapped_column(String(200))
    tag: Mapped[str] = mapped_column(String(80))
    tag_id: Mapped[UUID] = mapped_column(ForeignKey("tag.id"))
    device: Mapped[str] = mapped_column(String(40))
    value: Mapped[Decimal] = mapped_column(ExactDecimal())
    tolerance: Mapped[Decimal] = mapped_column(ExactDecimal())
    unit: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12), default=WriteState.REQUESTED)
    record: Mapped[str] = mapped_column(String(120))
    step: Mapped[str | None] = mapped_column(String(200))
    requested_by: Mapped[str] = mapped_column(String(60))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    old_value: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    read_back: Mapped[Decimal | None] = mapped_column(ExactDecimal())
    status: Mapped[str | None] = mapped_column(String(80))
    problem: Mapped[str | None] = mapped_column(Text())
    reported_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class GapEvent(Fact, Base):
    """The start or the end of a time without data from a device (URS-PRO-040).

    `gap` is the same in both rows. Lengths count site time; real times stand beside them.
    """

    __tablename__ = "gap_event"
    __table_args__ = (
        UniqueConstraint("site_id", "gap", "edge"),
        CheckConstraint("edge IN ('start','end')", name="edge"),
        CheckConstraint("(edge = 'end') = (ended_at IS NOT NULL)", name="end_paired"),
        Index("ix_gap_event", "site_id", "device", "started_at"),
    )

    gap: Mapped[UUID]
    edge: Mapped[str] = mapped_column(String(8))
    device: Mapped[str] = mapped_column(String(40))
    equipment: Mapped[Any] = mapped_column(JsonText())
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    real_at: Mapped[datetime] = mapped_column(UtcDateTime())
    cause: Mapped[str] = mapped_column(Text())
    gateway: Mapped[str] = mapped_column(String(80))


class LineLease(Unaudited, Base):
    """Who owns the connection of a line now (steady time); a second gateway waits."""

    __tablename__ = "line_lease"
    __why_unaudited__ = "which process holds a socket; gaps and readings name the gateway"
    __table_args__ = (UniqueConstraint("site_id", "line"),)

    line: Mapped[str] = mapped_column(String(220))
    owner: Mapped[str] = mapped_column(String(80))
    until: Mapped[datetime] = mapped_column(UtcDateTime())
