"""RFC 3161 time stamps over checkpoint notes: asked for, verified, stored, found again.

`rfc3161-client` does the parsing and checking of tokens: the other library at hand, pyHanko, is
kept inside `documents`, and a hand-made check of CMS signatures is what nobody should trust. It is
strict: a token whose certificates are not in DER order (OpenSSL with ``certs`` set) is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.errors import VerificationError
from rfc3161_client.tsp import TimeStampRequest
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.anchormodels import TimestampToken
from audit.verifier import Invalid
from core.db import site_of

DAILY = "daily"
RELEASE = "release"
PLACE = "time stamp"


@dataclass(frozen=True, slots=True)
class Stamped:
    """A verified answer: its DER bytes and the authority's time."""

    token: bytes
    at: datetime


def tokens(session: Session, size: int) -> Sequence[TimestampToken]:
    """Time stamps over the note of the checkpoint of that size, oldest first.

    `TimestampToken.token` is the DER of the whole TimeStampResp, as ``openssl ts -reply -in`` reads
    it; it covers the UTF-8 bytes of `Checkpoint.note` (without cosignatures), hashed with SHA-256.
    """
    return session.scalars(
        select(TimestampToken)
        .where(TimestampToken.site_id == site_of(session), TimestampToken.size == size)
        .order_by(TimestampToken.stamped_at, TimestampToken.id)
    ).all()


def request_for(note: str) -> TimeStampRequest:
    """What is sent for a note: SHA-256, a nonce, and the wish for the signer's certificate."""
    return (
        TimestampRequestBuilder()
        .data(note.encode("utf-8"))
        .hash_algorithm(HashAlgorithm.SHA256)
        .cert_request(cert_request=True)
        .build()
    )


def check(
    answer: bytes, note: str, roots: Sequence[Certificate], asked: TimeStampRequest | None = None
) -> Stamped:
    """The answer is a good time stamp over the note by an authority under `roots`; else `Invalid`.

    With the request at hand its nonce must come back. Certificates count as of the time stamped.
    """
    builder = VerifierBuilder() if asked is None else VerifierBuilder.from_request(asked)
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, note.encode("utf-8"))
        at = response.tst_info.gen_time
    except (VerificationError, ValueError) as problem:
        raise Invalid(PLACE, str(problem)) from None
    return Stamped(answer, at.astimezone(UTC))


def roots_of(pem: bytes) -> list[Certificate]:
    """The authority's root certificates from a PEM file; `Invalid` when it holds none."""
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as problem:
        raise Invalid(PLACE, f"no certificate of the authority ({problem})") from None
