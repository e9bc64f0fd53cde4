"""Pure decisions of production: numbers, expiry, sizes."""

from __future__ import annotations

import calendar
from datetime import date


def batch_number(prefix: str, number: int, digits: int) -> str:
    """``B-2045``: prefix and number with at least that many digits."""
    return f"{prefix}{number:0{digits}d}"


def expiry(manufactured_on: date, shelf_life_months: int) -> date:
    """Last day of the month that lies the shelf life after manufacture (URS-MAT-080).

    Made 2024-02-29 with 24 months: 2026-02-28.
    """
    months = manufactured_on.year * 12 + manufactured_on.month - 1 + shelf_life_months
    year, month = divmod(months, 12)
    return date(year, month + 1, calendar.monthrange(year, month + 1)[1])
