"""The record as PDF: complete, sealed, made once by a job, and served from store."""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pikepdf
import pytest
from sqlalchemy import select

from core import jobs
from core.errors import NotPermitted
from documents.fonts import load_fonts
from documents.sealcheck import check_seal
from ebr import issuing, printables, record
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.errors import NoSuchRun
from ebr.report.models import IssuedDocument
from ebr.report.recordkind import RecordKind
from production.models import Disposition
from tests.integration.ebr.test_steps import recipe
from tests.support import recorded
from tests.support.places import site_url
from tests.support.records import RECORD, RecordPlant

UNWANTED = (
    r"\bNone\b",
    r"\bnull\b",
    r"\bNaN\b",
    r"undefined",
    r"Decimal\(",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-",
    r"\b[a-z]+_[a-z_]+\b",
    r"\[U\+",
)


def text_of(pdf: bytes, *options: str) -> str:
    done = subprocess.run(
        ["pdftotext", *options, "-", "-"], input=pdf, capture_output=True, check=True
    )
    return done.stdout.decode()


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


def printed(plant: RecordPlant) -> bytes:
    """The pages of the record as it is now, without seal and store."""
    kind = RecordKind()
    with plant.house.reading() as session:
        draft = kind.draft(session, {"record": "B-2045"})
        by = plant.person("P-107").actor
        edition = printables.edition_of(session, draft, record.digest(draft.data), by)
    attached = printables.attachments_of(draft, edition)
    return kind.render(draft, edition, fonts=load_fonts(recorded.FONTS), attachments=attached)


