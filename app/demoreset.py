"""Putting the demonstration site aside; nothing of it is deleted."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from core.clock import SystemClock
from core.errors import Refusal
from core.settings import Settings
from core.sites import SiteMode


class NotADemonstration(Refusal):
    """Only a demonstration site may be put aside."""

    rule = "site.mode"


def put_aside(settings: Settings) -> str:
    """Rename the folder of the site to a dated name; answers what was done."""
    if not settings.home.exists():
        return "there is no site to put aside"
    _refuse_unless_demonstration(settings)
    return rename(settings.home)


def rename(home: Path) -> str:
    """Give a folder a dated name; answers what was done."""
    now: datetime = SystemClock().now()
    dated = f"{home.name}-{now:%Y%m%d-%H%M%S}"
    names = (dated, *(f"{dated}-{again}" for again in range(2, 10)))
    aside = next(place for name in names if not (place := home.with_name(name)).exists())
    home.rename(aside)
    return f"the site now lies in {aside}; the next run makes a new one"


def _refuse_unless_demonstration(settings: Settings) -> None:
    from app.bootstrap import compose, mode_of

    if not Path(settings.home / "site.db").exists():
        return
    house = compose(settings)
    mode = mode_of(house)
    house.database.close()
    if mode is not SiteMode.DEMONSTRATION:
        raise NotADemonstration("this is a GMP site", resolver="nobody: its records stay")
