"""The site's seal on a PDF: who issued the file and that it was not changed since.

It is the seal of the site, not the signature of a person; those stand in the content. RSA-3072 on
purpose: with an EC or Ed25519 certificate the PDF would be raised to version 2.0 and stop being
PDF/A-3. The field is invisible because a visible one brings fonts that are not embedded. With a
time stamp authority the seal is PAdES B-LTA, else B-B; `documents.sealcheck` checks both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.general import load_private_key_from_pemder_data
from pyhanko.sign.signers.pdf_signer import PdfSigner, PdfSigningSession
from pyhanko_certvalidator.registry import SimpleCertificateStore

from documents.errors import StampFailed
from documents.stamping import DIGEST, EVIDENCE_FIRST, TimeAuthority, context, load_certificate

FIELD = "SiteSeal"
RSA_BITS = 3072


@dataclass(frozen=True, slots=True)
class SealKey:
    """The sealing key of a site (PKCS#8, PEM, unencrypted in memory) and its certificate (PEM)."""

    private_pem: bytes
    certificate_pem: bytes
    former_pem: tuple[bytes, ...] = ()
    """Certificates of former keys: files that they sealed stay what they were."""

    @property
    def trusted(self) -> list[bytes]:
        """Every certificate that a seal of this site may have."""
        return [self.certificate_pem, *self.former_pem]


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
    return str(load_certificate(key.certificate_pem).sha256.hex())


def seal_pdf(
    pdf: bytes, *, key: SealKey, at: datetime, authority: TimeAuthority | None = None
) -> bytes:
    """The PDF with an invisible certifying seal that allows no change; still PDF/A-3.

    `at` (aware, real time) is the stated time of the seal: PAdES B-B. With `authority` its time
    stamps prove the time, and the file is PAdES B-LTA. The modification date in the metadata is
    that of this machine and the file gets a new identifier, so two seals of one file differ.
    Raises StampFailed when the authority gives no good answer.
    """
    if authority is None:
        return _signed(pdf, key, at, None)
    try:
        return _signed(pdf, key, at, authority)
    except (
        Exception
    ) as error:  # the library raises many kinds, and so does the way to the authority
        raise StampFailed(f"the file was not sealed with a time stamp: {error}") from error


def _signed(pdf: bytes, key: SealKey, at: datetime, authority: TimeAuthority | None) -> bytes:
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm=DIGEST,
        certify=True,
        docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        subfilter=fields.SigSeedSubFilter.PADES,
        reason="Issued by the electronic batch record system of the site",
        **_long_term(key, authority),
    )
    stamper = None if authority is None else authority.stamper()
    signer = _SignerAt(
        metadata, _signer_of(key), timestamper=stamper, new_field_spec=_invisible_field()
    )
    signer.at = at
    sealed: BytesIO = signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)))
    return sealed.getvalue()


def _long_term(key: SealKey, authority: TimeAuthority | None) -> dict[str, Any]:
    if authority is None:
        return {}
    own = [load_certificate(key.certificate_pem)]
    return {
        "embed_validation_info": True,
        "use_pades_lta": True,
        "dss_settings": EVIDENCE_FIRST,
        "validation_context": context(authority, own, at=None),
    }


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
    certificate = load_certificate(key.certificate_pem)
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
