"""Keys of the site: one signs checkpoints of the log, another signs exports; never mixed.

Private keys lie in files of mode 0600 under `settings.keys`, each with its purpose in its first
word, so that one can never be taken for another. Keys of people are published by `personnel`.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import canonical, verifier
from core.errors import BrokenPromise

LOG_PURPOSE = "batchwright-log-key-v1"
EXPORT_PURPOSE = "batchwright-export-key-v1"
LOG_FILE = "log.key"
EXPORT_FILE = "export.key"
RETIRED_LOG_KEYS = "log.retired"
"""Verifier keys of former log keys, one a line; old checkpoints verify with them."""
RETIRED_EXPORT_KEYS = "export.retired"
"""Public parts of former export keys in base64, one a line; old bundles verify with them."""


class LogSigner:
    """Signs checkpoints in the name of the log's origin."""

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        self.origin = origin
        self._key = key
        self._public = key.public_key().public_bytes_raw()

    @property
    def vkey(self) -> str:
        """The C2SP verifier key: ``origin+hash+base64``."""
        hashed = verifier.note_key_hash(self.origin, self._public).hex()
        encoded = base64.b64encode(b"\x01" + self._public).decode("ascii")
        return f"{self.origin}+{hashed}+{encoded}"

    def named(self, origin: str) -> LogSigner:
        """The same key signing in the name of another origin (a log after a restore)."""
        return LogSigner(origin, self._key)

    def sign(self, text: str) -> str:
        """The signature line of a C2SP signed note over `text` (which ends with a newline)."""
        signature = self._key.sign(text.encode("utf-8"))
        data = verifier.note_key_hash(self.origin, self._public) + signature
        return f"\u2014 {self.origin} {base64.b64encode(data).decode('ascii')}\n"


class ExportSigner:
    """Signs the manifests of evidence bundles."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The name of the key, which follows from it."""
        return verifier.export_key_id(self.public)

    def sign(self, data: bytes) -> bytes:
        """64 bytes Ed25519."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class SiteKeys:
    """The keys that the sequencer and the exporter hold."""

    log: LogSigner
    export: ExportSigner
    retired_log: tuple[str, ...] = ()
    witness: tuple[str, ...] = ()
    """Verifier keys of the log witnesses that this site asks."""
    retired_export: tuple[bytes, ...] = ()

    def log_keys(self) -> tuple[verifier.LogKey, ...]:
        """All keys that may have signed checkpoints of this site."""
        return tuple(verifier.LogKey(vkey) for vkey in (self.log.vkey, *self.retired_log))

    def published(self) -> dict[str, Any]:
        """What outsiders need; also the form of a trust file given through another channel."""
        export = [
            {
                "key_id": verifier.export_key_id(public),
                "public": base64.b64encode(public).decode("ascii"),
            }
            for public in (self.export.public, *self.retired_export)
        ]
        witness = {"witness": list(self.witness)} if self.witness else {}
        return {
            "v": 1,
            "origin": self.log.origin,
            "log": [self.log.vkey, *self.retired_log],
            "export": export,
            **witness,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonKey:
    """A person's published key: 32 bytes Ed25519, valid from (inclusive) until (exclusive).

    Both are times of the site, as signatures name it in `at`.
    """

    badge: str
    public: bytes
    valid_from: datetime
    valid_until: datetime | None = None

    @property
    def key_id(self) -> str:
        """The name of the key, which follows from it."""
        return verifier.person_key_id(self.public)

    def published(self) -> dict[str, Any]:
        """As it stands in ``keys/people.json`` of a bundle."""
        until = self.valid_until
        return {
            "key_id": self.key_id,
            "badge": self.badge,
            "public": canonical.bytes_text(self.public),
            "valid_from": canonical.moment_text(self.valid_from),
            "valid_until": None if until is None else canonical.moment_text(until),
        }


@dataclass(frozen=True, slots=True)
class KeyBook:
    """Public keys that verification trusts: of the log, and of people by key id."""

    log: tuple[verifier.LogKey, ...]
    people: Mapping[str, PersonKey] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: SiteKeys, people: list[PersonKey]) -> KeyBook:
        """A book of the site's own keys and those of its people."""
        return cls(keys.log_keys(), {key.key_id: key for key in people})


def open_or_make(folder: Path, origin: str) -> SiteKeys:
    """The site's keys from their files; missing ones are made, once, whoever comes first.

    `BrokenPromise` when a file is readable by others or holds a key of another purpose.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SiteKeys(
        LogSigner(origin, key_from(folder / LOG_FILE, LOG_PURPOSE)),
        ExportSigner(key_from(folder / EXPORT_FILE, EXPORT_PURPOSE)),
        tuple(_lines(folder / RETIRED_LOG_KEYS)),
        retired_export=tuple(
            base64.b64decode(line, validate=True) for line in _lines(folder / RETIRED_EXPORT_KEYS)
        ),
    )


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def key_from(path: Path, purpose: str) -> Ed25519PrivateKey:
    """The key of a file, made once where there is none. Raises BrokenPromise as `open_or_make`."""
    if not path.exists():
        _make(path, purpose)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BrokenPromise(f"key file {path.name} is open to others; it must have mode 0600")
    found, _, seed = path.read_text(encoding="ascii").strip().partition(" ")
    if found != purpose or len(seed) != 64:
        raise BrokenPromise(f"key file {path.name} does not hold a {purpose}")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))


def _make(path: Path, purpose: str) -> None:
    # Written aside and linked into place: two processes that start at once agree on one key.
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as written:
            written.write(f"{purpose} {secrets.token_hex(32)}\n")
            written.flush()
            os.fsync(written.fileno())
        if not path.exists():
            _link(aside, path)
    finally:
        aside.unlink()


def _link(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        return
