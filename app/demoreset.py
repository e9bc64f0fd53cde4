"""Putting the demonstration site aside; nothing of it is deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import make_url

from core.clock import SystemClock
from core.errors import Refusal
from core.settings import Settings
from core.sites import SiteMode


class NotADemonstration(Refusal):
    """Only a demonstration site may be put aside."""

    rule = "site.mode"


class OnAServer(Refusal):
    """Only a site whose database is a file in its folder can be put aside with that folder."""

    rule = "site.database"


def put_aside(settings: Settings) -> str:
    """Rename the folder of the site to a dated name; answers what was done.

    Raises NotADemonstration, and OnAServer where keys and database would be torn apart.
    """
    if not settings.home.exists():
        return "there is no site to put aside"
    _refuse_unless_demonstration(settings)
    if not has_a_file(settings):
        raise OnAServer(
            "the database of this site lies on a server and would stay behind",
            resolver="the administrator, with another folder and another, empty database",
        )
    return rename(settings)


def has_a_file(settings: Settings) -> bool:
    """Whether the database of the site is a file of its own."""
    return make_url(settings.database_url).get_backend_name() == "sqlite"


def rename(settings: Settings) -> str:
    """Give the folder of a site a dated name; answers what was done, and what the next run does."""
    home = settings.home
    now: datetime = SystemClock().now()
    dated = f"{home.name}-{now:%Y%m%d-%H%M%S}"
    names = (dated, *(f"{dated}-{again}" for again in range(2, 10)))
    aside = next(place for name in names if not (place := home.with_name(name)).exists())
    home.rename(aside)
    needs = "makes a new one" if has_a_file(settings) else "needs another, empty database"
    return f"the site now lies in {aside}; the next run {needs}"


def _refuse_unless_demonstration(settings: Settings) -> None:
    from app.bootstrap import compose, mode_of, site_exists

    if not site_exists(settings):
        return
    house = compose(settings)
    mode = mode_of(house)
    house.database.close()
    if mode is not SiteMode.DEMONSTRATION:
        raise NotADemonstration("this is a GMP site", resolver="nobody: its records stay")
