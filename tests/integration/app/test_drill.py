"""Restore drills: the newest backup restored beside the site, looked at, reported and signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import create_engine, inspect, text

from app.backup import age, drilling, making, scratchdb
from app.backup.making import Made, Order
from app.backup.restoring import PlaceTaken, Restoration
from app.bootstrap import opened
from audit import drills
from audit.backupmodels import RestoreDrill
from audit.report import Report
from core.errors import BrokenPromise
from core.settings import Settings
from quality import queries
from quality.models import Deviation
from tests.integration.app import test_backup
from tests.integration.app.test_backup import BY, RECIPIENT, SECRET, act, actions
from tests.support.postgres import APP, PostgresServer

settings, kept = test_backup.settings, test_backup.kept
LATER = timedelta(hours=3)


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    file = tmp_path / "backup.key"
    file.write_text(f"# kept apart\n{SECRET}\n")
    return file


@pytest.fixture
def site(settings: Settings, kept: Path, postgres_server: PostgresServer) -> Settings:
    """A site with a schedule, and on PostgreSQL with a database for drills."""
    words = ""
    if not settings.owner_url.startswith("sqlite"):
        name = postgres_server.create_database()
        words = f"{postgres_server.url(name)} {postgres_server.url(name, role=APP)}"
    return replace(
        settings, backup_folder=str(kept), backup_recipients=RECIPIENT, drill_database=words
    )


def back_up(site: Settings, kept: Path, at: datetime) -> Made:
    order = Order(folder=kept, recipient=RECIPIENT)
    with opened(site) as house:
        return making.back_up(house, site, order, by=BY, now=at)


def drill(site: Settings, identity: Path, at: datetime) -> drilling.Drilled:
    with opened(site) as house:
        return drilling.drill(house, site, identity, by=BY, now=at, scheduled=False)


def last(site: Settings) -> RestoreDrill:
    with opened(site) as house, house.reading() as session:
        found = drills.standing(session).last
        assert found is not None
        return found


def incidents(site: Settings) -> list[Deviation]:
    with opened(site) as house, house.reading() as session:
        return list(queries.deviations(session))


def left_behind(site: Settings) -> list[str]:
    """Tables in the database for drills, and folders in the home of the site."""
    found = [path.name for path in site.home.glob("drill*")]
    if site.drill_database:
        engine = create_engine(site.drill_database.split()[0])
        found += inspect(engine).get_table_names()
        with engine.connect() as connection:
            found += [mark for mark in [connection.scalar(scratchdb.MARKED)] if mark]
        engine.dispose()
    return found


@pytest.mark.urs("URS-BAK-020")
def test_a_drill_restores_counts_verifies_and_measures(
    site: Settings, kept: Path, identity: Path
) -> None:
    now = datetime.now(UTC)
    made = back_up(site, kept, now - LATER)
    act(site, 3)
    done = drill(site, identity, now)
    found = done.figures
    assert (found.rows, found.tables) == (
        sum(made.manifest.rows.values()), len(made.manifest.rows),
    )  # fmt: skip
    assert found.entries == made.manifest.rows["entry"] > 0
    assert found.recovery_point_s == LATER.total_seconds()
    assert found.recovery_time_s >= 1
    assert found.entries_behind == 4, "three acts and the entry of the backup itself"
    assert (last(site).sha256, last(site).ok) == (made.sha256, True)
    assert actions(site)[-1] == "backup.drilled"
    assert left_behind(site) == []
    with opened(site) as house, house.reading() as session:
        standing = drills.standing(session)
        assert standing.due_by == now + timedelta(days=90)
        assert (standing.missing, standing.failing) == (False, False)
        assert standing.unsigned is not None


@pytest.mark.urs("URS-BAK-020", "URS-BAK-030")
def test_a_backup_that_was_changed_fails_the_drill_with_an_incident(
    site: Settings, kept: Path, identity: Path
) -> None:
    made = back_up(site, kept, datetime.now(UTC))
    made.file.chmod(0o600)
    data = bytearray(made.file.read_bytes())
    data[-1] ^= 1
    made.file.write_bytes(data)
    with pytest.raises(BrokenPromise, match="not the file that was made"):
        drill(site, identity, datetime.now(UTC))
    assert "backup.drill_failed" in actions(site)
    assert "not the file that was made" in str(last(site).problem)
    [incident] = incidents(site)
    assert "restore drill failed" in incident.title
    with pytest.raises(BrokenPromise):
        drill(site, identity, datetime.now(UTC))
    assert len(incidents(site)) == 1, "one incident stands for the failures until it is closed"
    assert left_behind(site) == []


@pytest.mark.urs("URS-BAK-030")
def test_another_key_fails_the_drill_cleanly(site: Settings, kept: Path, identity: Path) -> None:
    back_up(site, kept, datetime.now(UTC))
    identity.write_text(age.new_identity()[0])
    with pytest.raises(age.CannotOpen):
        drill(site, identity, datetime.now(UTC))
    identity.unlink()
    with pytest.raises(BrokenPromise, match="cannot be used as a key"):
        drill(site, identity, datetime.now(UTC))
    assert actions(site).count("backup.drill_failed") == 2
    assert left_behind(site) == []


@pytest.mark.urs("URS-BAK-020")
def test_without_a_backup_or_its_file_a_drill_fails(
    site: Settings, kept: Path, identity: Path
) -> None:
    with pytest.raises(BrokenPromise, match="no backup of this site"):
        drill(site, identity, datetime.now(UTC))
    assert last(site).file == drilling.NONE
    back_up(site, kept, datetime.now(UTC) - LATER)
    newest = back_up(site, kept, datetime.now(UTC))
    newest.file.unlink()
    with pytest.raises(BrokenPromise, match="is not there"):
        drill(site, identity, datetime.now(UTC))
    assert last(site).file == newest.file.name, "no older one is taken instead"


@pytest.mark.urs("URS-BAK-020")
def test_the_log_of_the_backup_must_be_the_beginning_of_that_of_the_site(
    settings: Settings, kept: Path, tmp_path: Path
) -> None:
    made = back_up(settings, kept, datetime.now(UTC))
    done = Restoration(folder=kept, manifest=made.manifest, report=Report(), keys=False)
    act(settings, 2)
    with opened(settings) as house:
        assert drilling._require_same_log(house, done) > made.manifest.log_size
    other = test_backup.made_site(test_backup.on_sqlite(tmp_path / "other"))
    act(other, 5)
    with opened(other) as house, pytest.raises(BrokenPromise, match="not the beginning"):
        drilling._require_same_log(house, done)


def test_a_database_that_holds_something_is_not_used_and_stays(
    site: Settings, kept: Path, identity: Path
) -> None:
    if not site.drill_database:
        return
    back_up(site, kept, datetime.now(UTC))
    engine = create_engine(site.drill_database.split()[0])
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE of_somebody_else (n int)"))
    with pytest.raises(PlaceTaken):
        drill(site, identity, datetime.now(UTC))
    assert inspect(engine).get_table_names() == ["of_somebody_else"]
    engine.dispose()


def test_what_a_killed_drill_left_is_thrown_away(
    site: Settings, kept: Path, identity: Path
) -> None:
    back_up(site, kept, datetime.now(UTC))
    (site.home / drilling.SCRATCH).mkdir()
    (site.home / drilling.SCRATCH / "site.db").write_bytes(b"left behind")
    if site.drill_database:
        engine = create_engine(site.drill_database.split()[0])
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE entry (n int)"))
            scratchdb._mark(connection, f"'{scratchdb.MARK}'")
        engine.dispose()
    assert drill(site, identity, datetime.now(UTC)).ordinal == 1
    assert left_behind(site) == []


def test_two_drills_or_two_backups_at_once_do_not_disturb_each_other(
    site: Settings, kept: Path, identity: Path
) -> None:
    back_up(site, kept, datetime.now(UTC) - LATER)
    with making.alone(site, "drill"), pytest.raises(BrokenPromise, match="another drill"):
        drill(site, identity, datetime.now(UTC))
    with making.alone(site, "backup"), pytest.raises(BrokenPromise, match="another backup"):
        back_up(site, kept, datetime.now(UTC))
    assert drill(site, identity, datetime.now(UTC)).ordinal == 2


def test_a_drill_never_goes_into_the_database_of_the_site(
    site: Settings, kept: Path, identity: Path
) -> None:
    back_up(site, kept, datetime.now(UTC))
    wrong = replace(site, drill_database=f"{site.owner_url} {site.database_url}")
    with pytest.raises(BrokenPromise, match="database of the site itself"):
        drill(wrong, identity, datetime.now(UTC))


@pytest.mark.urs("URS-BAK-020")
def test_the_command_line_makes_a_drill(
    tmp_path: Path, kept: Path, identity: Path, batchwright: Callable[..., Result]
) -> None:
    site = test_backup.made_site(test_backup.on_sqlite(tmp_path))
    slip = batchwright("drill", "--identity", tmp_path / "backup.kez", home=site.home)
    assert (slip.exit_code, "backup.drill_failed" in actions(site)) == (1, False)
    assert batchwright("drill", "--identity", identity, home=site.home).exit_code == 1
    assert "backup.drill_failed" in actions(site)
    words = ("backup", "--to", kept, "--recipient", RECIPIENT)
    assert batchwright(*words, home=site.home).exit_code == 0
    done = batchwright("drill", "--identity", identity, home=site.home)
    assert done.exit_code == 0, done.output
    assert "was restored and verified" in done.stdout
    assert "/backups/drills/2" in done.stdout
