"""An upgrade of the schema is an act of the trail and changes no record (URS-REC-100)."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from app import schema, wholesite
from app.bootstrap import opened
from audit import trail
from audit.streams import SITE
from core.db import Database
from core.errors import BrokenPromise
from core.settings import Settings
from tests.integration.app.conftest import Command
from tests.support import keptsites

FIRST = "12e01e15febd"
SITES = Path(__file__).parents[2] / "fixtures" / "sites"

pytestmark = pytest.mark.sqlite("kept sites are files")


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """A site as the first schema left it."""
    return keptsites.unpack(SITES / "0.1.0-first-schema.zip", tmp_path / "site").settings


def upgrades(settings: Settings) -> list[dict[str, Any]]:
    """What the trail says of upgrades."""
    with opened(settings) as house, house.reading() as session:
        told = [entry.data for entry in trail.entries(session, SITE)]
    return [entry for entry in told if entry["action"] == "schema.upgraded"]


def everything(settings: Settings) -> list[str]:
    """Every statement that would make the file again."""
    database = Database(settings.database_url)
    with database.reader.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        found = list(raw.iterdump())
    database.close()
    return found


@pytest.mark.urs("URS-AUD-010", "URS-REC-100")
def test_an_upgrade_tells_what_it_found_and_kept(batchwright: Command, old: Settings) -> None:
    assert batchwright("migrate", home=old.home).exit_code == 0
    (told,) = upgrades(old)
    assert told["facts"]["from"] == FIRST
    assert told["facts"]["rows"]["step"] > 0
    assert told["facts"]["rows"].keys() == told["facts"]["digests"].keys()
    account = pwd.getpwuid(os.geteuid()).pw_name
    assert told["actor"]["terminal"] == f"the command line, account {account}"
    with opened(old) as house, house.reading() as session:
        assert wholesite.verify(house, session).ok


@pytest.mark.urs("URS-REC-100")
def test_a_second_upgrade_does_and_tells_nothing(batchwright: Command, old: Settings) -> None:
    assert batchwright("migrate", home=old.home).exit_code == 0
    before = everything(old)
    assert batchwright("migrate", home=old.home).exit_code == 0
    assert everything(old) == before


@pytest.mark.urs("URS-AUD-050")
def test_a_trigger_that_was_missing_is_told_when_it_is_made_again(
    batchwright: Command, old: Settings
) -> None:
    batchwright("migrate", home=old.home)
    database = Database(old.owner_url)
    with database.writer.begin() as connection:
        connection.execute(text("DROP TRIGGER keep_entry_update"))
    database.close()
    batchwright("migrate", home=old.home)
    last = upgrades(old)[-1]["facts"]
    assert last["triggers"] == ["keep_entry_update"]
    assert last["from"] == last["to"]


def change_a_record(connection: Connection) -> None:
    connection.execute(text("DROP TRIGGER keep_signature_update"))
    connection.execute(text("UPDATE signature SET printed_name = 'Somebody Else'"))


def lose_the_rows(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE undertaking RENAME TO gone"))
    connection.execute(text("CREATE TABLE undertaking AS SELECT * FROM gone WHERE 0"))


def fail_half_way(connection: Connection) -> None:
    connection.execute(text("DROP TABLE line_lease"))
    raise OSError("the disk is full")


@pytest.mark.urs("URS-REC-100")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (change_a_record, "would change records: signature"),
        (lose_the_rows, "would change records: undertaking"),
        (fail_half_way, "the disk is full"),
    ],
)
def test_an_upgrade_that_changes_a_record_or_fails_is_undone_whole(
    old: Settings, monkeypatch: pytest.MonkeyPatch, fault: Any, said: str
) -> None:
    before, plain = everything(old), command.upgrade

    def faulty(settings: Any, revision: str) -> None:
        plain(settings, revision)
        fault(settings.attributes["connection"])

    monkeypatch.setattr(command, "upgrade", faulty)
    with pytest.raises((BrokenPromise, OSError), match=said):
        schema.upgrade_site(old)
    assert everything(old) == before
