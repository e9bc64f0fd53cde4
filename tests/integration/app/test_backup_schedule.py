"""Backups and drills by themselves: at their time, beside the worker, with what follows from a
failure (URS-BAK-010, URS-BAK-020, URS-BAK-030)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.backup import keeping, making, plan, scheduled
from app.backup.beside import Beside
from app.backup.plan import Scheduled
from app.bootstrap import compose
from app.worker import SiteWorker
from audit import backups, drills, restored
from audit.backupmodels import BackupRun
from audit.restored import Ahead
from core import jobs
from core.clock import HeldClock
from core.errors import BrokenPromise
from core.house import House
from core.settings import Settings
from quality import queries
from tests.integration.app import test_backup
from tests.integration.app.test_backup import ESCROW, RECIPIENT, SECRET, actions

settings, kept = test_backup.settings, test_backup.kept
BEGIN = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Running:
    """A site whose clock the test moves, and what works beside its worker."""

    house: House
    settings: Settings
    clock: HeldClock
    kept: Path

    def go_on(self, by: timedelta = timedelta(0)) -> int:
        """Let time pass; another process would look at the schedule first, too."""
        self.clock.move(by)
        return Beside(self.house, self.settings, owner="test").round()

    def standing(self) -> backups.Standing:
        with self.house.reading() as session:
            return backups.standing(session)

    def drilled(self) -> drills.Standing:
        with self.house.reading() as session:
            return drills.standing(session)

    def runs(self) -> list[BackupRun]:
        with self.house.reading() as session:
            return list(backups.runs(session, most=100))

    def files(self) -> list[str]:
        return sorted(path.name for path in self.kept.iterdir())

    def incidents(self) -> list[str]:
        with self.house.reading() as session:
            return [each.title for each in queries.deviations(session)]


@pytest.fixture
def running(sqlite_site: Settings, kept: Path) -> Iterator[Running]:
    planned = replace(
        sqlite_site,
        backup_folder=str(kept),
        backup_recipients=f"{RECIPIENT} {ESCROW}",
        backup_plan="every=24h locked=2d daily=2 weekly=1 monthly=1 drill=30d",
    )
    clock = HeldClock(BEGIN)
    made = Running(compose(planned, clock=clock), planned, clock, kept)
    yield made
    made.house.database.close()


sqlite_site = test_backup.sqlite_site


@pytest.mark.urs("URS-BAK-010")
def test_a_backup_is_made_at_once_and_then_once_each_interval(running: Running) -> None:
    assert running.go_on() == 1
    [first] = running.runs()
    assert (first.scheduled, first.ok, first.private_keys) == (True, True, True)
    assert first.due_by == BEGIN + DAY * 3 / 2
    assert running.files() == [first.file]
    assert running.go_on(DAY / 2) == 0, "it is not its time yet"
    assert running.go_on(DAY / 2) == 1
    assert [run.at - BEGIN for run in running.runs()] == [DAY, DAY * 0]
    assert actions(running.settings).count("backup.made") == 2
    assert not running.standing().overdue


@pytest.mark.urs("URS-BAK-010")
def test_a_job_that_comes_early_makes_no_second_backup(running: Running) -> None:
    running.go_on()
    with running.house.transaction() as session:
        scheduled._ask(session, scheduled.BACKUP_JOB, BEGIN - DAY)
    assert running.go_on() == 1, "the job was done, and found nothing to do"
    assert len(running.runs()) == 1


@pytest.mark.urs("URS-BAK-010")
def test_a_failing_store_is_an_incident_at_once_and_tried_again_soon(running: Running) -> None:
    running.go_on()
    running.kept.rename(running.kept.with_name("gone"))
    running.go_on(DAY)
    assert running.standing().failing
    [incident] = running.incidents()
    assert "the folder for backups" in incident
    assert running.go_on(scheduled.RETRY / 2) == 0
    assert running.go_on(scheduled.RETRY / 2) == 1
    assert [run.ok for run in running.runs()] == [False, False, True]
    assert len(running.incidents()) == 1, "one incident stands for the failures"
    running.kept.with_name("gone").rename(running.kept)
    running.go_on(scheduled.RETRY)
    assert not running.standing().failing
    assert [run.ok for run in running.runs()] == [True, False, False, True]


@pytest.mark.urs("URS-BAK-010", "URS-BAK-040")
def test_a_restored_site_backs_up_again_within_the_hour_after_it_was_signed_for(
    running: Running,
) -> None:
    running.go_on()
    ahead = Ahead(
        source="log witness qa", origin="batchwright/somewhere", size=999, note=None, problem="gone"
    )
    with running.house.transaction() as session:
        restored.remember(session, ahead)
    assert running.go_on(DAY) == 0
    running.clock.move(DAY)
    claimed = _claim(running)
    scheduled._back_up(running.house, _planned(running))
    assert len(running.runs()) == 1, "a site that only reads keeps no new facts"
    with running.house.transaction() as session:
        restored.forget(session)
        jobs.finish(session, claimed)
    running.go_on(timedelta(hours=1))
    assert len(running.runs()) == 2


@pytest.mark.urs("URS-BAK-010")
def test_a_backup_whose_worker_was_killed_is_made_by_the_next_one(running: Running) -> None:
    scheduled.schedule(running.house)
    killed = _claim(running)
    half = running.kept / "batchwright-werk-at-20261102T050000000000Z.batchwright.age.part"
    half.write_bytes(b"age-encryption.org/v1")
    assert running.go_on() == 0, "its lease has not ended"
    assert running.go_on(jobs.LEASE + timedelta(seconds=1)) == 1
    [made] = running.runs()
    assert running.files() == [made.file], "what the killed one left is gone"
    with pytest.raises(jobs.LeaseLost), running.house.transaction() as session:
        jobs.finish(session, killed)


def _planned(running: Running) -> Scheduled:
    planned = Scheduled.of(running.settings)
    assert planned is not None
    return planned


def _claim(running: Running) -> jobs.Claim:
    with running.house.transaction() as session:
        [claimed] = jobs.claim(session, owner="before", kinds=[scheduled.BACKUP_JOB])
        return claimed


@pytest.mark.urs("URS-BAK-010")
def test_a_worker_that_does_not_run_leaves_the_backup_overdue(running: Running) -> None:
    assert not running.standing().overdue, "nothing is planned before the first one"
    running.go_on()
    running.clock.move(DAY * 3 / 2)
    assert not running.standing().overdue
    running.clock.move(timedelta(seconds=1))
    assert running.standing().overdue


@pytest.mark.urs("URS-BAK-030")
def test_files_stay_as_planned_and_what_goes_is_named_in_the_trail(running: Running) -> None:
    running.go_on()
    running.go_on(DAY)
    stranger = running.kept / "of-somebody-else.batchwright.age"
    stranger.touch()
    _oldest, second = [str(run.file) for run in reversed(running.runs())]
    assert len(running.files()) == 3, "neither is two days old"
    running.go_on(DAY)
    third = str(running.runs()[0].file)
    assert running.files() == sorted([second, third, stranger.name])
    assert actions(running.settings)[-1] == "backup.files_removed"


@pytest.mark.urs("URS-BAK-030")
def test_a_file_that_cannot_be_removed_is_tried_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.go_on()
    running.go_on(DAY)

    def denied(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    planned = Scheduled.of(replace(running.settings, backup_plan="locked=1h daily=1"))
    assert planned is not None
    with monkeypatch.context() as kept_by_its_store:
        kept_by_its_store.setattr(Path, "unlink", denied)
        now = running.clock.now() + 40 * DAY
        names = keeping.remove_old(running.house, planned, by=scheduled.BY, now=now)
    assert names
    assert set(names) < set(running.files())
    again = keeping.remove_old(running.house, planned, by=scheduled.BY, now=now)
    assert again == names
    assert not set(names) & set(running.files())


@pytest.mark.urs("URS-BAK-020")
def test_the_worker_drills_where_it_holds_the_key_and_a_missing_drill_is_flagged(
    running: Running, tmp_path: Path
) -> None:
    running.go_on()
    assert running.drilled().due_by == BEGIN + 30 * DAY
    running.clock.move(30 * DAY)
    assert not running.drilled().missing
    running.clock.move(timedelta(seconds=1))
    assert running.drilled().missing
    key = tmp_path / "backup.key"
    key.write_text(SECRET)
    held = replace(running.settings, drill_identity=str(key))
    running.house.services["settings"] = running.settings = held
    running.go_on()
    standing = running.drilled()
    assert (standing.missing, standing.failing) == (False, False)
    assert standing.last is not None
    assert standing.last.scheduled
    assert standing.last.figures["recovery_point_s"] == 0
    running.go_on(14 * DAY)
    assert numbered(running) == 1, "the next drill comes by half its time"
    running.go_on(DAY)
    assert numbered(running) == 2


def numbered(running: Running) -> int:
    last = running.drilled().last
    return 0 if last is None else last.ordinal


@pytest.mark.urs("URS-BAK-020")
def test_a_drill_that_fails_by_itself_is_told_and_tried_the_next_day(
    running: Running, tmp_path: Path
) -> None:
    held = replace(running.settings, drill_identity=str(tmp_path / "none.key"))
    running.house.services["settings"] = running.settings = held
    running.go_on()
    running.go_on(scheduled.RETRY)
    assert running.drilled().failing
    assert any("A restore drill failed" in title for title in running.incidents())
    (tmp_path / "none.key").write_text(SECRET)
    running.go_on(DAY)
    assert not running.drilled().failing


def test_without_a_folder_nothing_is_scheduled_and_nothing_is_missing(
    running: Running,
) -> None:
    bare = replace(running.settings, backup_folder="")
    running.house.services["settings"] = bare
    assert not Beside(running.house, bare, owner="test").is_needed
    assert not scheduled.schedule(running.house)
    assert running.go_on(400 * DAY) == 0
    assert not running.standing().overdue
    assert not running.drilled().missing


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"backup_recipients": ""}, "one or two keys"),
        ({"backup_recipients": f"{RECIPIENT} {ESCROW} {ESCROW}"}, "one or two keys"),
        ({"backup_folder": "here"}, "no whole path"),
        ({"backup_plan": "every=often"}, "plan of the backups cannot be read"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    running: Running, wrong: dict[str, str], told: str
) -> None:
    with pytest.raises(BrokenPromise, match=told):
        Scheduled.of(replace(running.settings, **wrong))  # type: ignore[arg-type]  # all of them text


def test_two_addresses_name_the_database_for_drills(running: Running) -> None:
    assert plan.server_of(running.settings) is None
    with pytest.raises(BrokenPromise, match="two addresses"):
        plan.server_of(replace(running.settings, drill_database="postgresql://one"))


@pytest.mark.urs("URS-BAK-010")
def test_the_worker_backs_up_beside_its_work(sqlite_site: Settings, kept: Path) -> None:
    planned = replace(sqlite_site, backup_folder=str(kept), backup_recipients=RECIPIENT)
    house, stop = compose(planned), threading.Event()
    worker = SiteWorker(house, owner="test")
    working = threading.Thread(target=worker.run, args=(stop,))
    working.start()
    try:
        for _ in range(300):
            if list(kept.glob(f"*{making.SUFFIX}")):
                break
            stop.wait(0.1)
    finally:
        stop.set()
        working.join()
    assert len(list(kept.glob(f"*{making.SUFFIX}"))) == 1
    with house.reading() as session:
        assert backups.standing(session).good is not None
    house.database.close()
