"""Facts that the equipment layer tells, inside the transaction in which they came true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hardware.words import Dimension, WriteState


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReported:
    """A write request came to its end; only VERIFIED lets a step go on (URS-PRO-050)."""

    request_id: UUID
    key: str
    tag: str
    record: str
    step: str | None
    result: WriteState
    wanted: Decimal
    read_back: Decimal | None
    old_value: Decimal | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost:
    """No data comes from a device any more; `equipment` are the units that have tags on it."""

    device: str
    equipment: tuple[str, ...]
    gap: UUID
    started_at: datetime
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRestored:
    """Data comes again; the gap counts site time."""

    device: str
    equipment: tuple[str, ...]
    gap: UUID
    started_at: datetime
    ended_at: datetime

    @property
    def length(self) -> timedelta:
        """How long nothing came."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentStatusChanged:
    """One dimension of a unit's status changed; values as text."""

    equipment: str
    dimension: Dimension
    before: str | None
    after: str | None
    at: datetime
    batch: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterOverLimit:
    """A usage counter passed its limit; told once until maintenance resets it (URS-EQP-050)."""

    equipment: str
    tag: str
    value: Decimal
    limit: Decimal
    at: datetime
