"""The restore drill: the newest backup restored beside the site, looked at, and thrown away.

What it shows (URS-BAK-020): the file is the one that was made, every member has its digest, every
table its rows; chains, log, signatures and rows verify with the keys in the backup, its log is the
beginning of the log of today; one run done again from its journal gives the same state. Recovery
point and recovery time are measured.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app import rehearsing
from app.backup import age, recording, restoring, scratchdb
from app.backup.making import alone
from app.backup.plan import Scheduled, identity_of, server_of
from app.backup.restoring import Restoration, Server
from app.backup.snapshot import SQLITE_NAME
from audit import backups, log
from audit.backupmodels import BackupRun, RestoreDrill
from audit.verifier import CheckpointNote
from core.actors import Actor
from core.errors import BatchwrightError, BrokenPromise
from core.house import House
from core.settings import Settings

SCRATCH = "drill-scratch"
NONE = "no backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a drill counted and measured; sizes in bytes, times in whole seconds."""

    taken_at: str
    software: str
    bytes: int
    files: int
    tables: int
    rows: int
    entries: int
    signatures: int
    log_size: int
    entries_behind: int
    """Entries of the log that came after the backup: what a loss of the site would have cost."""
    recovery_point_s: int
    """Age of the backup when the drill began."""
    recovery_time_s: int
    """From the encrypted file to a verified site, rounded up."""
    rehearsed: str
    """The record whose run was done again; empty where the backup holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The file to be restored, and the digest that the trail says it has."""

    path: Path
    sha256: str
    taken_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """A drill that ended well."""

    ordinal: int
    file: str
    figures: Figures


def drill(
    house: House,
    settings: Settings,
    identity: Path,
    *,
    by: Actor,
    now: datetime,
    scheduled: bool,
) -> Drilled:
    """Restore the newest backup into a scratch folder and look at it; its row and entry are kept.

    `identity` is the file with the key that opens backups; `now` is real time (UTC). A failure is
    kept, opens an incident and is raised again: CannotOpen, BrokenPromise. `Restored` at a restored
    site that nobody has signed for yet.
    """
    recording.require_in_order(house)
    kept = RestoreDrill(at=now, scheduled=scheduled, ok=False, file=NONE, figures={})
    try:
        chosen = newest(house)
        kept.file = chosen.path.name
        with _scratch(settings) as folder:
            figures = _drilled(house, settings, chosen, identity_of(identity), folder, now)
    except (BatchwrightError, OSError) as problem:
        kept.problem = str(problem)
        recording.keep_drill(house, kept, None, by=by)
        if isinstance(problem, OSError):
            raise BrokenPromise(f"the drill could not be made: {problem.strerror}") from None
        raise
    kept.ok, kept.sha256, kept.figures = True, chosen.sha256, asdict(figures)
    planned = Scheduled.of(settings)
    plan = None if planned is None else planned.plan
    ordinal = recording.keep_drill(house, kept, plan, by=by)
    return Drilled(ordinal=ordinal, file=chosen.path.name, figures=figures)


def newest(house: House) -> Chosen:
    """The newest backup that this site made; BrokenPromise when there is none.

    No older one is taken instead: that the newest can be restored is what a drill is to show.
    """
    with house.reading() as session:
        standing = backups.standing(session)
        run = standing.good
        if run is None:
            raise BrokenPromise("no backup of this site was made yet: there is nothing to restore")
        return _chosen(run)


def _chosen(run: BackupRun) -> Chosen:
    return Chosen(path=Path(run.folder) / str(run.file), sha256=str(run.sha256), taken_at=run.at)


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """A folder in the site's home, where the same data lie anyway; it never outlives the drill."""
    place = settings.home / SCRATCH
    with alone(settings, "drill"):
        shutil.rmtree(place, ignore_errors=True)  # of a drill that was killed
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _drilled(
    house: House,
    settings: Settings,
    chosen: Chosen,
    identity: age.Identity,
    folder: Path,
    now: datetime,
) -> Figures:
    began = time.monotonic()
    _require_unchanged(chosen)
    with scratchdb.emptied(server_of(settings)) as server:
        done = restoring.restore(chosen.path, folder / "site", identity, database=server)
        took = time.monotonic() - began
        size = _require_same_log(house, done)
        rehearsed = _rehearsed(settings, done.folder, server)
    return _figures(chosen, done, size, rehearsed, now, took)


def _require_unchanged(chosen: Chosen) -> None:
    if not chosen.path.is_file():
        raise BrokenPromise(f"the newest backup {chosen.path} is not there")
    with chosen.path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != chosen.sha256:
        raise BrokenPromise(
            f"{chosen.path.name} is not the file that was made: its digest is {found},"
            f" the trail says {chosen.sha256}"
        )


def _require_same_log(house: House, done: Restoration) -> int:
    """The log of the backup is the beginning of the log of today, whose size is answered."""
    with house.reading() as session:
        size = log.size_of(session)
        if done.manifest.checkpoint is not None:
            note = CheckpointNote(done.manifest.checkpoint)
            read = log.StoredTree(session).read
            if note.size > size or log.root(read, note.size) != note.root:
                raise BrokenPromise(
                    "the log of the backup is not the beginning of that of the site"
                )
    return size


def _rehearsed(settings: Settings, folder: Path, server: Server | None) -> str:
    """Do the newest run of the restored site again from its journal; answers its record."""
    file = f"sqlite:///{folder / SQLITE_NAME}"
    there = server or Server(owner_url=file, url=file)
    restored = replace(settings, home=folder, database_url=there.url, owner_url=there.owner_url)
    record, differences = rehearsing.rehearse_newest(restored)
    if differences:
        raise BrokenPromise(f"{record}, done again from its journal, differs: {differences[0]}")
    return record


def _figures(
    chosen: Chosen, done: Restoration, size: int, rehearsed: str, now: datetime, took: float
) -> Figures:
    manifest = done.manifest
    return Figures(
        taken_at=manifest.taken_at,
        software=manifest.software,
        bytes=chosen.path.stat().st_size,
        files=len(manifest.files),
        tables=len(manifest.rows),
        rows=sum(manifest.rows.values()),
        entries=done.report.entries,
        signatures=done.report.signatures,
        log_size=manifest.log_size,
        entries_behind=size - manifest.log_size,
        recovery_point_s=int(recording.since(chosen.taken_at, now).total_seconds()),
        recovery_time_s=int(took) + 1,
        rehearsed=rehearsed,
    )


def lines(done: Drilled) -> Iterator[str]:
    """The report in words, for the command line."""
    told: dict[str, Any] = asdict(done.figures)
    yield f"drill {done.ordinal}: {done.file} was restored and verified"
    for name, value in told.items():
        yield f"{name:17} {value}"
    yield f"sign the report on the page /backups/drills/{done.ordinal}"
