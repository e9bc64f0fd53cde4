"""Facts of inventory in the past tense; handlers run in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class LotStatusChanged:
    """The quality unit has changed the status of a lot."""

    lot: str
    material: str
    before: str
    after: str
    reason: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StockTaskOpened:
    """Stock fell below its minimum and a replenishment task was opened, once."""

    task: str
    material: str
    found: Decimal
    minimum: Decimal
    record: str | None
    by: Actor
    at: datetime
