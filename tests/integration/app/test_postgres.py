"""An installation on PostgreSQL: owner and application are two roles, everything else is alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from app import demoreset, making, schema
from app.bootstrap import compose, opened
from app.clock import site_now
from app.demoreset import NotADemonstration, OnAServer
from app.demosite import SEEDING
from app.making import SiteExists
from app.seed import people, series
from audit import trail
from audit.streams import SITE
from core.errors import BrokenPromise, Refusal
from core.settings import Settings
from core.sites import SiteMode
from tests.support.faultpostgres import mortal_postgres
from tests.support.postgres import ADMIN, APP, OWNER, PostgresServer


def settings_on(server: PostgresServer, home: Path, template: str = "template0") -> Settings:
    """An installation whose application role does not own the schema, with a copy of `template`."""
    name = server.create_database(template=template)
    return Settings(home=home, database_url=server.url(name, role=APP), owner_url=server.url(name))


@pytest.fixture
def settings(postgres_server: PostgresServer, tmp_path: Path) -> Settings:
    """An installation in which nothing was made yet."""
    return settings_on(postgres_server, tmp_path)


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


@pytest.fixture(scope="session")
def made_once(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A new site, made by the owner of the schema; tests get copies."""
    settings = settings_on(postgres_server, tmp_path_factory.mktemp("made") / "site")
    making.make_site(settings, name="Werk", mode=SiteMode.GMP, zone="Europe/Berlin")
    return settings


@pytest.fixture
def made(made_once: Settings, postgres_server: PostgresServer, tmp_path: Path) -> Settings:
    """A new site of its own for each test."""
    copytree(made_once.home, tmp_path / "site")
    template = str(make_url(made_once.owner_url).database)
    return settings_on(postgres_server, tmp_path / "site", template)


def as_admin(made: Settings, *statements: str) -> None:
    """What who administers the server can do."""
    engine = create_engine(make_url(made.owner_url).set(username=ADMIN))
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.mark.urs("URS-AUD-050")
@pytest.mark.parametrize(
    "attack",
    [
        "DROP TRIGGER keep_entry_update ON entry",
        "ALTER TABLE entry DISABLE TRIGGER keep_entry_update",
        "ALTER TABLE entry ENABLE REPLICA TRIGGER keep_entry_update",
    ],
)
def test_a_database_without_a_trigger_is_refused(made: Settings, attack: str) -> None:
    compose(made).database.close()
    as_admin(made, attack)
    with pytest.raises(BrokenPromise, match="keep_entry_update"):
        compose(made)
    schema.upgrade_site(made)
    with opened(made) as house, house.reading() as session:
        told = trail.entries(session, SITE)[-1].data
    assert told["action"] == "schema.upgraded"
    assert told["facts"]["triggers"] == ["keep_entry_update"]


@pytest.mark.urs("URS-AUD-050", "URS-SEC-070")
@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE"])
def test_a_role_that_may_change_a_fact_starts_nothing(made: Settings, right: str) -> None:
    as_admin(made, f"GRANT {right} ON entry TO {APP}")
    with pytest.raises(BrokenPromise, match=r"role app may change facts \(entry, 1 in all\)"):
        compose(made)


@pytest.mark.urs("URS-AUD-050", "URS-SEC-070")
@pytest.mark.parametrize(
    ("owned", "named"),
    [
        # Its own rights do not show it: an owner can give them to itself, and drop a trigger.
        (f"ALTER TABLE equipment OWNER TO {APP}", r"\(equipment, 1 in all\)"),
        (f"ALTER FUNCTION keep_refuse OWNER TO {APP}", r"\(keep_refuse, 1 in all\)"),
        (f"ALTER SCHEMA public OWNER TO {APP}", r"\(schema public, 1 in all\)"),
    ],
)
def test_a_role_that_owns_a_part_of_the_schema_starts_nothing(
    made: Settings, owned: str, named: str
) -> None:
    as_admin(made, owned)
    with pytest.raises(BrokenPromise, match=f"role app owns what it works with {named}"):
        compose(made)


