"""A fair gate for writers of one SQLite file, across threads and processes.

SQLite's busy handler starves writers (waits of seconds were measured); here they queue. Each
arrival takes the next number from a counter file and locks the byte with that number; it is served
when it obtains the byte before its own. The kernel drops the locks of a killed process, so a dead
writer never blocks the queue. Mutual exclusion itself stays SQLite's (BEGIN IMMEDIATE): the gate
only orders.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import Busy

COUNTER = struct.Struct("<q")
QUEUE_START = 64
POLL_SECONDS = (0.0001, 0.0005, 0.001, 0.002)


class TicketGate:
    """First come, first served; `path` is a small file beside the database."""

    def __init__(self, path: Path, *, patience: float = 30.0) -> None:
        self._path = path
        self._patience = patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for our turn (at most `patience` seconds, then `Busy`) and hold it."""
        # A lock belongs to an open file description: each turn opens its own.
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            ticket = self._draw(file)
            self._await(file, ticket - 1)
            yield
        finally:
            os.close(file)

    def _draw(self, file: int) -> int:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            stored = os.pread(file, COUNTER.size, 0)
            ticket = (COUNTER.unpack(stored)[0] if len(stored) == COUNTER.size else 0) + 1
            os.pwrite(file, COUNTER.pack(ticket), 0)
            _lock_byte(file, ticket)
            return int(ticket)
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _await(self, file: int, ticket: int) -> None:
        deadline = time.monotonic() + self._patience
        tries = 0
        while not _lock_byte(file, ticket):
            if time.monotonic() > deadline:
                raise Busy("another writer holds the database", resolver="try again")
            time.sleep(POLL_SECONDS[min(tries, len(POLL_SECONDS) - 1)])
            tries += 1


def _lock_byte(file: int, ticket: int) -> bool:
    start = QUEUE_START + ticket % (1 << 40)
    request = struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, start, 1, 0)
    try:
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, request)
    except (BlockingIOError, PermissionError):
        return False
    return True
