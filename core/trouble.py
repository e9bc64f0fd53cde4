"""What trouble of the database and its disk means to a person, and who can resolve it (promise 5).

SQLite says "disk I/O error" for a quota, a limit and a broken disk alike, so the disk itself is
asked: a file is written beside the database, and what becomes of that is told. Whatever is no
trouble of the outside is a fault of ours and stays what it was.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from core.errors import (
    Busy,
    DiskFailed,
    NoRoom,
    NotWritable,
    Refusal,
    Stale,
    Unreachable,
)

LOCK_TIMEOUT = "55P03"
FULL_STATES = frozenset({"53100"})
READ_ONLY_STATES = frozenset({"25006"})
FAILED_STATES = frozenset({"58030", "XX001", "XX002"})
"""Input or output error, damaged data or index."""
GONE_STATES = ("08", "57P")
"""Connection lost or refused; the server is shutting down or starting up."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
DISK_NAMES = ("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
PROBE = b"\0" * (1 << 16)
"""More than one page: a disk may have room for that and for nothing else."""


@contextmanager
def told(beside: Path | None, *, writing: bool) -> Iterator[None]:
    """Trouble in the block is raised as a `Refusal` in words, all of it saying who can resolve it.

    `beside` is the folder of an SQLite database. Whoever only reads writes nothing that a disk
    could refuse: a session for reading that meets "read-only" has a fault of ours.
    """
    try:
        yield
    except StaleDataError as error:
        raise Stale("somebody else changed this meanwhile", resolver="look again") from error
    except DBAPIError as error:
        words = _in_words(error, beside, writing)
        if words is None:
            raise
        raise words from error
    except OSError as error:
        words = _of_number(error.errno) if writing else None
        if words is None:
            raise
        raise words from error


def state_of(error: DBAPIError) -> str | None:
    """The SQLSTATE, which only PostgreSQL gives."""
    return getattr(error.orig, "sqlstate", None)


def _in_words(error: DBAPIError, beside: Path | None, writing: bool) -> Refusal | None:
    name, state = str(getattr(error.orig, "sqlite_errorname", "")), state_of(error)
    if "database is locked" in str(error) or state == LOCK_TIMEOUT:
        return Busy("another writer holds the database", resolver="try again")
    if name == "SQLITE_FULL" or state in FULL_STATES:
        return _no_room()
    if name in DAMAGED or state in FAILED_STATES:
        return _failed()
    if name.startswith(DISK_NAMES) and (writing or not name.startswith("SQLITE_READONLY")):
        return _asked(beside, name)
    if writing and state in READ_ONLY_STATES:
        return _not_writable()
    if error.connection_invalidated or _is_gone(error, state):
        return Unreachable("the database does not answer", resolver="the administrator")
    return None


def _is_gone(error: DBAPIError, state: str | None) -> bool:
    """A server that does not even listen gives no state."""
    if state is not None:
        return state.startswith(GONE_STATES)
    by_driver = type(error.orig).__module__.startswith("psycopg")
    return by_driver and isinstance(error, OperationalError)


def _asked(beside: Path | None, name: str) -> Refusal:
    """What the disk says itself; where it takes a file, what SQLite said counts."""
    try:
        if beside is not None:
            _write_beside(beside)
    except OSError as error:
        return _of_number(error.errno) or _failed()
    return _failed() if name.startswith("SQLITE_IOERR") else _not_writable()


def _write_beside(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        rest = memoryview(PROBE)
        while rest:  # a disk may take a part of it without a word
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _of_number(number: int | None) -> Refusal | None:
    if number in FULL:
        return _no_room()
    if number in READ_ONLY:
        return _not_writable()
    return _failed() if number == errno.EIO else None


def _no_room() -> NoRoom:
    return NoRoom(
        "the disk of the database takes nothing more",
        resolver="the administrator, by making room; then send the same form again",
    )


def _not_writable() -> NotWritable:
    return NotWritable(
        "the database may be read and not written",
        resolver="the administrator, by making the database and its folder writable again;"
        " then send the same form again",
    )


def _failed() -> DiskFailed:
    return DiskFailed(
        "the disk of the database reports errors; nothing was recorded",
        resolver="the administrator, by examining the disk and, if need be, restoring the backup",
    )
