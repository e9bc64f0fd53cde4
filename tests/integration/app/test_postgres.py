"""An installation on PostgreSQL: owner and application are two roles, everything else is alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from app import making
from app.bootstrap import compose
from app.clock import site_now
from app.demosite import SEEDING
from app.seed import people, series
from core.settings import Settings
from core.sites import SiteMode
from tests.support.postgres import APP, PostgresServer


@pytest.fixture
def settings(postgres_server: PostgresServer, tmp_path: Path) -> Settings:
    """A new installation whose application role does not own the schema."""
    name = postgres_server.create_database()
    return Settings(
        home=tmp_path,
        database_url=postgres_server.url(name, role=APP),
        owner_url=postgres_server.url(name),
    )


@pytest.mark.urs("URS-AUD-050", "URS-SEC-070")
def test_the_application_role_works_and_cannot_change_a_fact(settings: Settings) -> None:
    making.make_site(settings, name="Werk", mode=SiteMode.DEMONSTRATION, zone="Europe/Berlin")
    house = compose(settings)
    staff = people.seed(house, site_now(house))
    series.seed(house, by=SEEDING)
    assert staff["P-101"].name == "Anna Kern"
    house.database.close()
    engine = create_engine(settings.database_url)
    for statement in ("UPDATE entry SET rec = 'x'", "DELETE FROM entry", "TRUNCATE entry"):
        with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as link:
            link.execute(text(statement))
    engine.dispose()
