"""Certificates of the simulated OPC UA server: its own one, and the clients it trusts.

Layout below the given folder: `own/cert.der`, `own/key.pem` (mode 0600), and `trusted/*.der` or
`*.pem` with client certificates. The folder is read at every new session, so that trust given
while the server runs counts at once; an empty folder trusts nobody.
"""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.cert_gen import generate_self_signed_app_certificate
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.ua.status_codes import StatusCodes
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

from hardware.simulators.nodes import APPLICATION_URI

HOST = "127.0.0.1"
LIFETIME_DAYS = 365
RENEW_BEFORE = timedelta(days=30)


def ensure_certificate(pki: Path) -> Path:
    """Make key and self-signed certificate unless good ones exist; returns the certificate.

    The certificate is renewed 30 days before it ends; the key stays.
    """
    own = pki / "own"
    own.mkdir(parents=True, exist_ok=True)
    (pki / "trusted").mkdir(exist_ok=True)
    key_path, cert_path = own / "key.pem", own / "cert.der"
    key = _load_or_make_key(key_path)
    if not _is_good(cert_path, key):
        cert_path.write_bytes(_self_signed(key).public_bytes(Encoding.DER))
    return cert_path


def _load_or_make_key(path: Path) -> rsa.RSAPrivateKey:
    if path.exists():
        key = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ValueError(f"{path.name} is not an RSA key")
        return key
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    data = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return key


def _is_good(path: Path, key: rsa.RSAPrivateKey) -> bool:
    if not path.exists():
        return False
    certificate = x509.load_der_x509_certificate(path.read_bytes())
    fresh = certificate.not_valid_after_utc - RENEW_BEFORE > datetime.now(UTC)
    return fresh and certificate.public_key() == key.public_key()


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    names = [
        x509.UniformResourceIdentifier(APPLICATION_URI),
        x509.DNSName("localhost"),
        x509.DNSName(socket.gethostname()),
    ]
    return generate_self_signed_app_certificate(
        key,
        "GRAN (simulated)",
        {"organizationName": "Demo plant"},
        names,
        [ExtendedKeyUsageOID.SERVER_AUTH],
        LIFETIME_DAYS,
    )


class TrustedClients:
    """Asked at every new session: is this very certificate in the trusted folder?"""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._basic = CertificateValidator(
            CertificateValidatorOptions.BASIC_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
        )

    async def __call__(
        self, certificate: x509.Certificate, application: ua.ApplicationDescription
    ) -> None:
        """Raise ServiceError BadCertificateUntrusted for an unknown certificate."""
        if certificate.fingerprint(SHA256()) not in self._fingerprints():
            raise ServiceError(StatusCodes.BadCertificateUntrusted)
        await self._basic.validate(certificate, application)

    def _fingerprints(self) -> set[bytes]:
        prints = set()
        for path in sorted(self._folder.glob("*")):
            if path.suffix == ".der":
                prints.add(x509.load_der_x509_certificate(path.read_bytes()).fingerprint(SHA256()))
            elif path.suffix == ".pem":
                prints.add(x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(SHA256()))
        return prints
