"""A disk that can lose its power: SQLite's writes and syncs are recorded, then replayed to a cut.

`recording` puts a layer over SQLite's own file access (a copy of the default VFS whose write, sync
and truncate tell what they do) in this process. `Cuts` rebuilds the files as they may stand after
a power cut: everything that was synced is there, and of what was not, any part, in sectors.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECTOR = 512
OK = 0
Pointer = ctypes.c_void_p


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs` up to what we use; the rest is copied as it is."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        ("szOsFile", ctypes.c_int),
        ("mxPathname", ctypes.c_int),
        ("pNext", Pointer),
        ("zName", ctypes.c_char_p),
        ("pAppData", Pointer),
        ("xOpen", Pointer),
        ("others", Pointer * 16),
    ]


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods` of version 3."""

    _fields_ = [
        ("iVersion", ctypes.c_int),
        ("xClose", Pointer),
        ("xRead", Pointer),
        ("xWrite", Pointer),
        ("xTruncate", Pointer),
        ("xSync", Pointer),
        ("others", Pointer * 13),
    ]


class _File(ctypes.Structure):
    _fields_ = [("methods", ctypes.POINTER(_Methods))]


_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, Pointer, ctypes.c_char_p, ctypes.POINTER(_File), ctypes.c_int, Pointer
)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, Pointer, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, Pointer, ctypes.c_int)


@dataclass(frozen=True, slots=True)
class Happened:
    """One event on the disk, in order: write, truncate or sync of a file, or an acknowledgement."""

    kind: str
    name: str
    offset: int = 0
    data: bytes = b""


class Recorder:
    """Takes part in every file that SQLite opens from now on in this process; for ever."""

    def __init__(self) -> None:
        self.events: list[Happened] = []
        self._library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        self._library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._names: dict[int, str] = {}
        self._tables: dict[int, _Methods] = {}
        self._kept: list[Any] = []
        """What C code holds pointers to must not be collected."""
        self._install()

    def acknowledge(self, what: str) -> None:
        """Somebody was told that this is done."""
        self.events.append(Happened("told", what))

    def _install(self) -> None:
        found = self._library.sqlite3_vfs_find(None)
        self._open = _OPEN(found.contents.xOpen)
        vfs = _Vfs.from_buffer_copy(found.contents)
        vfs.zName = b"recording"
        callback = _OPEN(self._opened)
        vfs.xOpen = ctypes.cast(callback, Pointer)
        self._kept += [vfs, callback]
        assert self._library.sqlite3_vfs_register(ctypes.byref(vfs), 1) == OK

    def _opened(self, vfs: int, name: bytes | None, file: Any, flags: int, out: int) -> int:
        code = int(self._open(vfs, name, file, flags, out))
        if code == OK and name is not None:
            address = ctypes.addressof(file.contents)
            self._names[address] = Path(name.decode()).name
            file.contents.methods = ctypes.pointer(self._methods(file.contents.methods.contents))
        return code

    def _methods(self, own: _Methods) -> _Methods:
        key = ctypes.addressof(own)
        if key not in self._tables:
            table = _Methods.from_buffer_copy(own)
            write, truncate, sync = _WRITE(own.xWrite), _TRUNCATE(own.xTruncate), _SYNC(own.xSync)

            def xwrite(file: int, data: int, size: int, offset: int) -> int:
                self._tell("write", file, offset, ctypes.string_at(data, size))
                return int(write(file, data, size, offset))

            def xtruncate(file: int, size: int) -> int:
                self._tell("truncate", file, size)
                return int(truncate(file, size))

            def xsync(file: int, flags: int) -> int:
                code = int(sync(file, flags))
                self._tell("sync", file)
                return code

            callbacks = (_WRITE(xwrite), _TRUNCATE(xtruncate), _SYNC(xsync))
            table.xWrite, table.xTruncate, table.xSync = (
                ctypes.cast(callback, Pointer).value for callback in callbacks
            )
            self._kept += [callbacks, write, truncate, sync]
            self._tables[key] = table
        return self._tables[key]

    def _tell(self, kind: str, file: int, offset: int = 0, data: bytes = b"") -> None:
        self.events.append(Happened(kind, self._names[file], offset, data))


@dataclass
class Disk:
    """What is on the platter for sure, and what still lies in caches, by file."""

    durable: dict[str, bytearray]
    pending: dict[str, list[Happened]] = field(default_factory=dict)

    def take(self, event: Happened) -> None:
        """One more event."""
        if event.kind == "sync":
            content = self.durable.setdefault(event.name, bytearray())
            for waiting in self.pending.pop(event.name, []):
                _apply(content, waiting)
        else:
            self.pending.setdefault(event.name, []).append(event)

    def after_cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files as a power cut now may leave them: each unsynced sector is there or not."""
        found = {name: bytearray(content) for name, content in self.durable.items()}
        for name, events in self.pending.items():
            kept = chance.choice((0.0, 0.5, 0.9))
            for event in events:
                for piece in _sectors(event):
                    if chance.random() < kept:
                        _apply(found.setdefault(name, bytearray()), piece)
        return {name: bytes(content) for name, content in found.items()}


def cuts(
    events: list[Happened], start: dict[str, bytes], count: int, chance: random.Random
) -> Iterator[tuple[dict[str, bytes], list[str]]]:
    """`count` power cuts at random events: the files, and what had been acknowledged by then."""
    disk = Disk({name: bytearray(content) for name, content in start.items()})
    moments = sorted(chance.choices(range(1, len(events) + 1), k=count))
    told: list[str] = []
    for number, event in enumerate(events, start=1):
        if event.kind == "told":
            told.append(event.name)
        else:
            disk.take(event)
        for _ in range(moments.count(number)):
            yield disk.after_cut(chance), list(told)


def _apply(content: bytearray, event: Happened) -> None:
    if event.kind == "truncate":
        del content[event.offset :]
        return
    end = event.offset + len(event.data)
    content.extend(bytes(max(0, end - len(content))))
    content[event.offset : end] = event.data


def _sectors(event: Happened) -> Iterator[Happened]:
    """A write in pieces that end at sectors; everything else whole."""
    if event.kind != "write":
        yield event
        return
    begin = 0
    while begin < len(event.data):
        size = SECTOR - (event.offset + begin) % SECTOR
        piece = event.data[begin : begin + size]
        yield Happened("write", event.name, event.offset + begin, piece)
        begin += size
