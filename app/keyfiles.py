"""The key files of a site and how each is exchanged: made aside, announced, then put in place.

A rotation that was broken off leaves the new key aside (``<file>.next``) and is gone on with; at no
moment is there no key, and the old public part is kept before the old key goes (URS-SIG-100).
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app import seal
from audit import keys, verifier
from audit.keys import ExportSigner, LogSigner
from core.settings import Settings
from documents.sealing import certificate_digest, make_site_certificate
from web.settings import KEY_FILE as WEB_FILE

NEXT = ".next"
LOCK = "rotation.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a new key is made for: the log's name, the site's name, and real time."""

    origin: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of key: its file, where former public parts are kept, and what it does."""

    name: str
    signs: str
    file: str
    retired: str | None
    make: Callable[[Path, Site], None]
    public: Callable[[Path, Site], str]
    """The name by which others know the key."""
    kept: Callable[[Path, Site], bytes]
    """What is kept of it for ever when it is retired."""
    endorse: Callable[[Path, bytes], bytes] | None
    """A signature of the key over a text; none where it has no public part."""


def kinds() -> Mapping[str, Kind]:
    """Every kind of key that lies in the key folder of a site and is exchanged there."""
    return {each.name: each for each in (_LOG, _EXPORT, _SEAL, _WEB)}


def next_of(settings: Settings, kind: Kind, site: Site) -> Path:
    """The new key aside, made now if a rotation that was broken off left none."""
    aside = aside_of(settings, kind)
    if not aside.exists():
        kind.make(aside, site)
        _sync(settings.keys)
    return aside


def aside_of(settings: Settings, kind: Kind) -> Path:
    """Where the new key lies until it takes over."""
    return settings.keys / f"{kind.file}{NEXT}"


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """No other process of this machine puts a key in place meanwhile; the system frees the lock
    of one that is killed."""
    with (settings.keys / LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def put_in_place(settings: Settings, kind: Kind, site: Site) -> None:
    """Keep the old public part, then let the new key be the key; done again it does no more."""
    file = settings.keys / kind.file
    if kind.retired is not None:
        _keep(settings.keys / kind.retired, kind.kept(file, site))
    aside_of(settings, kind).replace(file)
    _sync(settings.keys)


def mark_of(settings: Settings) -> tuple[tuple[int, int], ...]:
    """What changes when a key file is exchanged: processes see by it that they hold an old key.

    Raises OSError when one of the files cannot be reached.
    """
    found = ((settings.keys / kind.file).stat() for kind in (_LOG, _EXPORT, _SEAL))
    return tuple((each.st_ino, each.st_mtime_ns) for each in found)


def _keep(file: Path, line: bytes) -> None:
    before = file.read_bytes() if file.exists() else b""
    if line not in before:
        aside = file.with_name(f"{file.name}{NEXT}")
        _write(aside, before + line)
        aside.replace(file)


def _write(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as written:
        written.write(data)
        written.flush()
        os.fsync(written.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _log_signer(file: Path, site: Site) -> LogSigner:
    return LogSigner(site.origin, keys.key_from(file, keys.LOG_PURPOSE))


def _exported(file: Path) -> bytes:
    return ExportSigner(keys.key_from(file, keys.EXPORT_PURPOSE)).public


def _by_ed25519(purpose: str) -> Callable[[Path, bytes], bytes]:
    return lambda file, text: keys.key_from(file, purpose).sign(text)


def _make_ed25519(purpose: str) -> Callable[[Path, Site], None]:
    def make(file: Path, _site: Site) -> None:
        seed = Ed25519PrivateKey.generate().private_bytes_raw().hex()
        _write(file, f"{purpose} {seed}\n".encode("ascii"))

    return make


def _make_seal(file: Path, site: Site) -> None:
    made = make_site_certificate(site.name, at=site.at)
    _write(file, made.private_pem + made.certificate_pem)


def _certificate(file: Path) -> bytes:
    return seal.read(file).certificate_pem


def _by_rsa(file: Path, text: bytes) -> bytes:
    key = cast(rsa.RSAPrivateKey, load_pem_private_key(seal.read(file).private_pem, None))
    return key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def _fingerprint(file: Path, _site: Site) -> str:
    return hashlib.sha256(b"batchwright-web-key-v1\n" + file.read_bytes()).hexdigest()[:16]


_LOG = Kind(
    name="log",
    signs="checkpoints of the audit log",
    file=keys.LOG_FILE,
    retired=keys.RETIRED_LOG_KEYS,
    make=_make_ed25519(keys.LOG_PURPOSE),
    public=lambda file, site: _log_signer(file, site).vkey,
    kept=lambda file, site: f"{_log_signer(file, site).vkey}\n".encode("ascii"),
    endorse=_by_ed25519(keys.LOG_PURPOSE),
)
_EXPORT = Kind(
    name="export",
    signs="manifests of evidence bundles",
    file=keys.EXPORT_FILE,
    retired=keys.RETIRED_EXPORT_KEYS,
    make=_make_ed25519(keys.EXPORT_PURPOSE),
    public=lambda file, _site: verifier.export_key_id(_exported(file)),
    kept=lambda file, _site: base64.b64encode(_exported(file)) + b"\n",
    endorse=_by_ed25519(keys.EXPORT_PURPOSE),
)
_SEAL = Kind(
    name="seal",
    signs="PDFs of records and reports",
    file=seal.FILE,
    retired=seal.RETIRED,
    make=_make_seal,
    public=lambda file, _site: certificate_digest(seal.read(file)),
    kept=lambda file, _site: _certificate(file),
    endorse=_by_rsa,
)
_WEB = Kind(
    name="web",
    signs="cookies and forms of the browser; everybody signs in again",
    file=WEB_FILE,
    retired=None,
    make=lambda file, _site: _write(file, os.urandom(32)),
    public=_fingerprint,
    kept=lambda _file, _site: b"",
    endorse=None,
)