def issued(plant: RecordPlant) -> IssuedDocument:
    """The document after the worker has done what was asked."""
    asked = plant.house.perform(
        issuing.request_record, "B-2045", by=plant.person("P-107").actor, record=RECORD
    )
    if asked.job is not None:
        plant.work()
        found = plant.ask(issuing.issued_by, asked.job)
        assert found is not None
        return plant.ask(issuing.document, found.id)  # type: ignore[no-any-return]
    return plant.ask(issuing.document, asked.document)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def released(recorded_site: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The pages of the released batch."""
    folder = tmp_path_factory.mktemp("released")
    (folder / "site.db").write_bytes((recorded_site / "site.db").read_bytes())
    plant = RecordPlant(site_url(folder / "site.db"), folder)
    plant.later(hours=2)
    recorded.furnish(plant, recorded_site)
    recorded.dispose(plant, Disposition.RELEASED_FOR_PACKAGING)
    pages = printed(plant)
    plant.close()
    return pages


@pytest.mark.urs("URS-REP-010", "URS-REP-030")
def test_every_page_names_batch_version_site_and_counts(released: bytes) -> None:
    with pikepdf.open(io.BytesIO(released)) as pdf:
        count = len(pdf.pages)
    for number in range(1, count + 1):
        page = text_of(released, "-f", str(number), "-l", str(number))
        for wanted in (
            "Batch B-2045", "Record version", "Werk Süd", "DEMONSTRATION", "Content SHA-256",
            "Samuel Okafor (P-107)", "Template batch record 4", f"Page {number} of {count}",
        ):  # fmt: skip
            assert wanted in page, (number, wanted)
        assert "IN PROCESS" not in page


@pytest.mark.urs("URS-REP-010", "URS-SIG-010", "URS-REP-020")
def test_the_pages_hold_values_limits_signatures_changes_and_attempts(released: bytes) -> None:
    told = flat(text_of(released, "-layout"))
    raw = flat(text_of(released, "-raw"))
    for wanted in (
        "Released for packaging", "Paracetamol tablets", "PO-2045", "80.000 kg", "Granule yield",
        "99.19 %", "Alert 1.20 to 2.20", "Action 1.00 to 2.50", "1.98 % → 1.89 %",
        "Reason: typing error; the printout of MOI-01 says 1.88 %", "Paul Roth (P-102)",
        "2026-03-02 07:28:20 +01:00", "Tomasz Wójcik", "Inês Duarte, Hélène", "≤ 250 µm, Δp ≥ 10",
        "no data 25 s", "not executed: gateway Dry enough?", "never qualified for TST-1 v1",
        "FBD-01", "2 values were corrected", "late", "=cmd() is only text here",
    ):  # fmt: skip
        assert flat(wanted) in told or flat(wanted) in raw, wanted
    assert flat(recorded.LONG_NAME) in raw


@pytest.mark.urs("URS-REC-070")
def test_every_word_of_the_record_in_json_stands_on_the_pages(released: bytes) -> None:
    with pikepdf.open(io.BytesIO(released)) as pdf:
        data = json.loads(pdf.attachments["record.json"].get_file().read_bytes())
    pages = flat(text_of(released, "-raw"))
    for name in ("printed_name", "badge", "label", "reason", "fact", "lot", "equipment", "text"):
        for found in {flat(each) for each in leaves(data, name)} - {""}:
            assert found in pages, (name, found)


def leaves(value: Any, name: str) -> list[str]:
    """Every text that stands under that name, except the provenance kept for machines."""
    found: list[str] = []
    if isinstance(value, dict):
        for key, part in value.items():
            if key == name and isinstance(part, str):
                found.append(part)
            elif key not in ("details", "facts"):
                found += leaves(part, name)
    for part in value if isinstance(value, list) else ():
        found += leaves(part, name)
    return found


def test_no_page_shows_what_only_a_program_reads(released: bytes) -> None:
    text = text_of(released)
    for pattern in UNWANTED:
        assert re.findall(pattern, text) == [], pattern


@pytest.mark.urs("URS-REP-010", "URS-REP-020")
def test_a_copy_in_process_is_marked_and_says_that_nothing_was_changed(
    plant: RecordPlant, tmp_path: Path
) -> None:
    recorded.furnish(plant, tmp_path)
    recorded.begin(plant)
    text = text_of(printed(plant))
    assert "IN PROCESS" in text
    assert "No changes: no recorded value was changed" in " ".join(text.split())
    assert "Signature still to come: performer" in text
    assert "No exception was raised." in text


@pytest.mark.urs("URS-REP-030")
def test_the_same_record_gives_the_same_pages(batch: RecordPlant) -> None:
    assert printed(batch) == printed(batch)


@pytest.mark.urs("URS-REP-030")
def test_a_long_comment_is_printed_to_its_last_letter(plant: RecordPlant, tmp_path: Path) -> None:
    recorded.furnish(plant, tmp_path)
    recorded.begin(plant)
    comment = " ".join(f"Beobachtung{number:03d}" for number in range(250))
    entry = Entry(units={"FBD": "FBD-01"}, comment=comment)
    plant.person("P-101").perform(RECORD, plant.path("P"), entry)
    assert flat(comment) in flat(re.sub(r"\n[^\n]*\f[^\n]*\n", "\n", text_of(printed(plant))))


@pytest.mark.urs("URS-REP-030", "URS-AUD-010")
def test_a_document_is_made_once_by_a_job_sealed_and_served_from_store(
    batch: RecordPlant,
) -> None:
    first = issued(batch)
    assert issued(batch).id == first.id
    assert batch.actions().count("document.issued") == 1
    entry = batch.entries()[-1]
    assert entry["actor"]["id"] == "P-107"
    assert entry["facts"]["sha256"] == first.digest
    report = check_seal(first.data, [batch.house.services["seal_key"].certificate_pem])
    assert report.coverage == "ENTIRE_FILE"
    with pikepdf.open(io.BytesIO(first.data)) as pdf:
        assert pdf.attachments["record.json"].get_file().read_bytes() == first.content
    assert record.digest(first.content) == first.content_digest
    with batch.house.reading() as session:
        done = session.scalars(select(jobs.Job).where(jobs.Job.kind == issuing.ISSUE_JOB)).all()
        assert [(job.state, job.progress) for job in done] == [("done", 100)]


def test_a_record_that_changed_gets_a_new_document(batch: RecordPlant) -> None:
    first = issued(batch)
    recorded.dispose(batch, Disposition.RELEASED_FOR_PACKAGING)
    second = issued(batch)
    assert second.id != first.id
    assert second.record_version > first.record_version
    with batch.house.reading() as session:
        names = [row.standing for row in issuing.documents_of(session, RECORD)]
    assert names == ["released for packaging", "complete, not released"]


@pytest.mark.urs("URS-IAM-020")
def test_who_may_not_read_records_gets_no_copy(batch: RecordPlant) -> None:
    with pytest.raises(NotPermitted):
        batch.house.perform(
            issuing.request_record, "B-2045", by=batch.person("A-001").actor, record=RECORD
        )
    assert batch.actions()[-1] == "attempt.refused"


def test_an_unknown_record_or_document_is_named(batch: RecordPlant) -> None:
    with pytest.raises(NoSuchRun):
        batch.house.perform(issuing.request_record, "B-1", by=batch.person("P-107").actor)
    with pytest.raises(issuing.NoSuchDocument):
        batch.ask(issuing.document, UUID(int=1))


@pytest.mark.urs("URS-AUD-030")
def test_three_values_in_a_row_are_all_printed(plant: RecordPlant, tmp_path: Path) -> None:
    recorded.furnish(plant, tmp_path)
    plant.start(recipe())
    person = plant.person("P-101")
    person.perform(RECORD, plant.path("A"), Entry(values={"mass": ("10.20",)}))
    for revision, text in enumerate(("10.04", "10.06"), start=1):
        person.sign(
            correct_value,
            StepReference(record=RECORD, path=plant.path("A"), revision=revision),
            Correction(code="mass", position=0, text=text, reason=f"misread, it is {text}"),
            meaning="performed",
            record=RECORD,
            shown=lambda outcome: outcome.shown,
        )
    text = " ".join(text_of(printed(plant), "-layout").split())
    places = [text.index(each) for each in ("10.20 kg → 10.04 kg", "10.04 kg → 10.06 kg")]
    assert places == sorted(places)
    assert "Reason: misread, it is 10.06" in text
