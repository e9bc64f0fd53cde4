"""Making a site: schema, keys, and its first audit entry, which seals its mode for life."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from app import schema
from audit import trail
from audit.streams import SITE
from audit.trail import TrailGuard
from core.actors import Actor
from core.clock import RealClock, SystemClock
from core.db import Database
from core.errors import Refusal
from core.house import House
from core.settings import Settings
from core.sites import Site, SiteClock, SiteMode
from personnel import crypto

ELSEWHERE = "the administrator, with another folder and, on a server, another, empty database"
SETUP = Actor.service("set-up", trigger="new site")


class SiteExists(Refusal):
    """There is a site already; a site is never made over another."""

    rule = "site.exists"


def make_site(
    settings: Settings,
    *,
    name: str,
    mode: SiteMode,
    zone: str,
    starts_at: datetime | None = None,
    clock: RealClock | None = None,
) -> None:
    """Make a site in an empty place. `starts_at` (demonstration only) is where its clock begins.

    Raises SiteExists when the database holds one already; nothing of that is touched then.
    """
    real = (clock or SystemClock()).now()
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (settings.keys, settings.pki, settings.attachments):
        folder.mkdir(exist_ok=True, mode=0o700)
    _refuse_another(settings, name)
    schema.upgrade_site(settings, new=True)
    database = Database(settings.database_url)
    try:
        _insert_site(database, name, mode, zone, real, starts_at)
        crypto.create_pepper(settings.keys)
        house = House(database, guards=[TrailGuard()], clock=clock)
        with (
            house.transaction() as session,
            trail.act(
                session,
                "site.made",
                stream=SITE,
                by=SETUP,
                object=name,
                facts={"mode": mode.value, "zone": zone},
            ) as act,
        ):
            act.attest(session.query(Site).one())
    finally:
        database.close()


def _refuse_another(settings: Settings, name: str) -> None:
    """Before migrations run, which would change the tables of a site of another version."""
    database = Database(settings.owner_url)
    try:
        with database.reader.connect() as connection:
            if not inspect(connection).has_table(Site.__tablename__):
                return
            if connection.scalar(select(func.count()).select_from(Site.__table__)):
                raise SiteExists(f"{name} cannot be made: there is a site", resolver=ELSEWHERE)
    finally:
        database.close()


def _insert_site(
    database: Database,
    name: str,
    mode: SiteMode,
    zone: str,
    real: datetime,
    starts_at: datetime | None,
) -> None:
    # The trail needs a site to stand on: this row is written before it and attested by it.
    with database.turn_to_write(), Session(database.writer) as session:
        if session.query(Site).first() is not None:
            raise SiteExists(f"{name} cannot be made: there is a site", resolver=ELSEWHERE)
        session.add(Site(site_id=1, name=name, mode=mode.value, zone=zone, made_at=real))
        if starts_at is not None and mode is SiteMode.DEMONSTRATION:
            offset = (starts_at - real) // timedelta(microseconds=1)
            session.add(SiteClock(site_id=1, offset_us=offset))
        session.commit()
