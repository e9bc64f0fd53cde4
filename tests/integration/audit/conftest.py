"""A small site with a trail, on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from audit import models as audit_models
from audit.trail import TrailGuard
from core import appendonly
from core.actors import Actor, ActorKind
from core.clock import HeldClock
from core.db import Base, Database
from core.house import House
from core.sites import Site, SiteMode
from tests.integration.audit.sample import SampleBase

OPERATOR = Actor(
    kind=ActorKind.PERSON, id="P-101", name="Ada Okafor", role="operator", terminal="T-1"
)
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def make_site(url: str) -> None:
    """All tables known to this process, those of the samples, triggers, and the site's row."""
    engine = create_engine(url)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        SampleBase.metadata.create_all(connection)
    with engine.begin() as connection:
        appendonly.install(connection)
    with Session(engine) as session:
        site = Site(
            site_id=1, name="Werk Süd", mode=SiteMode.DEMONSTRATION, zone="Europe/Berlin",
            made_at=START,
        )  # fmt: skip
        session.add(site)
        session.commit()
    engine.dispose()


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(START)


@pytest.fixture
def house(database_url: str, clock: HeldClock) -> Iterator[House]:
    """A house with a trail on SQLite and on PostgreSQL."""
    assert audit_models.Entry.__tablename__ in Base.metadata.tables
    make_site(database_url)
    database = Database(database_url)
    yield House(database, guards=[TrailGuard(software="batchwright test")], clock=clock)
    database.close()


def forget_triggers(url: str) -> None:
    """What the owner of the database can do: take the guards away, to attack behind them."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for name in appendonly.present_triggers(connection):
            table = _table_of(name)
            on = f" ON {table}" if engine.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TRIGGER {name}{on}")
    engine.dispose()


def _table_of(trigger: str) -> str:
    return trigger.removeprefix(appendonly.PREFIX).rpartition("_")[0]
