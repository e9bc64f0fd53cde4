"""The sealing key of the site: one RSA key and its certificate, under the site's key folder."""

from __future__ import annotations

import os
import secrets
import stat
from datetime import datetime
from pathlib import Path

from core.errors import BrokenPromise
from documents.sealing import SealKey, make_site_certificate

FILE = "seal.pem"
BEGIN_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def open_or_make(folder: Path, site_name: str, *, at: datetime) -> SealKey:
    """The site's seal from its file (key and certificate, mode 0600); made once when missing.

    `at` is real time and dates a new certificate. `BrokenPromise` when others can read the file.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE
    if not path.exists():
        _make(path, site_name, at)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BrokenPromise(f"key file {path.name} is open to others; it must have mode 0600")
    private, mark, certificate = path.read_bytes().partition(BEGIN_CERTIFICATE)
    if not mark or b"PRIVATE KEY" not in private:
        raise BrokenPromise(f"key file {path.name} does not hold a sealing key and certificate")
    return SealKey(private, mark + certificate)


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
