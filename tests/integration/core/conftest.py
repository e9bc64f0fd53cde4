"""A small site on both databases, with the trail that no house goes without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from audit.trail import TrailGuard
from core import appendonly
from core.clock import HeldClock
from core.db import Base, Database
from core.house import House
from core.sites import Site
from tests.support.templates import Templates

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def build(url: str) -> None:
    """A fresh database with a demonstration site."""
    _build(url, "DEMONSTRATION")


def build_gmp(url: str) -> None:
    """A fresh database with a GMP site."""
    _build(url, "GMP")


def _build(url: str, mode: str) -> None:
    database = Database(url)
    with database.writer.begin() as connection:
        Base.metadata.create_all(connection)
        appendonly.install(connection)
    with Session(database.writer) as session, session.begin():
        session.add(Site(site_id=1, name="Test", mode=mode, zone="Europe/Berlin", made_at=START))
    database.close()


@pytest.fixture
def clock() -> HeldClock:
    """Time that stands still until a test moves it."""
    return HeldClock(START)


@pytest.fixture
def house(database_url: str, clock: HeldClock, templates: Templates) -> Iterator[House]:
    """A house on SQLite and on PostgreSQL."""
    templates.fill(database_url, build)
    made = House(Database(database_url), guards=[TrailGuard()], clock=clock)
    yield made
    made.database.close()


@pytest.fixture
def gmp_house(database_url: str, clock: HeldClock, templates: Templates) -> Iterator[House]:
    """A house of a GMP site."""
    templates.fill(database_url, build_gmp)
    made = House(Database(database_url), guards=[TrailGuard()], clock=clock)
    yield made
    made.database.close()
