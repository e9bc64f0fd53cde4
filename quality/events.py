"""Facts of the quality unit in the past tense; handlers run in the same transaction.

The pillars do not know each other: what a decision means for the batch and for its lots is done by
handlers that `app.wiring` registers on these facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReleased:
    """The quality unit released a batch; the lots it made change their status now. `packed` says
    that it was packed here and not released for packaging."""

    record: str
    number: str
    packed: bool
    reason: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRejected:
    """The quality unit rejected a batch; all it produced is blocked now (URS-REL-060)."""

    record: str
    number: str
    reason: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchUnderReassessment:
    """Something came to light after the decision about a batch: it no longer counts."""

    record: str
    number: str
    because: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialDispositioned:
    """The quality unit decided about material in process; rejected, it must not be used."""

    record: str
    number: str
    step: str
    outcome: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDrawn:
    """A sample was drawn; `total` in `unit` left the material."""

    record: str
    step: str
    sample: str
    total: Decimal
    unit: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomCleared:
    """A room was cleared for a record until `valid_until`."""

    record: str
    room: str
    valid_until: datetime
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationOpened:
    """A deviation was opened, by the system or by a person."""

    number: str
    record: str | None
    exception: int | None
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviationWasClosed:
    """The quality unit closed a deviation."""

    number: str
    record: str | None
    by: Actor
    at: datetime
