"""Facts of maintenance in the past tense; handlers run in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOpened:
    """A maintenance order was opened for a unit."""

    number: str
    equipment: str
    trigger: str
    batch: str | None
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationFailed:
    """An instrument was found outside its limits; `records` used it since it was last good."""

    equipment: str
    calibration: str
    last_good_before: datetime | None
    records: tuple[str, ...]
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCleaned:
    """A unit is clean, verified by a second person."""

    equipment: str
    record: str
    clean_until: datetime | None
    by: Actor
    at: datetime
