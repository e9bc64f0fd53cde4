"""Encrypted files in the age format (age-encryption.org/v1) for X25519 recipients.

A known format, so that a backup opens with other programs too when this one is gone. Files are
written and read as streams of 64 KiB pieces: memory stays flat whatever their size (URS-BAK-030).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import io
import os
from collections.abc import Sequence
from itertools import pairwise
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.backup import bech32
from core.errors import BrokenPromise

PIECE = 64 * 1024
TAG = 16
VERSION = "age-encryption.org/v1"
LABEL = b"age-encryption.org/v1/X25519"
PUBLIC, PRIVATE = "age", "age-secret-key-"
LONGEST_LINE = 4096
MOST_LINES = 100


class CannotOpen(BrokenPromise):
    """The file is not for this key, was changed, or ends too early; nothing of it may be used."""


def new_identity() -> tuple[str, str]:
    """A new pair: the secret identity (``AGE-SECRET-KEY-1...``) and its recipient (``age1...``)."""
    key = X25519PrivateKey.generate()
    secret = bech32.encode(PRIVATE, key.private_bytes_raw()).upper()
    return secret, bech32.encode(PUBLIC, key.public_key().public_bytes_raw())


def recipient_key(recipient: str) -> bytes:
    """The 32 bytes of ``age1...``; ValueError when it is not one."""
    return _decoded(recipient.strip(), PUBLIC)


def identity_key(text: str) -> bytes:
    """The secret of an identity file, comments left out; ValueError when it holds none."""
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if len(found) != 1:
        raise ValueError("an identity file holds one line AGE-SECRET-KEY-1...")
    return _decoded(found[0].lower(), PRIVATE)


def _decoded(text: str, purpose: str) -> bytes:
    found, data = bech32.decode(text)
    if found != purpose or len(data) != 32:
        raise ValueError(f"not a key of the kind {purpose}1...")
    return data


class Writer(io.RawIOBase):
    """Encrypts what is written to it into `file`; only `finish` makes the file complete."""

    def __init__(self, file: BinaryIO, recipients: Sequence[str]) -> None:
        if not recipients:
            raise ValueError("an encrypted file needs a recipient")
        secret, nonce = os.urandom(16), os.urandom(16)
        head = f"{VERSION}\n{''.join(_stanza(recipient, secret) for recipient in recipients)}---"
        file.write(f"{head} {_text(_mac(secret, head))}\n".encode("ascii") + nonce)
        self._file = file
        self._cipher = ChaCha20Poly1305(_derived(secret, nonce, b"payload"))
        self._waiting = bytearray()
        self._count = 0
        self._abandoned = False

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def write(self, data: object) -> int:
        """Take bytes; whole pieces are encrypted at once."""
        given = bytes(memoryview(data))  # type: ignore[arg-type]  # any buffer, as io has it
        if self._abandoned:
            return len(given)
        self._waiting += given
        while len(self._waiting) > PIECE:  # the last piece is known only at the end
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(given)

    def finish(self) -> None:
        """Write the last piece; `file` stays open."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def abandon(self) -> None:
        """The file will never be complete: what is still written to it goes nowhere."""
        self._abandoned = True
        self._waiting.clear()

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._count, last=last), piece, None))
        self._count += 1


class Reader(io.RawIOBase):
    """Decrypts `file` while it is read; `CannotOpen` as soon as something does not hold."""

    def __init__(self, file: BinaryIO, secret: bytes) -> None:
        key = _opened_header(file, secret)
        nonce = file.read(16)
        self._cipher = ChaCha20Poly1305(_derived(key, nonce, b"payload"))
        self._file = file
        self._ahead = file.read(PIECE + TAG)
        self._ready = memoryview(b"")
        self._count = 0
        self._ended = False

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, target: object) -> int:
        """Fill the buffer with what comes next, 0 at the end of a file that is whole."""
        while not self._ready and not self._ended:
            self._ready = memoryview(self._next())
        given = memoryview(target).cast("B")  # type: ignore[arg-type]  # any buffer, as io has it
        count = min(len(given), len(self._ready))
        given[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def drain(self) -> None:
        """Read to the end: what was cut off behind the last member is noticed, too."""
        while self.read(PIECE):
            pass

    def _next(self) -> bytes:
        piece, self._ahead = self._ahead, self._file.read(PIECE + TAG)
        self._ended = not self._ahead
        nonce = _nonce(self._count, last=self._ended)
        self._count += 1
        try:
            return self._cipher.decrypt(nonce, piece, None)
        except (InvalidTag, ValueError):
            raise CannotOpen("the encrypted file was changed or ends too early") from None


def _stanza(recipient: str, secret: bytes) -> str:
    public = recipient_key(recipient)
    once = X25519PrivateKey.generate()
    share = once.public_key().public_bytes_raw()
    shared = once.exchange(X25519PublicKey.from_public_bytes(public))
    wrapping = ChaCha20Poly1305(_derived(shared, share + public, LABEL))
    return f"-> X25519 {_text(share)}\n{_text(wrapping.encrypt(bytes(12), secret, None))}\n"


def _opened_header(file: BinaryIO, secret: bytes) -> bytes:
    lines = _header_lines(file)
    head, _, mac = "\n".join(lines).rpartition(" ")
    for line, body in pairwise(lines):
        words = line.split(" ")
        if words[:2] != ["->", "X25519"] or len(words) != 3:
            continue
        key = _unwrapped(_bytes(words[2]), _bytes(body), secret)
        if key is not None:
            if not hmac.compare_digest(_mac(key, head), _bytes(mac)):
                raise CannotOpen("the head of the encrypted file was changed")
            return key
    raise CannotOpen("the file is not encrypted for this key")


def _header_lines(file: BinaryIO) -> list[str]:
    lines: list[str] = []
    while not lines or not lines[-1].startswith("--- "):
        line = file.readline(LONGEST_LINE)
        if not line.endswith(b"\n") or len(lines) == MOST_LINES or not line.isascii():
            raise CannotOpen("this is no age file, or its head is damaged")
        lines.append(line[:-1].decode("ascii"))
        if lines[0] != VERSION:
            raise CannotOpen("this is no age file")
    return lines


def _unwrapped(share: bytes, body: bytes, secret: bytes) -> bytes | None:
    own = X25519PrivateKey.from_private_bytes(secret)
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(share))
        salt = share + own.public_key().public_bytes_raw()
        return ChaCha20Poly1305(_derived(shared, salt, LABEL)).decrypt(bytes(12), body, None)
    except (InvalidTag, ValueError):
        return None


def _nonce(count: int, *, last: bool) -> bytes:
    return count.to_bytes(11, "big") + bytes([last])


def _derived(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def _mac(secret: bytes, head: str) -> bytes:
    return hmac.digest(_derived(secret, b"", b"header"), head.encode("ascii"), "sha256")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise CannotOpen("the head of the encrypted file is damaged") from None
