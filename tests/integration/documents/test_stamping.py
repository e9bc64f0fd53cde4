"""Long-term seals: time stamps around the sealed file, renewed before they expire, checked."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from pyhanko.pdf_utils.generic import TextStringObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleTrustManager

from documents import stamping
from documents.errors import SealBroken, StampFailed
from documents.fonts import FontSet
from documents.rendering import Attachment, Relationship, render_pdf
from documents.sealcheck import SealReport, check_seal
from documents.sealing import SealKey, make_site_certificate, seal_pdf
from documents.stamping import TimeAuthority
from tests.support import tsauthority

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def key() -> SealKey:
    return make_site_certificate("Demo Plant North", at=NOW)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    """An authority whose certificate holds for about ten years."""
    made = tsauthority.make(tmp_path_factory.mktemp("first"), days=3650)
    return TimeAuthority(made.ask, (made.root,))


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> TimeAuthority:
    """Another one, whose certificate holds for about nineteen."""
    made = tsauthority.make(tmp_path_factory.mktemp("later"), days=7000)
    return TimeAuthority(made.ask, (made.root,))


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
        html, title="Record", language="en", created=NOW, fonts=fonts, attachments=[record]
    )


@pytest.fixture(scope="module")
def stamped(plain: bytes, key: SealKey, first: TimeAuthority) -> bytes:
    return seal_pdf(plain, key=key, at=NOW, authority=first)


@pytest.fixture(scope="module")
def renewed(stamped: bytes, key: SealKey, later: TimeAuthority) -> bytes:
    return stamping.renew(stamped, authority=later, own=[key.certificate_pem])


def report(
    pdf: bytes, key: SealKey, *trusted: TimeAuthority, at: datetime | None = None
) -> SealReport:
    roots = [root for authority in trusted for root in authority.roots]
    return check_seal(pdf, [key.certificate_pem], authorities=roots, at=at)


@pytest.mark.urs("URS-REP-030", "URS-REC-070")
def test_a_time_stamp_proves_the_time_of_the_seal(
    stamped: bytes, key: SealKey, first: TimeAuthority
) -> None:
    found = report(stamped, key, first)
    assert found.time_proven
    assert found.time_words == "time proven by a time stamp"
    # The authority tells whole seconds.
    assert NOW - timedelta(seconds=1) <= found.stamped_at[0] <= datetime.now(UTC)


def test_without_an_authority_the_time_is_the_statement_of_the_site(
    plain: bytes, stamped: bytes, key: SealKey
) -> None:
    for pdf in (seal_pdf(plain, key=key, at=NOW), stamped):
        found = report(pdf, key)
        assert not found.time_proven
        assert found.time_words == "time stated by the site"


@pytest.mark.urs("URS-REC-070")
def test_the_stamp_of_somebody_else_proves_nothing(
    stamped: bytes, key: SealKey, later: TimeAuthority
) -> None:
    with pytest.raises(SealBroken, match="time stamp is not valid"):
        report(stamped, key, later)


@pytest.mark.urs("URS-REC-070")
def test_a_renewed_seal_holds_after_every_first_certificate_expired(
    stamped: bytes, renewed: bytes, key: SealKey, first: TimeAuthority, later: TimeAuthority
) -> None:
    """The site's certificate ends after 15 years, the first stamp's after 10, the second's 19."""
    assert renewed.startswith(stamped)
    assert len(report(renewed, key, first, later, at=NOW + 18 * YEAR).stamped_at) == 2
    with pytest.raises(SealBroken, match="time stamp is not valid"):
        report(stamped, key, first, at=NOW + 11 * YEAR)
    with pytest.raises(SealBroken, match="time stamp is not valid"):
        report(renewed, key, first, later, at=NOW + 20 * YEAR)


def test_a_file_tells_until_when_its_newest_stamp_holds(
    plain: bytes, stamped: bytes, renewed: bytes, key: SealKey
) -> None:
    ends = [end for pdf in (stamped, renewed) if (end := stamping.proven_until(pdf))]
    assert len(ends) == 2
    assert ends == sorted(set(ends))
    assert stamping.proven_until(seal_pdf(plain, key=key, at=NOW)) is None


def test_a_seal_without_stamp_gets_one_later(
    plain: bytes, key: SealKey, first: TimeAuthority
) -> None:
    sealed = seal_pdf(plain, key=key, at=NOW)
    found = report(stamping.renew(sealed, authority=first, own=[key.certificate_pem]), key, first)
    assert found.time_proven
    assert found.sealed_at == NOW


