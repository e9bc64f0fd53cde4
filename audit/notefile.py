"""An append-only file of signed notes: one JSON object a line, on the disk before it counts.

Used by the log witness for what it cosigned and by the site for its anchor on another volume. Lines
are ``{"at": UTC time, "note": the C2SP note}``; a line with ``fork`` instead of ``note`` tells that
a log goes on under another name. A line that a crash tore stays, is told and is not counted.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LONGEST_LINE = 1 << 17


@dataclass(slots=True)
class Notes:
    """What a file holds: `notes` with their times in the order of writing, `forks`, and lines
    that cannot be read, by their number."""

    notes: list[tuple[str, str]] = field(default_factory=list)
    forks: list[Mapping[str, Any]] = field(default_factory=list)
    torn: list[int] = field(default_factory=list)


def append(path: Path, note: str, *, at: datetime) -> None:
    """Add a note; it is on the disk when this returns. OSError when it is not."""
    _append(path, {"at": at.astimezone(UTC).isoformat(), "note": note})


def append_fork(path: Path, fork: Mapping[str, Any], *, at: datetime) -> None:
    """Add the record of a log that goes on under another name."""
    _append(path, {"at": at.astimezone(UTC).isoformat(), "fork": dict(fork)})


def _append(path: Path, told: Mapping[str, Any]) -> None:
    line = json.dumps(told, ensure_ascii=True, sort_keys=True).encode("ascii") + b"\n"
    new = not path.exists()
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_torn(file):
            line = b"\n" + line
        written = os.write(file, line)
        if written != len(line):
            raise OSError(f"{path.name} took only a part of the line")
        os.fsync(file)
    finally:
        os.close(file)
    if new:
        sync_folder(path.parent)


def _is_torn(file: int) -> bool:
    end = os.lseek(file, 0, os.SEEK_END)
    return end > 0 and os.pread(file, 1, end - 1) != b"\n"


def sync_folder(folder: Path) -> None:
    """The names in the folder are on the disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> Notes:
    """Everything in the file; nothing from a file that does not exist. OSError passes through."""
    found = Notes()
    if not path.exists():
        return found
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            _take(line, number, found)
    return found


def read_end(path: Path, *, most_bytes: int = 1 << 18) -> Notes:
    """The newest notes, from the last `most_bytes` of the file."""
    if not path.exists():
        return Notes()
    found = Notes()
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - most_bytes)
        file.seek(start)
        if start:
            file.readline()
        for number, line in enumerate(file, start=1):
            _take(line, number, found)
    return found


def _take(line: bytes, number: int, found: Notes) -> None:
    try:
        told = json.loads(line.decode("ascii")) if len(line) <= LONGEST_LINE else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("at"), str):
        if line.strip():
            found.torn.append(number)
    elif isinstance(told.get("note"), str):
        found.notes.append((told["at"], told["note"]))
    elif isinstance(told.get("fork"), dict):
        found.forks.append({**told["fork"], "at": told["at"]})
    else:
        found.torn.append(number)
