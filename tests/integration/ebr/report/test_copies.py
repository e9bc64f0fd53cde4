"""Controlled copies: numbered, with a holder, accounted for once, superseded with the record."""

from __future__ import annotations

import io
import subprocess
from datetime import datetime
from uuid import UUID

import pikepdf
import pytest
from sqlalchemy.orm import Session

from core.actors import Actor
from ebr import copies, issuing
from ebr.copies import Fate
from production.models import Disposition
from tests.support import recorded
from tests.support.records import RECORD, RecordPlant


@pytest.fixture
def printed(printed_batch: RecordPlant) -> UUID:
    """The document of the batch."""
    (found,) = printed_batch.ask(issuing.documents_of, RECORD)
    return found.id  # type: ignore[no-any-return]


def numbered(
    session: Session, document: UUID, holder: str, reason: str, *, by: Actor, at: datetime
) -> str:
    return copies.issue_copy(session, document, holder, reason, by=by, at=at).code


def copied(plant: RecordPlant, document: UUID, holder: str, reason: str = "") -> str:
    by = plant.person("P-107").actor
    code: str = plant.house.perform(numbered, document, holder, reason, by=by, record=RECORD)
    return code


@pytest.mark.urs("URS-REP-050")
def test_copies_are_numbered_and_another_one_needs_a_reason(
    printed_batch: RecordPlant, printed: UUID
) -> None:
    first = copied(printed_batch, printed, "QA archive")
    with pytest.raises(copies.ReprintWithoutReason, match="copy 2 needs a reason"):
        copied(printed_batch, printed, "Line 2", "  ")
    second = copied(printed_batch, printed, "Line 2", "first copy got wet")
    assert (first[-2:], second[-2:]) == ("-1", "-2")
    assert printed_batch.actions()[-3:] == ["copy.issued", "attempt.refused", "copy.issued"]
    with pytest.raises(copies.CopyWithoutHolder):
        copied(printed_batch, printed, " ", "a reason")
    with pytest.raises(copies.CopyWithoutHolder):
        copied(printed_batch, printed, "x" * 81, "too long for the head of a page")


@pytest.mark.urs("URS-REP-050", "URS-REC-080")
def test_a_copy_for_paper_carries_number_and_code_on_every_page(
    printed_batch: RecordPlant, printed: UUID
) -> None:
    code = copied(printed_batch, printed, "QA archive")
    pdf = copies.printed(printed_batch.house, code)
    assert pdf == copies.printed(printed_batch.house, code)
    with pikepdf.open(io.BytesIO(pdf)) as file:
        pages = len(file.pages)
        assert "/AcroForm" not in file.Root
    told = subprocess.run(
        ["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    assert told.count("CONTROLLED COPY 1") == told.count(code) == pages
    assert "for QA archive" in told
    assert "Rendition of the electronic record" in told


@pytest.mark.urs("URS-REP-050")
def test_a_copy_is_superseded_when_the_record_changes_and_not_by_being_copied(
    printed_batch: RecordPlant, printed: UUID
) -> None:
    code = copied(printed_batch, printed, "QA archive")
    copied(printed_batch, printed, "Line 2", "for the line")
    assert printed_batch.ask(copies.state_of, code).word == "valid"
    recorded.dispose(printed_batch, Disposition.RELEASED_FOR_PACKAGING)
    assert printed_batch.ask(copies.state_of, code.lower()).word == "superseded"


@pytest.mark.urs("URS-REP-050")
def test_the_list_of_copies_balances_and_each_is_accounted_for_once(
    printed_batch: RecordPlant, printed: UUID
) -> None:
    codes = [copied(printed_batch, printed, f"Desk {n}", "more desks") for n in range(4)]
    by = printed_batch.person("P-107").actor
    for code, fate in zip(codes, (Fate.RETURNED, Fate.DESTROYED, Fate.LOST), strict=False):
        printed_batch.house.perform(copies.account_for, code, fate, by=by, record=RECORD)
    found = printed_batch.ask(copies.balance, printed)
    assert (found.issued, found.out) == (4, 1)
    assert found.issued == found.out + found.returned + found.destroyed + found.lost
    with pytest.raises(copies.AlreadyAccountedFor):
        printed_batch.house.perform(copies.account_for, codes[0], Fate.LOST, by=by, record=RECORD)
    assert printed_batch.ask(copies.state_of, codes[2]).word == "lost"


def test_an_unknown_code_leads_nowhere(printed_batch: RecordPlant) -> None:
    with pytest.raises(copies.NoSuchCopy):
        printed_batch.ask(copies.state_of, "COPY-000000000000-1")
