"""Number series of the demonstration site, at the numbers that come next at the plant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from core.actors import Actor
from core.house import House
from maintenance import expiry
from maintenance.commands import setting_up
from maintenance.models import Series
from quality.commands import deviations

FIRST_DEVIATION = 313
FIRST = {Series.ORDER: 1, Series.CLEANING: 312, Series.CALIBRATION: 1}


def seed(
    house: House,
    *,
    deviation: int = FIRST_DEVIATION,
    numbers: Mapping[Series, int] = FIRST,
    by: Actor,
) -> None:
    """Series of the pillars, and the watch over clean holds of units that are clean from now."""
    house.perform(deviations.make_series, first=deviation, by=by)
    for series, first in numbers.items():
        house.perform(setting_up.make_series, series, first=first, by=by)
    house.perform(_watch_clean_holds, by=by)


def _watch_clean_holds(session: Session, *, by: Actor, at: datetime) -> int:
    return expiry.watch_all(session)
