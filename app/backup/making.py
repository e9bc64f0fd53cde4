"""Making a backup: one moment of the site in one encrypted file (URS-BAK-010, URS-BAK-030).

Private keys are not among what the backup's key opens: they lie inside as a second encrypted file
for another recipient, the escrow, so that who keeps backups cannot sign for the site.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

from sqlalchemy.engine import make_url

from app import seal
from app.backup import age, recording, snapshot
from app.backup.archive import Manifest, Packing
from app.backup.rules import Plan
from app.keyfiles import NEXT
from audit import restored
from audit.backupmodels import BackupRun
from core.actors import Actor
from core.errors import BatchwrightError, BrokenPromise
from core.house import House
from core.settings import Settings
from core.sites import the_site

SUFFIX = ".batchwright.age"
PART = ".part"
STAMP = "-at-"
SCRATCH = "backup-scratch"
TRUST, SEAL, ESCROW, HISTORIAN = "trust.json", "seal-certificate.pem", "escrow.age", "historian.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Where to, and for whom: recipients (``age1...``) of the backup and of the private keys."""

    folder: Path
    recipient: str
    escrow: str | None = None
    plan: Plan | None = None
    """That of the schedule which asks for it; None for a person."""

    def check(self) -> None:
        """BrokenPromise naming what cannot be used; two recipients must be two keys."""
        if not self.folder.is_dir():
            raise BrokenPromise(f"the folder for backups {self.folder} is not there")
        try:
            keys = {str(age.recipient_key(key)) for key in (self.recipient, self.escrow) if key}
        except ValueError as problem:
            raise BrokenPromise(f"a recipient of the backup is no age key: {problem}") from None
        if self.escrow and len(keys) == 1:
            raise BrokenPromise("the escrow must have another key than the backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A backup that is complete and lies where it belongs."""

    file: Path
    sha256: str
    size: int
    manifest: Manifest


def back_up(house: House, settings: Settings, order: Order, *, by: Actor, now: datetime) -> Made:
    """Write one backup and its audit entry; a failure has an entry, too, and is raised again.

    `now` is real time (UTC). Nothing appears under the final name before it is whole and durable.
    `Restored` at a restored site that nobody has signed for yet.
    """
    recording.require_in_order(house)
    try:
        order.check()
        with _scratch(settings) as folder:
            made = _made(house, settings, order, folder, now)
    except (BatchwrightError, OSError) as problem:
        recording.keep_run(house, _failed(order, now, problem), order.plan, by=by)
        if isinstance(problem, OSError):
            raise BrokenPromise(f"the backup cannot be written: {problem.strerror}") from None
        raise
    recording.keep_run(house, _kept(order, now, made), order.plan, by=by)
    return made


def _kept(order: Order, now: datetime, made: Made) -> BackupRun:
    return BackupRun(
        at=now,
        ok=True,
        folder=str(order.folder),
        file=made.file.name,
        sha256=made.sha256,
        bytes=made.size,
        log_size=made.manifest.log_size,
        private_keys=made.manifest.escrow,
    )


def _failed(order: Order, now: datetime, problem: Exception) -> BackupRun:
    return BackupRun(
        at=now,
        ok=False,
        folder=str(order.folder),
        bytes=0,
        log_size=0,
        private_keys=False,
        problem=str(problem),
    )


@contextmanager
def alone(settings: Settings, what: str) -> Iterator[Path]:
    """One backup and one drill of a site at a time, whoever asks; answers the folder for scratch.

    BrokenPromise where another process is at it.
    """
    place = settings.home / SCRATCH
    place.mkdir(mode=0o700, exist_ok=True)
    with (place / f"{what}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BrokenPromise(f"another {what} of this site is under way") from None
        yield place


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """A folder for the clear copies, one backup at a time; leftovers of a killed one are removed.

    It lies in the site's home, where the same data lie anyway, never where backups go.
    """
    with alone(settings, "backup") as place:
        for old in place.glob("*/*"):
            old.unlink()
        for old in place.glob("*/"):
            old.rmdir()
        with TemporaryDirectory(dir=place) as folder:
            yield Path(folder)


def _made(house: House, settings: Settings, order: Order, folder: Path, now: datetime) -> Made:
    database, state = snapshot.take(settings.owner_url, folder)
    with house.reading() as session:
        site, keys = the_site(session).name, house.services["site_keys"]
        trust = restored.keys_now(session, keys).published()
    stamp = now.astimezone(UTC)
    file = (
        order.folder / f"{trust['origin'].replace('/', '-')}{STAMP}{stamp:%Y%m%dT%H%M%S%fZ}{SUFFIX}"
    )
    manifest = Manifest(
        site=site,
        taken_at=stamp.isoformat(),
        software=version("batchwright"),
        backend=make_url(settings.owner_url).get_backend_name(),
        rows=state.rows,
        log_size=state.log_size,
        checkpoint=state.checkpoint,
        escrow=order.escrow is not None,
    )
    with _complete(file) as out:
        packing = Packing(out, order.recipient)
        try:
            packing.add_file(database.name, database)
            _add_rest(packing, settings, order, folder, trust)
            packing.finish(_with_files(manifest, packing))
        except BaseException:
            packing.abandon()
            raise
    return Made(file=file, sha256=_digest(file), size=file.stat().st_size, manifest=manifest)


def _with_files(manifest: Manifest, packing: Packing) -> Manifest:
    manifest.files.update(packing.files)
    return manifest


def _add_rest(
    packing: Packing, settings: Settings, order: Order, folder: Path, trust: dict[str, Any]
) -> None:
    if settings.historian_path.exists():
        snapshot.copy_sqlite(settings.historian_path, folder / HISTORIAN)
        packing.add_file(HISTORIAN, folder / HISTORIAN)
    # After the database: an attachment is a file before its row is committed, and never changes.
    for path in _files(settings.attachments):
        packing.add_file(f"attachments/{path.relative_to(settings.attachments)}", path)
    packing.add_bytes(TRUST, json.dumps(trust, indent=1, sort_keys=True).encode("utf-8"))
    packing.add_bytes(SEAL, b"".join(seal.read(settings.keys / seal.FILE).trusted))
    if order.escrow is not None:
        packing.add_bytes(ESCROW, _private(settings, order.escrow))


def _private(settings: Settings, recipient: str) -> bytes:
    """Keys and certificates of the site, encrypted for the escrow; a few kilobytes."""
    held = io.BytesIO()
    cipher = age.Writer(held, [recipient])
    with tarfile.open(fileobj=cast(BinaryIO, cipher), mode="w|") as tar:
        for path in (*_files(settings.keys), *_files(settings.pki)):
            if path.suffix == NEXT:
                continue  # of a rotation under way, and gone in a moment; it begins anew
            tar.add(path, arcname=str(path.relative_to(settings.home)), recursive=False)
    cipher.finish()
    return held.getvalue()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@contextmanager
def _complete(file: Path) -> Iterator[BinaryIO]:
    """Written aside, made durable, then given its name and taken the right to be written."""
    for old in file.parent.glob(f"{file.name.rpartition(STAMP)[0]}{STAMP}*{SUFFIX}{PART}"):
        old.unlink()  # of a backup that was killed: only one is made at a time
    aside = file.with_name(file.name + PART)
    try:
        with aside.open("xb") as out:
            aside.chmod(0o400)
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.link(aside, file)  # never over a file that is there
    finally:
        aside.unlink(missing_ok=True)
    place = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
