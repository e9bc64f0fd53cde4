"""Power cuts under SQLite at random writes (F2): with synchronous=FULL nothing acknowledged is
lost and the file is whole; the control with NORMAL loses steps that were acknowledged."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from core import db
from core.errors import BrokenPromise
from tests.support import faultplant, faultreport
from tests.support.faultcheck import Findings
from tests.support.faultdisk import Happened, Recorder, cuts
from tests.support.records import RecordPlant
from tests.support.templates import Templates

FORK = multiprocessing.get_context("fork")
STEPS = 25
CUTS, NIGHTLY_CUTS, VERIFIED = 120, 2000, 6
SEED = 20260302
pytestmark = pytest.mark.sqlite("cuts the power under SQLite's own access to its files")
Recorded = tuple[list[Happened], dict[str, bytes]]


def work(folder: Path, synchronous: str) -> None:
    """The process whose disk is watched: completes steps and tells each after its commit."""
    db.SQLITE_PRAGMAS["synchronous"] = synchronous
    recorder = Recorder()
    plant = RecordPlant(f"sqlite:///{folder / 'site.db'}", folder)
    for _ in range(STEPS):
        recorder.acknowledge(faultplant.perform_next(plant))
    events = [event for event in recorder.events if event.kind == "told" or _of_site(event.name)]
    (folder / "events").write_bytes(pickle.dumps(events))


def _of_site(name: str) -> bool:
    return name in ("site.db", "site.db-wal")


def recorded(folder: Path, templates: Templates, synchronous: str) -> Recorded:
    """Everything that happened on the disk, and the files as they stood before."""
    url = f"sqlite:///{folder / 'site.db'}"
    templates.fill(url, faultplant.build)
    before = {"site.db": (folder / "site.db").read_bytes()}
    process = FORK.Process(target=work, args=(folder, synchronous))
    process.start()
    process.join()
    assert process.exitcode == 0
    events: list[Happened] = pickle.loads((folder / "events").read_bytes())  # noqa: S301 -- ours
    return events, before


def written(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / "site.db"


def lost_and_damaged(path: Path, told: list[str]) -> Findings:
    """The quick questions to a file after a cut, once SQLite has recovered it."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            whole = connection.execute("PRAGMA integrity_check").fetchone()[0]
            rows = connection.execute("SELECT path FROM step WHERE state = 'complete'").fetchall()
    except sqlite3.DatabaseError as error:
        return Findings(broken=[str(error)])
    lost = sorted(set(told) - {path for (path,) in rows})
    return Findings(lost=lost, broken=[] if whole == "ok" else [whole])


def verified(path: Path, told: list[str]) -> Findings:
    """All questions: torn steps, chains, signatures."""
    plant = RecordPlant(f"sqlite:///{path}", path.parent)
    try:
        return faultplant.check(plant, told)
    finally:
        plant.historian.close()
        plant.close()


def through_cuts(recording: Recorded, folder: Path, count: int) -> Findings:
    """What `count` power cuts at random moments of the recording leave behind."""
    chance = random.Random(SEED)
    events, before = recording
    found = Findings()
    for number, (files, told) in enumerate(cuts(events, before, count, chance)):
        path = written(files, folder / f"cut-{number}")
        each = lost_and_damaged(path, told)
        if not each.any and number % (count // VERIFIED) == 0:
            each = verified(path, told)
        if each.lost:
            found.lost.append(f"{len(each.lost)} steps in cut {number}")
        found.doubled += each.doubled
        found.broken += each.broken
    return found


@pytest.mark.urs("URS-REC-020", "URS-AUD-080")
@pytest.mark.timeout(300)
def test_no_power_cut_loses_what_was_acknowledged(templates: Templates, tmp_path: Path) -> None:
    recording = recorded(tmp_path, templates, "FULL")
    told = [event for event in recording[0] if event.kind == "told"]
    found = through_cuts(recording, tmp_path, CUTS)
    faultreport.tell("power", found, runs=CUTS, note=f"{len(told)} signed steps, {SEED=}")
    assert len(told) == STEPS
    assert not found.any, found


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_no_power_cut_of_many_loses_what_was_acknowledged(
    templates: Templates, tmp_path: Path
) -> None:
    found = through_cuts(recorded(tmp_path, templates, "FULL"), tmp_path, NIGHTLY_CUTS)
    faultreport.tell("power", found, runs=NIGHTLY_CUTS)
    assert not found.any, found


@pytest.mark.timeout(300)
def test_with_fewer_syncs_the_same_cuts_lose_acknowledged_steps(
    templates: Templates, tmp_path: Path
) -> None:
    found = through_cuts(recorded(tmp_path, templates, "NORMAL"), tmp_path, CUTS)
    caught = f"acknowledged steps lost in {len(found.lost)} of {CUTS} cuts"
    faultreport.tell_control("power", "synchronous=NORMAL", caught)
    assert found.lost


def test_a_database_with_fewer_syncs_is_refused_at_the_start(
    templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(db.SQLITE_PRAGMAS, "synchronous", "NORMAL")
    database = db.Database(f"sqlite:///{tmp_path / 'site.db'}")
    with pytest.raises(BrokenPromise, match="synchronous is 1, must be 2"):
        database.check_promises()
    database.close()
