"""Backups: whole, encrypted, taken while people work, and restored only where nothing stands."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.engine import make_url

from app import making as sitemaking
from app.backup import age, archive, making, restoring, snapshot
from app.backup.making import Made, Order
from app.backup.restoring import PlaceTaken, Server
from app.bootstrap import opened
from audit import trail
from audit.models import Entry
from audit.sequencer import sequence_pending
from audit.streams import SITE
from core.actors import Actor
from core.errors import BrokenPromise
from core.settings import Settings
from core.sites import SiteMode
from tests.support.postgres import APP, PostgresServer

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
BY = Actor.service("backup", trigger="a test")
SECRET, RECIPIENT = age.new_identity()
ESCROW_SECRET, ESCROW = age.new_identity()
KEY, ESCROW_KEY = age.identity_key(SECRET), age.identity_key(ESCROW_SECRET)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: PostgresServer
) -> Settings:
    """A new site with a log and an attachment."""
    if request.param == "sqlite":
        return made_site(on_sqlite(tmp_path))
    name = postgres_server.create_database()
    own, app = postgres_server.url(name), postgres_server.url(name, role=APP)
    return made_site(Settings(home=tmp_path / "site", database_url=app, owner_url=own))


@pytest.fixture
def sqlite_site(tmp_path: Path) -> Settings:
    return made_site(on_sqlite(tmp_path))


def on_sqlite(folder: Path) -> Settings:
    url = f"sqlite:///{folder / 'site' / 'site.db'}"
    return Settings(home=folder / "site", database_url=url, owner_url=url)


def made_site(found: Settings) -> Settings:
    home = found.home
    sitemaking.make_site(found, name="Werk", mode=SiteMode.DEMONSTRATION, zone="Europe/Berlin")
    (home / "attachments" / "ab").mkdir(parents=True, exist_ok=True)
    (home / "attachments" / "ab" / "abcd").write_bytes(b"a photo")
    act(found)
    return found


def act(settings: Settings, count: int = 1) -> None:
    with opened(settings) as house:
        for number in range(count):
            with (
                house.transaction() as session,
                trail.act(session, "test.done", stream=SITE, by=BY, facts={"number": number}),
            ):
                pass
        sequence_pending(house, house.services["site_keys"])


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def back_up(settings: Settings, folder: Path, escrow: str | None = ESCROW) -> Made:
    order = Order(folder=folder, recipient=RECIPIENT, escrow=escrow)
    with opened(settings) as house:
        return making.back_up(house, settings, order, by=BY, now=NOW)


def empty_database(settings: Settings, server: PostgresServer) -> Server | None:
    if settings.owner_url.startswith("sqlite"):
        return None
    name = server.create_database()
    return Server(owner_url=server.url(name), url=server.url(name, role=APP))


def actions(settings: Settings) -> list[str]:
    with opened(settings) as house, house.reading() as session:
        return list(
            session.scalars(select(Entry.action).where(Entry.rec == str(SITE)).order_by(Entry.rseq))
        )


@pytest.mark.urs("URS-BAK-010", "URS-BAK-020", "URS-BAK-030")
def test_a_restored_site_verifies_and_goes_on(
    settings: Settings, kept: Path, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    made = back_up(settings, kept)
    assert made.sha256 == hashlib.sha256(made.file.read_bytes()).hexdigest()
    assert actions(settings)[-1] == "backup.made"
    database = empty_database(settings, postgres_server)
    home = tmp_path / "restored"
    done = restoring.restore(made.file, home, KEY, escrow=ESCROW_KEY, database=database)
    assert done.report.ok
    assert done.report.entries == made.manifest.rows["entry"] > 0
    assert (home / "attachments" / "ab" / "abcd").read_bytes() == b"a photo"
    for path in settings.keys.iterdir():
        assert (home / "keys" / path.name).read_bytes() == path.read_bytes()
    file = f"sqlite:///{home / 'site.db'}"
    there = database or Server(owner_url=file, url=file)
    act(Settings(home=home, database_url=there.url, owner_url=there.owner_url))


@pytest.mark.urs("URS-BAK-030", "URS-SEC-040")
def test_who_keeps_backups_gets_no_private_key(
    settings: Settings, kept: Path, tmp_path: Path
) -> None:
    made = back_up(settings, kept)
    with made.file.open("rb") as file:
        archive.unpack(file, KEY, tmp_path / "open")
    seal = (settings.keys / "seal.pem").read_bytes().partition(b"-----BEGIN CERTIFICATE-----")[0]
    secrets = [seal, (settings.keys / "pepper").read_bytes()]
    secrets += [(settings.keys / name).read_bytes()[-65:-1] for name in ("log.key", "export.key")]
    for path in (*(tmp_path / "open").rglob("*"), made.file):
        found = path.read_bytes() if path.is_file() else b""
        assert not any(secret in found for secret in secrets), path
    with (tmp_path / "open" / making.ESCROW).open("rb") as file, pytest.raises(age.CannotOpen):
        age.Reader(file, KEY)


@pytest.mark.urs("URS-BAK-030")
def test_a_wrong_key_and_a_changed_file_leave_nothing(
    settings: Settings, kept: Path, tmp_path: Path
) -> None:
    made, home = back_up(settings, kept), tmp_path / "restored"
    changed = kept / "changed"
    data = bytearray(made.file.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    short = kept / "short"
    short.write_bytes(made.file.read_bytes()[:-1])
    for file, key in ((made.file, ESCROW_KEY), (changed, KEY), (short, KEY)):
        with pytest.raises(age.CannotOpen):
            restoring.restore(file, home, key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "site"]


@pytest.mark.urs("URS-BAK-040")
def test_a_restore_never_goes_over_a_site(settings: Settings, kept: Path) -> None:
    made = back_up(settings, kept)
    with pytest.raises(PlaceTaken, match="there already"):
        restoring.restore(made.file, settings.home, KEY)
    if not settings.owner_url.startswith("sqlite"):
        taken = Server(owner_url=settings.owner_url, url=settings.database_url)
        with pytest.raises(PlaceTaken, match="not empty"):
            restoring.restore(made.file, kept / "new", KEY, database=taken)


@pytest.mark.urs("URS-BAK-010")
def test_a_backup_while_people_work_is_one_moment(
    settings: Settings, kept: Path, tmp_path: Path, postgres_server: PostgresServer
) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            act(settings, 5)

    working = threading.Thread(target=work)
    working.start()
    try:
        made = back_up(settings, kept)
    finally:
        stop.set()
        working.join()
    database = empty_database(settings, postgres_server)
    assert restoring.restore(made.file, tmp_path / "restored", KEY, database=database).report.ok


@pytest.mark.urs("URS-BAK-010")
def test_a_failed_backup_is_an_entry_and_leaves_no_file(
    settings: Settings, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: age._Kept, data: bytes) -> int:
        self.failure = OSError(28, "No space left on device")
        raise self.failure

    monkeypatch.setattr(age._Kept, "write", full)
    with pytest.raises(BrokenPromise, match="No space left"):
        back_up(settings, kept)
    assert list(kept.iterdir()) == []
    assert actions(settings)[-1] == "backup.failed"


@pytest.mark.urs("URS-BAK-030")
def test_a_backup_cannot_be_written_and_is_never_replaced(settings: Settings, kept: Path) -> None:
    made = back_up(settings, kept)
    assert made.file.stat().st_mode & 0o777 == 0o400
    with pytest.raises(BrokenPromise, match="File exists"):
        back_up(settings, kept)
    assert hashlib.sha256(made.file.read_bytes()).hexdigest() == made.sha256


def test_orders_that_cannot_be_carried_out_are_told(settings: Settings, kept: Path) -> None:
    for order, problem in (
        (Order(folder=kept / "no", recipient=RECIPIENT), "is not there"),
        (Order(folder=kept, recipient="age1no"), "no age key"),
        (Order(folder=kept, recipient=RECIPIENT, escrow=RECIPIENT), "another key"),
    ):
        with pytest.raises(BrokenPromise, match=problem), opened(settings) as house:
            making.back_up(house, settings, order, by=BY, now=NOW)
    assert list(kept.iterdir()) == []


def test_a_missing_program_of_the_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BrokenPromise, match="pg_dump is not installed"):
        snapshot.run(make_url("postgresql://nobody@/none"), "pg_dump")


@pytest.mark.urs("URS-BAK-020")
def test_a_site_that_was_changed_behind_the_application_is_not_restored(
    sqlite_site: Settings, kept: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(sqlite_site.home / "site.db")) as link, link:
        link.execute("UPDATE stream_head SET rseq = rseq + 7")
    made = back_up(sqlite_site, kept)
    with pytest.raises(BrokenPromise, match="does not verify"):
        restoring.restore(made.file, tmp_path / "restored", KEY)
    assert not (tmp_path / "restored").exists()


KILLED = """
import os, signal, sys
from app.backup.archive import Packing
from app.cli import main
Packing.finish = lambda self, manifest: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


