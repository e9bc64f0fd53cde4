"""The site's seal: valid for the issued bytes, broken by anything else."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.pdf_utils.generic import TextStringObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from documents.errors import SealBroken
from documents.fonts import FontSet
from documents.rendering import Attachment, Relationship, render_pdf
from documents.sealcheck import check_seal
from documents.sealing import RSA_BITS, SealKey, make_site_certificate, seal_pdf

AT = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def key() -> SealKey:
    return make_site_certificate("Demo Plant North", at=AT)


@pytest.fixture(scope="module")
def roots(key: SealKey) -> list[bytes]:
    return [key.certificate_pem]


@pytest.fixture(scope="module")
def plain(fonts: FontSet) -> bytes:
    record = Attachment(
        name="record.json",
        content=b"{}",
        media_type="application/json",
        relationship=Relationship.DATA,
        description="Record",
    )
    html = "<html lang=en><p>Batch B-2045</p></html>"
    return render_pdf(
        html, title="Record", language="en", created=AT, fonts=fonts, attachments=[record]
    )


@pytest.fixture(scope="module")
def sealed(plain: bytes, key: SealKey) -> bytes:
    return seal_pdf(plain, key=key, at=AT)


def test_a_sealed_file_is_valid_and_says_whose_and_when(
    sealed: bytes, key: SealKey, roots: list[bytes]
) -> None:
    report = check_seal(sealed, roots)
    certificate = x509.load_pem_x509_certificate(key.certificate_pem)
    assert "Demo Plant North record seal" in report.issuer
    assert report.sealed_at == AT
    assert report.certificate_sha256 == certificate.fingerprint(hashes.SHA256()).hex()
    assert (report.coverage, report.time_proven) == ("ENTIRE_FILE", False)


def test_poppler_agrees(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed)
    done = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, check=False)
    said = done.stdout.decode()
    assert "Signature is Valid" in said, said
    assert "Total document signed" in said
    assert subprocess.run(["qpdf", "--check", str(path)], check=False).returncode == 0


def test_the_original_bytes_stay_in_front(plain: bytes, sealed: bytes) -> None:
    assert sealed.startswith(plain)


@pytest.mark.urs("URS-REP-030")
def test_the_sealed_file_is_still_archival(sealed: bytes) -> None:
    with pikepdf.open(BytesIO(sealed)) as pdf:
        # An EC or Ed25519 seal would raise the version to 2.0 here.
        assert pdf.pdf_version == "1.7"
        assert pdf.Root.get("/Version", "/1.7") == "/1.7"
        assert [str(spec.UF) for spec in pdf.Root.AF] == ["record.json"]
        with pdf.open_metadata() as meta:
            assert meta["pdfaid:part"] == "3"
        field = pdf.Root.AcroForm.Fields[0]
        assert [float(x) for x in field.Rect] == [0, 0, 0, 0]
        assert int(pdf.Root.Perms.DocMDP.Reference[0].TransformParams.P) == 1


def test_the_key_is_rsa_because_other_kinds_break_the_archive_format(key: SealKey) -> None:
    private = serialization.load_pem_private_key(key.private_pem, None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == RSA_BITS == 3072


def test_an_unsealed_file_is_refused(plain: bytes, roots: list[bytes]) -> None:
    with pytest.raises(SealBroken, match="found 0"):
        check_seal(plain, roots)


def test_a_seal_of_another_site_is_refused(sealed: bytes) -> None:
    other = make_site_certificate("Demo Plant North", at=AT)
    with pytest.raises(SealBroken, match="trusted"):
        check_seal(sealed, [other.certificate_pem])


def test_no_trusted_certificate_means_no_valid_seal(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        check_seal(sealed, [])


@pytest.mark.parametrize("share", [n / 40 for n in range(40)])
def test_a_changed_byte_is_found(sealed: bytes, roots: list[bytes], share: float) -> None:
    place = int(len(sealed) * share)
    broken = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    with pytest.raises(SealBroken):
        check_seal(broken, roots)


def test_no_byte_of_the_seal_itself_can_be_changed(sealed: bytes, roots: list[bytes]) -> None:
    """The room of a seal is not covered by it, and readers are lenient about what stands there."""
    start = sealed.index(b"<3082") + 1
    for place in (*range(start, start + 160), *range(start + 160, start + 5400, 150)):
        digit = b"0" if sealed[place : place + 1] != b"0" else b"1"
        with pytest.raises(SealBroken):
            check_seal(sealed[:place] + digit + sealed[place + 1 :], roots)


def test_bytes_after_the_end_are_found(sealed: bytes, roots: list[bytes]) -> None:
    with pytest.raises(SealBroken):
        check_seal(sealed + b"\n% added", roots)


def test_a_later_update_is_refused_although_the_seal_stays_intact(
    sealed: bytes, roots: list[bytes]
) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(sealed))
    writer.root[pdf_name("/Added")] = TextStringObject("later")
    writer.update_root()  # type: ignore[no-untyped-call]  # the library is half typed
    changed = BytesIO()
    writer.write(changed)  # type: ignore[no-untyped-call]  # as above
    assert changed.getvalue().startswith(sealed)
    with pytest.raises(SealBroken):
        check_seal(changed.getvalue(), roots)


def test_a_second_seal_is_not_accepted_in_place_of_the_first(
    sealed: bytes, key: SealKey, roots: list[bytes]
) -> None:
    with pytest.raises(Exception, match="SiteSeal"):
        seal_pdf(sealed, key=key, at=AT)


def test_a_certificate_outside_its_time_is_refused(sealed: bytes, roots: list[bytes]) -> None:
    check_seal(sealed, roots, at=AT + timedelta(days=365 * 14))
    with pytest.raises(SealBroken):
        check_seal(sealed, roots, at=AT + timedelta(days=366 * 15))


@pytest.mark.parametrize("junk", [b"", b"%PDF-1.7", b"no pdf at all", b"%PDF-1.7\n" + b"0" * 4000])
def test_a_file_that_is_no_pdf_is_refused(junk: bytes, roots: list[bytes]) -> None:
    with pytest.raises(SealBroken):
        check_seal(junk, roots)


def test_the_seal_states_the_time_that_it_was_given(
    plain: bytes, key: SealKey, roots: list[bytes]
) -> None:
    later = AT + timedelta(days=400)
    sealed = seal_pdf(plain, key=key, at=later)
    assert check_seal(sealed, roots).sealed_at == later
