"""Whether the seal of a PDF is whole: by whom, when, over which bytes, with which time stamps.

Accepted are a file as it was sealed, and the same file with time stamps put around it afterwards
(the updates of PAdES LTA). Every other byte behind the seal is refused, also one that the library
would call harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from documents.errors import SealBroken
from documents.sealing import FIELD
from documents.stamping import load_certificate

Certificates = Sequence[asn1_x509.Certificate]
WHOLE = SignatureCoverageLevel.ENTIRE_FILE
REVISION = SignatureCoverageLevel.ENTIRE_REVISION


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """What a valid seal says: whose it is, when it says it was made, over which bytes.

    `time_proven` is false without a time stamp of a trusted third party: the time is then the
    issuing site's own statement. `stamped_at` are the times of the stamps around the file, oldest
    first; `time_words` says in words who vouches for the time.
    """

    issuer: str
    sealed_at: datetime
    certificate_sha256: str
    coverage: str
    time_proven: bool
    stamped_at: tuple[datetime, ...] = ()

    @property
    def time_words(self) -> str:
        """Who vouches for the time of the seal."""
        return "time proven by a time stamp" if self.time_proven else "time stated by the site"


def check_seal(
    pdf: bytes,
    roots: Sequence[bytes],
    *,
    authorities: Sequence[bytes] = (),
    at: datetime | None = None,
) -> SealReport:
    """Return the report of a valid seal; `SealBroken` names what is wrong otherwise.

    `roots` are the trusted certificates of the site's seals, `authorities` those of time stamp
    authorities (PEM or DER). Without an authority a stamp proves no time but may stand there. The
    certificate must be valid at `at`, or, when None, at the time that the seal itself states; a
    proven time within the certificate's life is enough for any later `at`. What lies behind the
    seal may be time stamps with their evidence and nothing else.
    """
    own = [load_certificate(root) for root in roots]
    trusted = [load_certificate(root) for root in authorities]
    try:
        return _report(pdf, own, trusted, at)
    except SealBroken:
        raise
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise SealBroken(f"the file or its seal cannot be read: {error}") from error


def _report(
    pdf: bytes, roots: Certificates, authorities: Certificates, at: datetime | None
) -> SealReport:
    reader = PdfFileReader(BytesIO(pdf))
    seal = _only_seal(reader)
    stated = seal.self_reported_timestamp
    if stated is None:
        raise SealBroken("the seal states no time")
    certificate = seal.signer_cert
    _check_certificates([certificate, *seal.other_embedded_certs], roots)
    stamps = list(reader.embedded_timestamp_signatures)
    stamped = _check_stamps(pdf, stamps, authorities, at)
    proven = bool(stamped) and bool(authorities)
    moment = stated if proven or at is None else at
    _check_dates(certificate, moment)
    if proven:
        # What a third party saw must have been sealed within the life of the certificate.
        _check_dates(certificate, stamped[0])
    status = _validated(seal, roots, authorities, moment, stamped[0] if stamped else moment)
    if why := _wrong(status, proven=proven):
        raise SealBroken(f"the seal is not valid: {why}")
    _check_coverage(status, behind=bool(stamps))
    _check_room(pdf, seal)
    _check_head(seal)
    if not stamps:
        _check_spelling(seal)
    return SealReport(
        issuer=certificate.subject.human_friendly,
        sealed_at=stated,
        certificate_sha256=certificate.sha256.hex(),
        coverage=WHOLE.name,
        time_proven=proven,
        stamped_at=tuple(stamped),
    )


def _only_seal(reader: PdfFileReader) -> EmbeddedPdfSignature:
    seals = reader.embedded_regular_signatures
    if len(seals) != 1 or seals[0].field_name != FIELD:
        raise SealBroken(f"expected exactly one seal of a site, found {len(seals)}")
    seal: EmbeddedPdfSignature = seals[0]
    return seal


def _check_stamps(
    pdf: bytes,
    stamps: Sequence[EmbeddedPdfSignature],
    authorities: Certificates,
    at: datetime | None,
) -> list[datetime]:
    """The times of all stamps around the file, each valid when the next was made."""
    times = [_time_of(stamp) for stamp in stamps]
    for number, stamp in enumerate(stamps):
        last = number + 1 == len(stamps)
        _check_room(pdf, stamp)
        until = (at or times[number]) if last else times[number + 1]
        _check_stamp(stamp, authorities, until, last=last)
    return times


def _time_of(stamp: EmbeddedPdfSignature) -> datetime:
    told = stamp.signed_data["encap_content_info"]["content"].parsed
    time: datetime = told["gen_time"].native
    return time


def _check_stamp(
    stamp: EmbeddedPdfSignature, authorities: Certificates, until: datetime, *, last: bool
) -> None:
    status = validate_pdf_timestamp(stamp, _trust(authorities, until))
    if not (status.intact and status.valid):
        raise SealBroken("a time stamp does not fit the file")
    if authorities and not status.trusted:
        raise SealBroken(f"a time stamp is not valid as of {until.isoformat()}")
    if status.coverage != (WHOLE if last else REVISION):
        raise SealBroken("the newest time stamp does not cover the entire file")


def _check_coverage(status: PdfSignatureStatus, *, behind: bool) -> None:
    if status.coverage != (REVISION if behind else WHOLE):
        raise SealBroken("the seal does not cover the entire file")
    if behind and status.modification_level not in (
        ModificationLevel.NONE,
        ModificationLevel.LTA_UPDATES,
    ):
        raise SealBroken("behind the seal stands more than time stamps")


def _check_certificates(embedded: Certificates, roots: Certificates) -> None:
    # The library compares name and key with a trusted root, not the bytes, and ignores
    # certificates that it does not need.
    trusted = [root.dump() for root in roots]
    if any(certificate.dump() not in trusted for certificate in embedded):
        raise SealBroken("the certificate of the seal is not one of the trusted ones")


def _check_dates(certificate: asn1_x509.Certificate, moment: datetime) -> None:
    # The library does not look at the dates of a certificate that is itself a trusted root.
    if not certificate.not_valid_before <= moment <= certificate.not_valid_after:
        raise SealBroken(f"the certificate of the seal was not valid at {moment.isoformat()}")


def _validated(
    seal: EmbeddedPdfSignature,
    roots: Certificates,
    authorities: Certificates,
    moment: datetime,
    stamped: datetime,
) -> PdfSignatureStatus:
    return validate_pdf_signature(
        seal, _trust(roots, moment), ts_validation_context=_trust(authorities, stamped)
    )


def _trust(roots: Certificates, moment: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=list(roots), moment=moment, allow_fetching=False, revocation_mode="soft-fail"
    )


def _check_room(pdf: bytes, seal: EmbeddedPdfSignature) -> None:
    """The place of a seal itself is not covered by it: it may hold the seal and zeros only."""
    begin, length, resume, _ = (int(each) for each in seal.byte_range)
    room = pdf[begin + length : resume]
    content: bytes = seal.pkcs7_content
    size = _strict(content, 0, len(content))
    written = b"<" + content[:size].hex().upper().encode().ljust(len(room) - 2, b"0") + b">"
    if room != written:
        raise SealBroken("the room of the seal holds something besides the seal")


def _strict(content: bytes, start: int, end: int) -> int:
    """Where the value that begins at `start` ends, every length in it written the one DER way.

    Linear, unlike writing it anew with the library, which doubles its work with each level and
    needs minutes for a seal with a time stamp inside.
    """
    if start + 2 > end or content[start] & 0x1F == 0x1F:
        raise SealBroken("the seal is not written as DER")
    first, body = content[start + 1], start + 2
    length = first
    if first & 0x80:
        digits = content[body : body + (first & 0x7F)]
        length = int.from_bytes(digits, "big")
        body += len(digits)
        if not digits or digits[0] == 0 or length < 0x80:
            raise SealBroken("the seal is not written as DER")
    stop = body + length
    if stop > end:
        raise SealBroken("the seal is not written as DER")
    place = body
    while content[start] & 0x20 and place < stop:
        place = _strict(content, place, stop)
    return stop


def _check_spelling(seal: EmbeddedPdfSignature) -> None:
    # What no time stamp covers is written anew: a second spelling of the same seal differs.
    content: bytes = cms.ContentInfo.load(seal.pkcs7_content).dump(force=True)
    if content != seal.pkcs7_content[: len(content)]:
        raise SealBroken("the seal is not spelled as it was written")


def _check_head(seal: EmbeddedPdfSignature) -> None:
    # The two fields of the seal that nothing signs.
    listed = [each["algorithm"].native for each in seal.signed_data["digest_algorithms"]]
    if listed != [seal.md_algorithm] or seal.signed_data["version"].native != "v1":
        raise SealBroken("the head of the seal is not as it is written")


def _wrong(status: PdfSignatureStatus, *, proven: bool) -> str:
    """What is wrong in words; empty when nothing is."""
    inner = status.timestamp_validity
    reasons = [
        (not status.intact, "the sealed bytes were changed"),
        (not status.valid, "the signature does not fit the certificate"),
        (not status.trusted, "the certificate is not one of the trusted ones or was not valid"),
        (status.docmdp_ok is False, "the file was changed after it was sealed"),
        (
            inner is not None and not (inner.valid and inner.intact),
            "its time stamp does not fit the seal",
        ),
        (
            inner is not None and proven and not inner.trusted,
            "its time stamp is not of a trusted authority",
        ),
    ]
    return "; ".join(text for wrong, text in reasons if wrong)
