"""Set-up of the number series of maintenance."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE
from core.actors import Actor
from maintenance import rules
from maintenance.models import Series, WorkSeries


def make_series(session: Session, series: Series, *, first: int, by: Actor, at: datetime) -> None:
    """Set up a number series, beginning with `first` (``CL-0312`` is the next at the plant)."""
    with trail.act(session, "series.made", stream=SITE, by=by, object=series.value):
        session.add(WorkSeries(name=series.value, prefix=rules.PREFIXES[series.value], next=first))
