"""The printed record of the headless batch (URS-REP-010, 21 CFR 11.50)."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile

import pikepdf
import pytest
from sqlalchemy.orm import Session

from core.clock import show
from core.house import moment
from ebr import record
from ebr.report.model import RecordView
from tests.support.story import NUMBER, Played


@pytest.fixture(scope="module")
def pdf(story: Played) -> bytes:
    with zipfile.ZipFile(story.bundle) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".pdf")]
        return archive.read(name)


@pytest.fixture(scope="module")
def pages(pdf: bytes) -> list[str]:
    done = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    )
    return done.stdout.decode().split("\f")[:-1]


def flat(text: str) -> str:
    return re.sub(r"\s+", "", text)


def view(session: Session) -> RecordView:
    return record.view(session, NUMBER)


@pytest.mark.urs("URS-SIG-010", "URS-REP-010")
def test_every_signature_is_printed_with_name_time_and_meaning(story: Played, pdf: bytes) -> None:
    done = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    text = flat(done.stdout.decode())
    zone = story.ask(lambda session: moment(session).zone)
    found: RecordView = story.ask(view)
    assert len(found.signatures) >= 107
    for signature in found.signatures:
        for part in (signature.printed_name, signature.meaning, show(signature.at, zone)):
            assert flat(part) in text, (signature.what, part)


def test_every_page_says_demonstration_and_which_of_how_many_it_is(pages: list[str]) -> None:
    assert len(pages) > 20
    for number, page in enumerate(pages, start=1):
        assert "DEMONSTRATION" in page, number
        assert flat(f"page {number} of {len(pages)}") in flat(page).lower(), number
        assert NUMBER in page, number


def test_the_pages_are_those_of_the_file(pdf: bytes, pages: list[str]) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as file:
        assert len(file.pages) == len(pages)


def test_the_story_can_be_read_on_paper(pages: list[str]) -> None:
    text = flat("".join(pages))
    for told in (
        "PA-0411",
        "PA-0457",
        "156108",
        "99.96",
        "638.2",
        "1.98",
        "1.88",
        "time simulated",
        "Samuel Okafor",
    ):
        assert flat(told) in text, told


@pytest.mark.urs("URS-PRO-040", "URS-REP-020")
def test_the_trend_of_drying_is_printed_with_its_gap(pages: list[str]) -> None:
    text = flat("".join(pages)).lower()
    assert "fbd-01.ti102" in text
    assert re.search(r"(gap|nodata|withoutdata)", text)
