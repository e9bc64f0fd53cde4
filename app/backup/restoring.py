"""Restoring a backup beside whatever stands: compared before, verified after (URS-BAK-020, -040).

Nothing is ever restored over a site. Whether the restored state is an earlier one than the world
knows is found by the start-up guard (`app.outside`), from the anchor file and the log witness,
which lie outside the site's folder and are not part of a backup.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from app import keybook, schema
from app.backup import snapshot
from app.backup.age import CannotOpen, Identity, Reader
from app.backup.archive import Manifest, unpack
from app.backup.making import ESCROW, TRUST
from app.rehearsing import opened
from audit import verifying
from audit.keys import KeyBook
from audit.report import Report
from audit.verifier import Invalid, LogKey
from core.errors import BrokenPromise, Refusal

UNFINISHED = ".restoring"
PRIVATE = ("keys", "pki")


class PlaceTaken(Refusal):
    """Something stands where the backup is to be restored to."""

    rule = "restore.place_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An empty PostgreSQL database: as the owner of its schema, and as the application."""

    owner_url: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """A backup that was unpacked, and what the verification of it found."""

    folder: Path
    manifest: Manifest
    report: Report
    keys: bool
    """Whether the private keys came along, so that the site can work."""


def restore(
    file: Path,
    folder: Path,
    secret: Identity,
    *,
    escrow: Identity | None = None,
    database: Server | None = None,
) -> Restoration:
    """Unpack a backup into a new `folder`, compare digests and counts, verify everything.

    `secret` opens the backup, `escrow` its private keys; `database` is an empty one
    on a server, for a backup of such a site. Raises `PlaceTaken`, `CannotOpen`, or
    BrokenPromise where the counts differ or the verification finds a problem; `folder` does not
    exist then.
    """
    _require_free(folder, database)
    with _aside(folder) as aside:
        manifest = _unpacked(file, secret, aside)
        url = _database(aside, manifest, database)
        _compare(manifest, snapshot.state_of(url))
        report = _verified(url, aside, manifest)
        if escrow is not None:
            _unpack_private(aside, escrow)
        aside.rename(folder)
    return Restoration(folder=folder, manifest=manifest, report=report, keys=escrow is not None)


def _require_free(folder: Path, database: Server | None) -> None:
    who = "whoever restores: name another place"
    if folder.exists():
        raise PlaceTaken(f"{folder} is there already; a restore never goes over it", resolver=who)
    if database is None:
        return
    engine = create_engine(database.owner_url)
    try:
        if inspect(engine).get_table_names():
            raise PlaceTaken("the database for the restore is not empty", resolver=who)
    finally:
        engine.dispose()


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder beside the wanted one; what a broken-off restore left there is removed."""
    aside = folder.with_name(folder.name + UNFINISHED)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700, parents=True)
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _unpacked(file: Path, secret: Identity, aside: Path) -> Manifest:
    try:
        with file.open("rb") as stream:
            return unpack(stream, secret, aside)
    except OSError as problem:
        raise BrokenPromise(f"the backup cannot be restored: {problem.strerror}") from None


def _database(aside: Path, manifest: Manifest, database: Server | None) -> str:
    if manifest.backend == "sqlite":
        if database is not None:
            raise BrokenPromise("this is the backup of an SQLite file; it needs no other database")
        return f"sqlite:///{aside / snapshot.SQLITE_NAME}"
    if database is None:
        raise BrokenPromise("this backup needs an empty PostgreSQL database: name it")
    dump = aside / snapshot.POSTGRES_NAME
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    snapshot.run(make_url(database.owner_url), "pg_restore", *options, str(dump))
    dump.unlink()
    role = make_url(database.url).username
    schema.upgrade(database.owner_url, triggers=False, role=role)  # gives the role its rights
    return database.url


def _compare(manifest: Manifest, found: snapshot.State) -> None:
    for name in sorted(manifest.rows.keys() | found.rows.keys()):
        wanted, there = manifest.rows.get(name), found.rows.get(name)
        if wanted != there:
            raise BrokenPromise(f"table {name} has {there} rows, the backup lists {wanted}")
    if (manifest.log_size, manifest.checkpoint) != (found.log_size, found.checkpoint):
        raise BrokenPromise("the log does not end with the checkpoint that the backup lists")


def _verified(url: str, aside: Path, manifest: Manifest) -> Report:
    """Chains, log, signatures and rows, with the public keys of the backup."""
    try:
        trusted = json.loads((aside / TRUST).read_text(encoding="utf-8"))["log"]
        log = tuple(LogKey(vkey) for vkey in trusted)
    except (OSError, ValueError, KeyError, Invalid):
        raise BrokenPromise("the public keys of the backup cannot be read") from None
    notes = [] if manifest.checkpoint is None else [manifest.checkpoint]
    with opened(url) as house, house.reading() as session:
        people = {key.key_id: key for key in keybook.people_keys(session)}
        report = verifying.verify_site(session, KeyBook(log, people), outside=notes)
    if not report.ok:
        raise BrokenPromise(f"the restored site does not verify: {report.problems[0]}")
    return report


def _unpack_private(aside: Path, escrow: Identity) -> None:
    place = aside / ESCROW
    if not place.exists():
        raise BrokenPromise("this backup was made without private keys")
    with Reader(io.BytesIO(place.read_bytes()), escrow) as reader:
        with tarfile.open(fileobj=cast(BinaryIO, reader), mode="r|") as tar:
            for member in tar:
                file, parts = tar.extractfile(member), PurePosixPath(member.name).parts
                if file is None or parts[0] not in PRIVATE or ".." in parts:
                    raise CannotOpen(f"{member.name!r} is no key of a site")
                _write_private(aside / member.name, file.read())
        reader.drain()


def _write_private(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened_file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened_file, "wb") as file:
        file.write(data)
