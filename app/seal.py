"""What seals documents: the site's RSA key with its certificate, and the time stamp authority."""

from __future__ import annotations

import os
import secrets
import stat
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from audit import timestamps
from audit.verifier import Invalid
from audit.witnessclient import NoAnswer, post
from core.errors import BrokenPromise
from core.settings import Settings
from documents.sealing import SealKey, make_site_certificate
from documents.stamping import TimeAuthority

FILE = "seal.pem"
RETIRED = "seal.retired"
"""Certificates (PEM) of former sealing keys; PDFs that they sealed are checked with them."""
BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def open_or_make(folder: Path, site_name: str, *, at: datetime) -> SealKey:
    """The site's seal from its file (key and certificate, mode 0600); made once when missing.

    `at` is real time and dates a new certificate. `BrokenPromise` when others can read the file.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    if not path.exists():
        _make(path, site_name, at)
    return read(path)


def read(path: Path) -> SealKey:
    """Key and certificate of a file, with the certificates of former ones beside it.

    `BrokenPromise` when others can read the file, or it holds something else.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BrokenPromise(f"key file {path.name} is open to others; it must have mode 0600")
    private, mark, certificate = path.read_bytes().partition(BEGIN_CERTIFICATE)
    if not mark or b"PRIVATE KEY" not in private:
        raise BrokenPromise(f"key file {path.name} does not hold a sealing key and certificate")
    return SealKey(private, mark + certificate, former(path.parent))


def former(folder: Path) -> tuple[bytes, ...]:
    """Certificates of former seals, the last one first."""
    file = folder / RETIRED
    parts = file.read_bytes().split(BEGIN_CERTIFICATE)[1:] if file.exists() else []
    return tuple(BEGIN_CERTIFICATE + part for part in reversed(parts))


def authority_of(settings: Settings) -> TimeAuthority | None:
    """The time stamp authority of the settings (``URL FILE``), None when they name none.

    BrokenPromise when the file with its certificates cannot be read.
    """
    if not settings.time_authority.strip():
        return None
    try:
        url, file = settings.time_authority.split(maxsplit=1)
        roots = timestamps.roots_of(Path(file).read_bytes())
    except (ValueError, OSError, Invalid) as problem:
        raise BrokenPromise(f"BATCHWRIGHT_TIME_AUTHORITY is 'URL FILE': {problem}") from None
    pem = tuple(root.public_bytes(Encoding.PEM) for root in roots)
    return TimeAuthority(partial(_ask, url), pem)


def _ask(url: str, request: bytes) -> bytes:
    answer = post(url, request, "application/timestamp-query")
    if answer.status != HTTPStatus.OK:
        raise NoAnswer(f"{url} answers with status {answer.status}")
    return answer.body


def _make(path: Path, site_name: str, at: datetime) -> None:
    # Written aside and linked into place: two processes that start at once agree on one key.
    key = make_site_certificate(site_name, at=at)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "wb") as written:
            written.write(key.private_pem + key.certificate_pem)
            written.flush()
            os.fsync(written.fileno())
        _link(aside, path)
    finally:
        aside.unlink()


def _link(aside: Path, path: Path) -> None:
    try:
        os.link(aside, path)
    except FileExistsError:
        return
