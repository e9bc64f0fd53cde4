"""Encrypted files in the age format (age-encryption.org/v1) for X25519 recipients.

A known format, so that a backup opens with other programs too when this one is gone. The library
pulls from one file and pushes into another; a pipe and a thread turn that into a stream to write to
and one to read from, so that memory stays flat whatever the size (URS-BAK-030).
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

import pyrage
from pyrage import x25519

from core.errors import BrokenPromise

PIECE = 64 * 1024
Identity: TypeAlias = x25519.Identity
Recipient: TypeAlias = x25519.Recipient


class CannotOpen(BrokenPromise):
    """The file is not for this key, was changed, or ends too early; nothing of it may be used."""


def new_identity() -> tuple[str, str]:
    """A new pair: the secret identity (``AGE-SECRET-KEY-1...``) and its recipient (``age1...``)."""
    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient_key(recipient: str) -> Recipient:
    """The key of ``age1...``; ValueError when it is not one."""
    try:
        return x25519.Recipient.from_str(recipient.strip())
    except pyrage.RecipientError as problem:
        raise ValueError(f"not a key of the kind age1...: {problem}") from None


def identity_key(text: str) -> Identity:
    """The secret of an identity file, comments left out; ValueError when it holds none."""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if len(found) != 1:
        raise ValueError("an identity file holds one line AGE-SECRET-KEY-1...")
    try:
        return x25519.Identity.from_str(found[0])
    except pyrage.IdentityError as problem:
        raise ValueError(f"not a key of the kind AGE-SECRET-KEY-1...: {problem}") from None


class _Beside:
    """A thread that moves bytes through the library, and what became of it."""

    def __init__(self, work: Any, ends: BinaryIO, *given: Any) -> None:
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work, ends, given), daemon=True)
        self._thread.start()

    def _run(self, work: Any, ends: BinaryIO, given: tuple[Any, ...]) -> None:
        try:
            work(*given)
        except BaseException as failure:  # noqa: BLE001 -- told by whoever waits for the thread
            self._failure = failure
        try:
            ends.close()  # whoever is at the other end of the pipe waits no longer
        except OSError:
            self._failure = self._failure or BrokenPipeError()

    def failure(self) -> BaseException | None:
        """Wait for the end; what went wrong, if anything did."""
        self._thread.join()
        return self._failure


class _Whole:
    """The readable end of the pipe; its end counts only when the writer said that all was said."""

    def __init__(self, pipe: BinaryIO) -> None:
        self.pipe = pipe
        self.said_all = False

    def read(self, count: int) -> bytes:
        """As of a file. Raises EOFError where the other end was abandoned."""
        data = self.pipe.read(count)
        if not data and not self.said_all:
            raise EOFError("abandoned")
        return data


class _Kept:
    """Writes through to a file and keeps the error that the library would turn into text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        """As of a file."""
        try:
            return self._file.write(data)
        except OSError as failure:
            self.failure = failure
            raise

    def flush(self) -> None:
        """Left to whoever owns the file."""


class Writer(io.RawIOBase):
    """Encrypts what is written to it into `file`; only `finish` makes the file complete.

    ValueError without a recipient, or with one that is no key.
    """

    def __init__(self, file: BinaryIO, recipients: Sequence[str]) -> None:
        if not recipients:
            raise ValueError("an encrypted file needs a recipient")
        keys = [recipient_key(each) for each in recipients]
        source, target = os.pipe()
        self._source, self._sink = _Whole(os.fdopen(source, "rb")), _Kept(file)
        self._pipe = os.fdopen(target, "wb", PIECE)
        self._beside = _Beside(pyrage.encrypt_io, self._source.pipe, self._source, self._sink, keys)

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes. OSError of the file below; after `abandon` they go nowhere."""
        if not self._pipe.closed:
            try:
                self._pipe.write(data)
            except BrokenPipeError:
                self._end(said_all=False)
                raise self._problem() from None
        return memoryview(data).nbytes

    def finish(self) -> None:
        """Write the last piece; `file` stays open. OSError of the file below."""
        self._end(said_all=True)
        # The library says nothing when its very last write fails: only the file knows.
        if self._beside.failure() is not None or self._sink.failure is not None:
            raise self._problem()

    def abandon(self) -> None:
        """The file will never be complete: what is still written to it goes nowhere."""
        self._end(said_all=False)
        self._beside.failure()

    def _end(self, *, said_all: bool) -> None:
        if self._pipe.closed:
            return
        self._source.said_all = said_all
        try:
            self._pipe.close()
        except BrokenPipeError:
            return  # the thread has ended already, and says why

    def _problem(self) -> OSError:
        failure = self._beside.failure()
        return self._sink.failure or OSError(f"the file could not be encrypted: {failure}")


class Reader(io.RawIOBase):
    """Decrypts `file` while it is read; `CannotOpen` as soon as something does not hold."""

    def __init__(self, file: BinaryIO, identity: Identity) -> None:
        source, target = os.pipe()
        self._pipe = io.BufferedReader(io.FileIO(source), PIECE)
        out = os.fdopen(target, "wb", 0)
        self._beside = _Beside(pyrage.decrypt_io, out, file, out, [identity])
        try:
            if not self._pipe.peek(1):
                self._require_whole()
        except BaseException:
            self.close()
            raise

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, target: Any) -> int:
        """Fill the buffer with what comes next, 0 at the end of a file that is whole."""
        count = self._pipe.readinto(target)
        if not count and memoryview(target).nbytes:
            self._require_whole()
        return count

    def drain(self) -> None:
        """Read to the end: what was cut off behind the last member is noticed, too."""
        while self.read(PIECE):
            pass

    def close(self) -> None:
        """Let go of the file below, which stays open, also before its end."""
        if not self.closed:
            self._pipe.close()
            self._beside.failure()
        super().close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _require_whole(self) -> None:
        failure = self._beside.failure()
        if failure is not None:
            raise CannotOpen(
                f"the encrypted file is not for this key, was changed or ends too early ({failure})"
            ) from None
