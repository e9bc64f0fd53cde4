"""Time stamps of an outside authority around sealed PDF files (RFC 3161, PAdES B-LTA).

A time stamp proves that the file, seal included, existed then, also after the certificate of the
seal has expired. Each one holds as long as the authority's certificate; before that the next is put
around the file (`renew`). Nothing here opens a connection: who calls brings `ask`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from asn1crypto import crl as asn1_crl
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, TimestampDSSContentSettings
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from documents.errors import StampFailed

Ask = Callable[[bytes], bytes]
"""Sends a TimeStampReq (DER) to the authority and answers its TimeStampResp (DER)."""
DIGEST = "sha256"
# The evidence comes before the time stamp that covers it, so that nothing stands behind the last.
EVIDENCE_FIRST = DSSContentSettings(
    include_vri=False,
    next_ts_settings=TimestampDSSContentSettings(include_vri=False, update_before_ts=True),
)


@dataclass(frozen=True, slots=True)
class TimeAuthority:
    """How to reach a time stamp authority, and the certificates (PEM or DER) that it is held to.

    `revoked` are revocation lists (DER) of its issuers, which are put into the file beside it.
    """

    ask: Ask
    roots: tuple[bytes, ...]
    revoked: tuple[bytes, ...] = ()

    def stamper(self) -> TimeStamper:
        """The authority as the library wants it, for one file."""
        return _Asking(self.ask)


class _Asking(TimeStamper):
    def __init__(self, ask: Ask) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library is half typed
        self._ask = ask

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        return tsp.TimeStampResp.load(self._ask(req.dump()))


def context(
    authority: TimeAuthority, own: Sequence[asn1_x509.Certificate], *, at: datetime | None
) -> ValidationContext:
    """What is trusted when a file is stamped at `at`: the site's certificates and the authority."""
    return ValidationContext(
        trust_roots=[*own, *(load_certificate(root) for root in authority.roots)],
        crls=[asn1_crl.CertificateList.load(each) for each in authority.revoked],
        allow_fetching=False,
        revocation_mode="soft-fail",
        moment=at,
    )


def renew(pdf: bytes, *, authority: TimeAuthority, own: Sequence[bytes]) -> bytes:
    """The sealed file with one more time stamp around it, and what proves those before.

    `own` are the certificates of the site's seals. The pages stay as they are. Raises StampFailed
    when the authority gives no good answer. Check the file before (`sealcheck`): a new stamp says
    nothing about an old one.
    """
    trusted = [load_certificate(each) for each in own]
    try:
        return asyncio.run(_stamped(pdf, authority, trusted))
    except (
        Exception
    ) as error:  # the library raises many kinds, and so does the way to the authority
        raise StampFailed(f"the time stamp authority gave no good answer: {error}") from error


async def _stamped(
    pdf: bytes, authority: TimeAuthority, own: Sequence[asn1_x509.Certificate]
) -> bytes:
    out = BytesIO()
    await PdfTimeStamper(authority.stamper()).async_timestamp_pdf(
        IncrementalPdfFileWriter(BytesIO(pdf)),
        DIGEST,
        context(authority, own, at=None),
        output=out,
        dss_settings=EVIDENCE_FIRST.get_settings_for_ts(),
    )
    return out.getvalue()


def proven_until(pdf: bytes) -> datetime | None:
    """When the certificate behind the newest time stamp of a file ends; None when it has none."""
    stamps = PdfFileReader(BytesIO(pdf)).embedded_timestamp_signatures
    if not stamps:
        return None
    newest: EmbeddedPdfSignature = stamps[-1]
    end: datetime = newest.signer_cert.not_valid_after
    return end


def load_certificate(content: bytes) -> asn1_x509.Certificate:
    """A certificate from PEM or DER; ValueError when it is neither."""
    if content.lstrip().startswith(b"-----"):
        content = x509.load_pem_x509_certificate(content).public_bytes(serialization.Encoding.DER)
    return asn1_x509.Certificate.load(content)