@pytest.mark.urs("URS-BAK-010")
def test_a_killed_backup_leaves_nothing_that_looks_whole_and_the_next_one_clears_up(
    sqlite_site: Settings, kept: Path
) -> None:
    words = ["--home", sqlite_site.home, "backup", "--to", kept, "--recipient", RECIPIENT]
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, words)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [path.suffix for path in kept.iterdir()] == [making.PART]
    assert list((sqlite_site.home / making.SCRATCH).glob("*/site.db"))
    made = back_up(sqlite_site, kept)
    assert list(kept.iterdir()) == [made.file]
    assert not list((sqlite_site.home / making.SCRATCH).glob("*/site.db"))


KILLED_RESTORE = """
import os, signal, sys
from app.backup import restoring
from app.cli import main
restoring._verified = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


@pytest.mark.urs("URS-BAK-020")
def test_a_killed_restore_leaves_no_site_and_the_next_one_clears_up(
    sqlite_site: Settings, kept: Path, tmp_path: Path
) -> None:
    made, key, new = back_up(sqlite_site, kept), tmp_path / "key", tmp_path / "new"
    key.write_text(SECRET)
    words = ["restore", made.file, "--to", new, "--identity", key]
    done = subprocess.run([sys.executable, "-c", KILLED_RESTORE, *map(str, words)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not new.exists()
    half = new.with_name(new.name + restoring.UNFINISHED)
    assert (half / "site.db").exists()
    assert restoring.restore(made.file, new, KEY).report.ok
    assert not half.exists()


@pytest.mark.urs("URS-BAK-010")
def test_a_disk_that_is_full_leaves_no_file_and_says_so(
    sqlite_site: Settings, kept: Path, tmp_path: Path
) -> None:
    """The kernel itself refuses to make the file longer, in the middle of the backup."""
    words = ["--home", sqlite_site.home, "backup", "--to", kept, "--recipient", RECIPIENT]
    full = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    full += "from app.backup import archive; finish = archive.Packing.add_bytes; "
    full += "archive.Packing.add_bytes = lambda *a: ("
    full += "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, -1)), finish(*a)); "
    full += "from app.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", full, *map(str, words)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "the backup cannot be written: File too large" in done.stdout + done.stderr
    assert list(kept.iterdir()) == []
    assert back_up(sqlite_site, kept).file.exists()


@pytest.mark.urs("URS-BAK-010", "URS-BAK-020")
def test_the_command_line_makes_keys_backs_up_and_restores(
    sqlite_site: Settings, kept: Path, tmp_path: Path, batchwright: Callable[..., Result]
) -> None:
    key, escrow = tmp_path / "backup.key", tmp_path / "escrow.key"
    recipients = [batchwright("backup-key", file).stdout.strip() for file in (key, escrow)]
    assert key.stat().st_mode & 0o777 == 0o600
    assert batchwright("backup-key", key).exit_code == 1
    words = ("backup", "--to", kept, "--recipient", recipients[0], "--escrow", recipients[1])
    assert batchwright(*words, home=sqlite_site.home).exit_code == 0
    [file] = kept.iterdir()
    new = tmp_path / "new"
    asked = ("restore", file, "--to", new, "--identity", key, "--escrow-identity")
    wrong = batchwright(*asked, key)
    assert (wrong.exit_code, new.exists()) == (1, False)
    done = batchwright(*asked, escrow)
    assert done.exit_code == 0, done.output
    assert batchwright("verify", home=new).exit_code == 0
    assert batchwright(*asked, escrow).exit_code == 3