@pytest.mark.urs("URS-AUD-050", "URS-SEC-070")
def test_a_member_of_the_owning_role_starts_nothing(made: Settings) -> None:
    # Without inheritance it has no right of the owner yet: it has to say SET ROLE first.
    as_admin(made, f"ALTER ROLE {APP} NOINHERIT", f"GRANT {OWNER} TO {APP}")
    try:
        with pytest.raises(BrokenPromise, match=r"role app owns what it works with"):
            compose(made)
    finally:
        as_admin(made, f"REVOKE {OWNER} FROM {APP}", f"ALTER ROLE {APP} INHERIT")
    compose(made).database.close()


@pytest.mark.urs("URS-SEC-070")
@pytest.mark.parametrize("role", [OWNER, ADMIN])
def test_the_owner_of_the_schema_runs_no_site(made: Settings, role: str) -> None:
    url = make_url(made.database_url).set(username=role)
    wrong = replace(made, database_url=url.render_as_string(hide_password=False))
    with pytest.raises(BrokenPromise, match=f"role {role} may change facts"):
        compose(wrong)


@pytest.mark.urs("URS-AUD-050")
@pytest.mark.parametrize(
    ("setting", "weaker"),
    [
        ("synchronous_commit", "off"),
        ("synchronous_commit", "local"),
        ("default_transaction_isolation", "'read uncommitted'"),
        ("default_transaction_isolation", "serializable"),
        ("session_replication_role", "replica"),
    ],
)
def test_weaker_settings_of_the_database_are_refused(
    made: Settings, setting: str, weaker: str
) -> None:
    name = make_url(made.database_url).database
    as_admin(made, f"ALTER DATABASE {name} SET {setting} = {weaker}")
    with pytest.raises(BrokenPromise, match=setting.removeprefix("default_")):
        compose(made)


@pytest.mark.urs("URS-AUD-050")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("LOCALE_PROVIDER icu ICU_LOCALE 'de'", "sorts text by a language, must be by its bytes"),
        ("LOCALE 'C' ENCODING LATIN1", "server_encoding is LATIN1, must be UTF8"),
    ],
)
def test_a_database_that_sorts_or_stores_text_otherwise_is_refused(
    made: Settings, postgres_server: PostgresServer, options: str, found: str
) -> None:
    admin = make_url(made.owner_url).set(username=ADMIN, database=ADMIN)
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(
            text(f"CREATE DATABASE other OWNER {OWNER} TEMPLATE template0 {options}")
        )
    engine.dispose()
    try:
        with pytest.raises(BrokenPromise, match=found):
            compose(replace(made, database_url=postgres_server.url("other", role=APP)))
    finally:
        postgres_server.drop_database("other")


@pytest.mark.urs("URS-AUD-050", "URS-REC-020")
@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_does_not_store_what_it_acknowledges_is_refused(
    settings: Settings, setting: str
) -> None:
    with mortal_postgres(**{setting: "off"}) as (_, databases):
        name = databases.create_database()
        wrong = replace(
            settings, database_url=databases.url(name, role=APP), owner_url=databases.url(name)
        )
        making.make_site(wrong, name="Werk", mode=SiteMode.GMP, zone="Europe/Berlin")
        with pytest.raises(BrokenPromise, match=f"{setting} is off, must be on"):
            compose(wrong)


def test_a_site_on_a_server_is_never_made_over_another(made: Settings, tmp_path: Path) -> None:
    as_admin(made, "UPDATE alembic_version SET version_num = 'older'")
    other = replace(made, home=tmp_path / "other")
    with pytest.raises(SiteExists, match="another, empty database"):
        making.make_site(other, name="Werk", mode=SiteMode.DEMONSTRATION, zone="Europe/Berlin")
    with pytest.raises(BrokenPromise, match="schema older"):  # no migration has touched it
        compose(made)


@pytest.mark.parametrize(
    ("mode", "refused"), [(SiteMode.DEMONSTRATION, OnAServer), (SiteMode.GMP, NotADemonstration)]
)
def test_keys_of_a_site_on_a_server_are_not_put_aside(
    settings: Settings, mode: SiteMode, refused: type[Refusal]
) -> None:
    making.make_site(settings, name="Werk", mode=mode, zone="Europe/Berlin")
    with pytest.raises(refused):
        demoreset.put_aside(settings)
    compose(settings).database.close()


def test_another_schema_is_refused_and_says_what_to_do(made: Settings) -> None:
    as_admin(made, "DELETE FROM alembic_version")
    with pytest.raises(BrokenPromise, match="batchwright migrate"):
        compose(made)
