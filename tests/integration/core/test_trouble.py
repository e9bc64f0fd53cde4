"""Trouble of the database's disk is told apart, with who can resolve it (promise 5, issue 3)."""

from __future__ import annotations

import errno
import os
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from core import trouble
from core.errors import Busy, DiskFailed, NoRoom, NotWritable, Refusal, Unreachable


def said(error: DBAPIError | OSError, folder: Path | None, *, writing: bool = True) -> Refusal:
    with pytest.raises(Refusal) as refused, trouble.told(folder, writing=writing):
        raise error
    assert refused.value.resolver
    return refused.value


def of_sqlite(name: str, text: str = "disk I/O error") -> OperationalError:
    cause = sqlite3.OperationalError(text)
    cause.sqlite_errorname = name
    return OperationalError("INSERT", {}, cause)


class FromServer(Exception):
    """An error of a server, which gives a state."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.sqlstate = state


def of_server(state: str) -> OperationalError:
    return OperationalError("INSERT", {}, FromServer(state))


def refuse_files(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*given: object, **more: object) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, NoRoom),
        (errno.EDQUOT, NoRoom),
        (errno.EFBIG, NoRoom),
        (errno.EROFS, NotWritable),
        (errno.EACCES, NotWritable),
        (errno.EIO, DiskFailed),
        (errno.EMFILE, DiskFailed),
    ],
)
@pytest.mark.parametrize("name", ["SQLITE_IOERR_WRITE", "SQLITE_CANTOPEN"])
def test_an_error_of_the_disk_is_what_the_disk_itself_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int, kind: type[Refusal]
) -> None:
    refuse_files(monkeypatch, number)
    assert type(said(of_sqlite(name), tmp_path)) is kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", NoRoom),
        ("SQLITE_IOERR_READ", DiskFailed),
        ("SQLITE_IOERR_FSYNC", DiskFailed),
        ("SQLITE_READONLY", NotWritable),
        ("SQLITE_READONLY_DBMOVED", NotWritable),
        ("SQLITE_CANTOPEN", NotWritable),
        ("SQLITE_CORRUPT", DiskFailed),
        ("SQLITE_NOTADB", DiskFailed),
    ],
)
def test_where_the_disk_takes_a_file_what_sqlite_said_counts(
    tmp_path: Path, name: str, kind: type[Refusal]
) -> None:
    assert type(said(of_sqlite(name), tmp_path)) is kind
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", NoRoom),
        ("25006", NotWritable),
        ("58030", DiskFailed),
        ("XX001", DiskFailed),
        ("57P01", Unreachable),
        ("08006", Unreachable),
        ("55P03", Busy),
    ],
)
def test_a_server_says_it_by_its_state(state: str, kind: type[Refusal]) -> None:
    assert type(said(of_server(state), None)) is kind


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, NoRoom), (errno.EROFS, NotWritable), (errno.EIO, DiskFailed)],
)
def test_trouble_with_the_queue_of_writers_is_told_alike(number: int, kind: type[Refusal]) -> None:
    assert type(said(OSError(number, os.strerror(number)), None)) is kind


@pytest.mark.parametrize("error", [of_sqlite("SQLITE_READONLY"), of_server("25006")])
def test_a_reader_that_writes_is_a_fault_of_ours(tmp_path: Path, error: DBAPIError) -> None:
    with pytest.raises(OperationalError), trouble.told(tmp_path, writing=False):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        of_sqlite("SQLITE_ERROR"),
        of_server("42601"),
        OSError(errno.EBADF, "bad file"),
        KeyError("x"),
    ],
)
def test_a_fault_of_ours_stays_what_it_was(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), trouble.told(tmp_path, writing=True):
        raise error


def test_a_damaged_file_says_so_and_names_the_administrator(tmp_path: Path) -> None:
    file = tmp_path / "site.db"
    file.write_bytes(b"no database at all" * 100)
    connection = sqlite3.connect(file)
    with pytest.raises(sqlite3.DatabaseError) as found:
        connection.execute("SELECT * FROM sqlite_schema")
    connection.close()
    refusal = said(DBAPIError("SELECT", {}, found.value), tmp_path)
    assert isinstance(refusal, DiskFailed)
    assert "administrator" in refusal.resolver
