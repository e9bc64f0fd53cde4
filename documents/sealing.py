"""The site's seal on a PDF: who issued the file and that it was not changed since.

It is the seal of the site, not the signature of a person; those stand in the content. RSA-3072 on
purpose: with an EC or Ed25519 certificate the PDF would be raised to version 2.0 and stop being
PDF/A-3. The field is invisible because a visible one brings fonts that are not embedded. Long-term
material (RFC 3161 time stamps, revocation data) can be added later as incremental updates, which
`check_seal` then has to be told to accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.general import load_private_key_from_pemder_data
from pyhanko.sign.signers.pdf_signer import PdfSigner, PdfSigningSession
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from documents.errors import SealBroken

FIELD = "SiteSeal"
RSA_BITS = 3072


@dataclass(frozen=True, slots=True)
class SealKey:
    """The sealing key of a site (PKCS#8, PEM, unencrypted in memory) and its certificate (PEM)."""

    private_pem: bytes
    certificate_pem: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """What a valid seal says: whose it is, when it says it was made, over which bytes.

    `time_proven` is false while no time stamp of a third party is in the file: the time is then
    the issuing site's own statement.
    """

    issuer: str
    sealed_at: datetime
    certificate_sha256: str
    coverage: str
    time_proven: bool


def make_site_certificate(site_name: str, *, at: datetime, years: int = 15) -> SealKey:
    """A new RSA-3072 key with a self-signed certificate that may only sign documents.

    Auditors get the certificate by another channel than the sealed file.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, site_name[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{site_name[:48]} record seal"),
        ]
    )
    certificate = (
        x509.CertificateBuilder(name, name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back, so that a slightly slow clock elsewhere does not refuse the first file.
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=round(365.25 * years)))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return SealKey(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )


def certificate_digest(key: SealKey) -> str:
    """SHA-256 of the certificate (DER) in hexadecimal, as auditors compare it."""
    return str(_load_certificate(key.certificate_pem).sha256.hex())


def seal_pdf(pdf: bytes, *, key: SealKey, at: datetime) -> bytes:
    """The PDF with an invisible certifying seal that allows no change; still PDF/A-3.

    `at` (aware, real time) is the stated time of the seal. The modification date in the metadata
    is that of this machine and the file gets a new identifier, so two seals of one file differ.
    """
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
        reason="Issued by the electronic batch record system of the site",
    )
    signer = _SignerAt(metadata, _signer_of(key), new_field_spec=_invisible_field())
    signer.at = at
    sealed: BytesIO = signer.sign_pdf(writer)
    return sealed.getvalue()


def check_seal(pdf: bytes, roots: Sequence[bytes], *, at: datetime | None = None) -> SealReport:
    """Return the report of a valid seal; `SealBroken` names what is wrong otherwise.

    `roots` are the trusted certificates (PEM or DER). The certificate must be valid at `at`, or,
    when None, at the time that the seal itself states. A seal that is intact but does not cover
    the entire file, or lies under a later change, is refused.
    """
    try:
        return _report(pdf, [_load_certificate(root) for root in roots], at)
    except SealBroken:
        raise
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise SealBroken(f"the file or its seal cannot be read: {error}") from error


def _report(pdf: bytes, roots: Sequence[asn1_x509.Certificate], at: datetime | None) -> SealReport:
    seal = _only_seal(pdf)
    stated = seal.self_reported_timestamp
    if stated is None:
        raise SealBroken("the seal states no time")
    certificate = seal.signer_cert
    _check_certificates([certificate, *seal.other_embedded_certs], roots)
    _check_dates(certificate, at or stated)
    status = _validated(seal, roots, at or stated)
    if not status.bottom_line:
        raise SealBroken(f"the seal is not valid: {_why(status)}")
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE:
        raise SealBroken("the seal does not cover the entire file")
    _check_room(pdf, seal)
    return SealReport(
        issuer=certificate.subject.human_friendly,
        sealed_at=stated,
        certificate_sha256=certificate.sha256.hex(),
        coverage=status.coverage.name,
        time_proven=status.timestamp_validity is not None and status.timestamp_validity.valid,
    )


class _SignerAt(PdfSigner):
    """Takes the time from its caller; the library would read the clock of the machine."""

    at: datetime

    def init_signing_session(
        self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False
    ) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.at
        return session


def _signer_of(key: SealKey) -> signers.SimpleSigner:
    certificate = _load_certificate(key.certificate_pem)
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # the library is half typed
    private = load_private_key_from_pemder_data(key.private_pem, passphrase=None)
    return signers.SimpleSigner(signing_cert=certificate, signing_key=private, cert_registry=store)


def _invisible_field() -> fields.SigFieldSpec:
    return fields.SigFieldSpec(FIELD, on_page=0, box=None)


def _signing_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load_certificate(content: bytes) -> asn1_x509.Certificate:
    if content.lstrip().startswith(b"-----"):
        content = x509.load_pem_x509_certificate(content).public_bytes(serialization.Encoding.DER)
    return asn1_x509.Certificate.load(content)


def _only_seal(pdf: bytes) -> EmbeddedPdfSignature:
    seals = PdfFileReader(BytesIO(pdf)).embedded_signatures
    if len(seals) != 1 or seals[0].field_name != FIELD:
        raise SealBroken(f"expected exactly one seal of a site, found {len(seals)}")
    seal: EmbeddedPdfSignature = seals[0]
    return seal


def _check_certificates(
    embedded: Sequence[asn1_x509.Certificate], roots: Sequence[asn1_x509.Certificate]
) -> None:
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
    seal: EmbeddedPdfSignature, roots: Sequence[asn1_x509.Certificate], moment: datetime
) -> PdfSignatureStatus:
    context = ValidationContext(
        trust_roots=list(roots), moment=moment, allow_fetching=False, revocation_mode="soft-fail"
    )
    return validate_pdf_signature(seal, context)


def _check_room(pdf: bytes, seal: EmbeddedPdfSignature) -> None:
    """The place of the seal itself is not covered by it: it may hold the seal and zeros only."""
    begin, length, resume, _ = (int(each) for each in seal.byte_range)
    room = pdf[begin + length : resume]
    # The two fields of the seal that nothing signs.
    listed = [each["algorithm"].native for each in seal.signed_data["digest_algorithms"]]
    if listed != [seal.md_algorithm] or seal.signed_data["version"].native != "v1":
        raise SealBroken("the head of the seal is not as it is written")
    # Written anew, so that no second encoding of the same seal passes.
    content: bytes = cms.ContentInfo.load(seal.pkcs7_content).dump(force=True)
    if room != b"<" + content.hex().upper().encode().ljust(len(room) - 2, b"0") + b">":
        raise SealBroken("the room of the seal holds something besides the seal")


def _why(status: PdfSignatureStatus) -> str:
    reasons = [
        (not status.intact, "the sealed bytes were changed"),
        (not status.valid, "the signature does not fit the certificate"),
        (not status.trusted, "the certificate is not one of the trusted ones or was not valid"),
        (status.docmdp_ok is False, "the file was changed after it was sealed"),
    ]
    return "; ".join(text for wrong, text in reasons if wrong) or "the library gives no reason"