@pytest.mark.urs("URS-REC-070")
def test_only_time_stamps_may_stand_behind_the_seal(
    stamped: bytes, renewed: bytes, key: SealKey, first: TimeAuthority, later: TimeAuthority
) -> None:
    """Pitfall 15: an incremental edit after sealing leaves the seal intact, yet is refused."""
    for sealed in (stamped, renewed):
        writer = IncrementalPdfFileWriter(BytesIO(sealed))
        page = writer.root["/Pages"]["/Kids"].raw_get(0)
        page.get_object()[pdf_name("/Note")] = TextStringObject("added")
        writer.mark_update(page)
        changed = BytesIO()
        writer.write(changed)  # type: ignore[no-untyped-call]
        for trusted in ((), (first, later)):
            with pytest.raises(SealBroken):
                report(changed.getvalue(), key, *trusted)
            with pytest.raises(SealBroken):
                report(sealed + b"\n% added", key, *trusted)


def test_an_edit_that_is_stamped_again_is_refused(
    plain: bytes, key: SealKey, first: TimeAuthority
) -> None:
    """Pitfall 15: a time stamp over an edited file covers all of it and still does not help."""
    writer = IncrementalPdfFileWriter(BytesIO(seal_pdf(plain, key=key, at=NOW)))
    writer.root[pdf_name("/Note")] = TextStringObject("added")
    writer.update_root()  # type: ignore[no-untyped-call]
    changed = BytesIO()
    writer.write(changed)  # type: ignore[no-untyped-call]
    again = stamping.renew(changed.getvalue(), authority=first, own=[key.certificate_pem])
    with pytest.raises(SealBroken):
        report(again, key, first)


def test_every_byte_of_a_stamped_file_counts(
    renewed: bytes, key: SealKey, first: TimeAuthority, later: TimeAuthority
) -> None:
    for place in range(97, len(renewed), len(renewed) // 40):
        digit = b"1" if renewed[place : place + 1] == b"0" else b"0"
        with pytest.raises(SealBroken):
            report(renewed[:place] + digit + renewed[place + 1 :], key, first, later)


def test_an_authority_that_does_not_answer_leaves_no_half_sealed_file(
    plain: bytes, stamped: bytes, key: SealKey, first: TimeAuthority
) -> None:
    def silent(_: bytes) -> bytes:
        raise OSError("connection refused")

    nobody = TimeAuthority(silent, first.roots)
    with pytest.raises(StampFailed, match="connection refused"):
        seal_pdf(plain, key=key, at=NOW, authority=nobody)
    with pytest.raises(StampFailed, match="connection refused"):
        stamping.renew(stamped, authority=nobody, own=[key.certificate_pem])


def test_an_answer_to_another_question_is_refused(
    plain: bytes, key: SealKey, first: TimeAuthority, later: TimeAuthority
) -> None:
    """An answer that was recorded before has another nonce."""
    kept: list[bytes] = []

    def replayed(request: bytes) -> bytes:
        kept.append(first.ask(request))
        return kept[0]

    with pytest.raises(StampFailed):
        seal_pdf(plain, key=key, at=NOW, authority=TimeAuthority(replayed, first.roots))


@pytest.mark.urs("URS-REP-030")
def test_a_long_term_seal_passes_other_programs_and_stays_archival(
    renewed: bytes, tmp_path: Path
) -> None:
    """Pitfall 14: the seal (RSA) leaves the file at PDF 1.7, so it stays PDF/A-3."""
    file = tmp_path / "sealed.pdf"
    file.write_bytes(renewed)
    subprocess.run(["qpdf", "--check", str(file)], check=True, capture_output=True)
    told = subprocess.run(["pdfsig", "-nocert", str(file)], capture_output=True, text=True).stdout
    assert "Signature is Valid" in told
    assert told.count("Signature #") == 3
    with pikepdf.open(file) as pdf:
        assert pdf.pdf_version == "1.7"
        assert "/Version" not in pdf.Root
        assert pdf.open_metadata().pdfa_status == "3U"
        assert list(pdf.attachments) == ["record.json"]


@pytest.mark.urs("URS-REC-070")
def test_the_seal_passes_the_long_term_validation_of_ades(
    stamped: bytes, key: SealKey, first: TimeAuthority
) -> None:
    """The independent path: ETSI EN 319 102-1 long-term validation, as pyHanko carries it out."""
    trust = SimpleTrustManager.build(
        [stamping.load_certificate(each) for each in (key.certificate_pem, *first.roots)]
    )
    rule = RevocationCheckingRule.CHECK_IF_DECLARED
    policy = CertValidationPolicySpec(
        trust_manager=trust,
        revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(rule, rule)),
    )
    seal = PdfFileReader(BytesIO(stamped)).embedded_regular_signatures[0]
    spec = PdfSignatureValidationSpec(SignatureValidationSpec(cert_validation_policy=policy))
    result = asyncio.run(ades_lta_validation(seal, spec))
    assert result.ades_subindic == AdESPassed.OK
