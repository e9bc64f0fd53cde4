"""Number series of the demonstration site, at the numbers that come next at the plant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.seed import definitions
from core.actors import Actor
from core.house import House
from maintenance import expiry
from maintenance.commands import setting_up
from maintenance.models import Series
from production import commands as production
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


def orders(house: House, *, batch: int, packaging: int, by: Actor) -> None:
    """Numbers of batches (``B-2045``) and of packaging orders (``PK-2045``)."""
    house.perform(production.make_series, production.SERIES, prefix="B-", first=batch, by=by)
    own = production.series_of(definitions.PACKAGING)
    house.perform(production.make_series, own, prefix="PK-", first=packaging, by=by)


def _watch_clean_holds(session: Session, *, by: Actor, at: datetime) -> int:
    return expiry.watch_all(session)
