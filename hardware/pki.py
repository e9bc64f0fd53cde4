"""Certificates for machine links: our own, and the servers that we trust.

Below the folder (`Settings.pki`): ``own/cert.der`` and ``own/key.pem`` (mode 0600), ``trusted/``
with the certificates of servers that somebody has let in, ``pending/`` with those seen and not yet
judged, ``rejected/``. An empty trusted folder trusts nobody (URS-PRO-060).
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from asyncua.crypto.cert_gen import generate_self_signed_app_certificate
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from core.errors import Invalid

APPLICATION_URI = "urn:batchwright:gateway"
LIFETIME_DAYS = 365
RENEW_BEFORE = timedelta(days=30)
WARN_DAYS = (60, 30, 7)
STANDINGS = ("trusted", "pending", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCertificate:
    """A certificate in one of the folders; `thumbprint` is SHA-256 in hex."""

    standing: str
    name: str
    thumbprint: str
    until: datetime
    path: Path

    def warning(self, now: datetime) -> str | None:
        """What to say about its end: nothing, a warning 60, 30 and 7 days before, or expired."""
        left = self.until - now
        if left <= timedelta(0):
            return f"{self.name} expired on {self.until:%F}: the link is refused"
        for days in sorted(WARN_DAYS):
            if left <= timedelta(days=days):
                return f"{self.name} expires on {self.until:%F} (less than {days} days)"
        return None


class Pki:
    """The certificate folders of one installation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def certificate_path(self) -> Path:
        """Our own certificate (DER)."""
        return self.folder / "own" / "cert.der"

    @property
    def key_path(self) -> Path:
        """Our own private key (PEM, mode 0600); never in the database."""
        return self.folder / "own" / "key.pem"

    def ensure_own(self, now: datetime) -> Path:
        """Make key and certificate where they are missing or end within 30 days."""
        for name in ("own", *STANDINGS):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        key = _load_or_make_key(self.key_path)
        if not self.certificate_path.exists() or self.own().until - RENEW_BEFORE <= now:
            self.certificate_path.write_bytes(_self_signed(key).public_bytes(Encoding.DER))
        return self.certificate_path

    def own(self) -> KnownCertificate:
        """Our own certificate."""
        return _known("own", self.certificate_path)

    def list(self) -> list[KnownCertificate]:
        """Everything trusted, pending and rejected, by standing and name."""
        return [
            _known(standing, path)
            for standing in STANDINGS
            for path in sorted((self.folder / standing).glob("*.der"))
        ]

    def is_trusted(self, certificate: x509.Certificate) -> bool:
        """Whether this very certificate was let in; asked anew each time, so trust counts now."""
        wanted = thumbprint(certificate)
        return any(
            known.thumbprint == wanted for known in self.list() if known.standing == "trusted"
        )

    def remember(self, certificate: x509.Certificate) -> KnownCertificate:
        """Keep an unknown certificate under pending, unless it was judged before."""
        wanted = thumbprint(certificate)
        for known in self.list():
            if known.thumbprint == wanted:
                return known
        path = self.folder / "pending" / f"{wanted[:16]}.der"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(certificate.public_bytes(Encoding.DER))
        return _known("pending", path)

    def move(self, wanted: str, standing: str) -> KnownCertificate:
        """Trust or reject the certificate with this thumbprint (or a beginning of it).

        Raises Invalid when none or several fit.
        """
        if standing not in ("trusted", "rejected"):
            raise Invalid(f"{standing!r} is no decision", resolver="say trusted or rejected")
        fitting = [known for known in self.list() if known.thumbprint.startswith(wanted.lower())]
        if len(fitting) != 1 or not wanted:
            raise Invalid(
                f"{len(fitting)} certificates have a thumbprint that begins with {wanted!r}",
                resolver="give the whole thumbprint as it is listed",
            )
        path = self.folder / standing / fitting[0].path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        fitting[0].path.replace(path)
        return _known(standing, path)

    def trust(self, certificate: bytes, name: str) -> Path:
        """Put a certificate (DER) into the trusted folder; set-up and tests do it."""
        x509.load_der_x509_certificate(certificate)
        path = self.folder / "trusted" / f"{name}.der"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(certificate)
        return path


def thumbprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, in hex."""
    return certificate.fingerprint(SHA256()).hex()


def _known(standing: str, path: Path) -> KnownCertificate:
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    return KnownCertificate(
        standing=standing,
        name=certificate.subject.rfc4514_string(),
        thumbprint=thumbprint(certificate),
        until=certificate.not_valid_after_utc,
        path=path,
    )


def _load_or_make_key(path: Path) -> rsa.RSAPrivateKey:
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Invalid(f"{path.name} is no RSA key", resolver="administrator")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    names = [x509.UniformResourceIdentifier(APPLICATION_URI), x509.DNSName(socket.gethostname())]
    return generate_self_signed_app_certificate(
        key,
        "Batchwright gateway",
        {"organizationName": "Batchwright"},
        names,
        [ExtendedKeyUsageOID.CLIENT_AUTH],
        LIFETIME_DAYS,
    )
