"""Signatures of people, bound to what they saw (Part 11, 11.50 and 11.70; URS-SIG-050).

A person signs the manifest: canonical text that names record, object, version, digest of the
content, meaning, printed name, role, time with offset and zone, reason, the ceremony, the key, the
signature it countersigns, and the point of the record's chain it was signed at. So a signature
fits one place only. The private key never comes here: `make` gets a function that signs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import canonical, chain, verifier
from audit.errors import InvalidSignature
from audit.models import Signature
from audit.streams import Stream
from core.clock import local
from core.db import site_of
from core.house import moment

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContent:
    """What a signer is shown: the canonical state of one version of one object of a record.

    `content` is a JSON object of the sealed profile (decimals as text); `record` a stream name.
    """

    record: str
    object: str
    version: int
    content: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The value that is digested and kept in the entry."""
        return {
            "record": self.record,
            "object": self.object,
            "version": self.version,
            "content": canonical.plain(self.content),
        }

    def digest(self) -> str:
        """Hex SHA-256 of its canonical bytes."""
        return canonical.digest(self.as_dict())


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs, as at the time of signing, and how: `sign` turns bytes into 64 bytes Ed25519."""

    badge: str
    printed_name: str
    role: str
    key_id: str
    sign: Callable[[bytes], bytes] = field(repr=False)


def key_id(public_key: bytes) -> str:
    """The name of a person's public key (32 bytes Ed25519): it follows from the key itself."""
    return verifier.person_key_id(public_key)


def make(
    session: Session,
    content: SignedContent,
    *,
    signer: Signer,
    meaning: str,
    ceremony: str,
    nonce: str,
    reason: str | None = None,
    prior: Signature | None = None,
) -> Signature:
    """A signature on that content, now; put it into its act with ``act.sign(signature, content)``.

    `nonce` is used once at a site; `prior` is the signature that this one countersigns.
    """
    told = {
        **_where_and_when(session, content.record),
        "v": FORMAT,
        "record": content.record,
        "object": content.object,
        "version": content.version,
        "content_sha256": content.digest(),
        "meaning": meaning,
        "signer": signer.badge,
        "printed_name": signer.printed_name,
        "role": signer.role,
        "reason": reason,
        "ceremony": ceremony,
        "nonce": nonce,
        "key_id": signer.key_id,
        "prior": None if prior is None else digest(prior),
    }
    manifest = canonical.encode(told)
    return _signed_row(session, told, manifest, signer.sign(verifier.SIGNATURE_DOMAIN + manifest))


def _where_and_when(session: Session, record: str) -> dict[str, Any]:
    now = moment(session)
    rseq, chained = chain.head(session, str(Stream.parse(record)))
    return {
        "site": site_of(session),
        "at": local(now.site, now.zone).isoformat(timespec="microseconds"),
        "tz": now.zone,
        "real_at": canonical.moment_text(now.real),
        "after_rseq": rseq,
        "after_sha256": chained,
    }


def _signed_row(
    session: Session, told: Mapping[str, Any], manifest: bytes, signature: bytes
) -> Signature:
    now = moment(session)
    return Signature(
        record=told["record"],
        object=told["object"],
        record_version=told["version"],
        content_digest=told["content_sha256"],
        meaning=told["meaning"],
        signer=told["signer"],
        printed_name=told["printed_name"],
        role=told["role"],
        reason=told["reason"],
        at=now.site,
        real_at=now.real,
        utc_offset=told["at"][-6:],
        zone=told["tz"],
        key_id=told["key_id"],
        nonce=told["nonce"],
        manifest=manifest.decode("utf-8"),
        signature=signature,
        prior=told["prior"],
    )


def digest(signature: Signature) -> str:
    """What a countersignature names as `prior`: hex hash over manifest and signature."""
    return verifier.signature_digest(signature.manifest.encode("utf-8"), signature.signature)


def verify(signature: Signature, public_key: bytes) -> None:
    """The row says what was signed and the key signed it; else `InvalidSignature` says why not."""
    try:
        verifier.check_signature(_row(signature), public_key, place=_place(signature))
    except verifier.Invalid as error:
        raise InvalidSignature(str(error)) from None


def of_record(session: Session, record: str) -> list[Signature]:
    """All signatures of a record in order of signing, superseded versions included."""
    query = (
        select(Signature)
        .where(Signature.site_id == site_of(session), Signature.record == record)
        .order_by(Signature.real_at, Signature.id)
    )
    return list(session.scalars(query))


def _row(signature: Signature) -> dict[str, Any]:
    return {
        "record": signature.record,
        "object": signature.object,
        "record_version": signature.record_version,
        "content_digest": signature.content_digest,
        "meaning": signature.meaning,
        "signer": signature.signer,
        "printed_name": signature.printed_name,
        "role": signature.role,
        "reason": signature.reason,
        "at": canonical.moment_text(signature.at),
        "real_at": canonical.moment_text(signature.real_at),
        "utc_offset": signature.utc_offset,
        "zone": signature.zone,
        "key_id": signature.key_id,
        "nonce": signature.nonce,
        "manifest": signature.manifest,
        "signature": canonical.bytes_text(signature.signature),
        "prior": signature.prior,
    }


def _place(signature: Signature) -> str:
    return f"signature of {signature.signer} on {signature.record} {signature.object}"
