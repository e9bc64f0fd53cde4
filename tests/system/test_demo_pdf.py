"""The printed record of the headless batch (URS-REP-010, 21 CFR 11.50)."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy.orm import Session

from core.clock import show
from core.house import moment
from documents.sealcheck import check_seal
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


def test_a_container_is_told_with_the_same_decimals_wherever_it_stands(story: Played) -> None:
    told: dict[str, set[str]] = {}
    for use in story.ask(view).materials:
        if use.container:
            told.setdefault(use.container, set()).add(f"{use.quantity:f}".partition(".")[2])
    assert len(told) > 10
    assert {name: found for name, found in told.items() if len(set(map(len, found))) > 1} == {}


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
    # Five trends of the dryer show the gap, in the drawing and in words.
    assert text.count("nodata40s") == 5
    assert "nodata0s" not in text
    assert text.count("(40s)") >= 5


def test_the_record_is_short_enough_to_be_read(pages: list[str]) -> None:
    assert len(pages) < 75


def test_no_page_is_nearly_empty(pages: list[str]) -> None:
    frame = 6
    for number, page in enumerate(pages[:-1], start=1):
        assert len([line for line in page.splitlines() if line.strip()]) > frame + 6, number


UNWANTED = (
    r"\bNone\b",
    r"\bnull\b",
    r"\bNaN\b",
    r"\bundefined\b",
    r"Decimal\(",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-",
    r"\[U\+",
    r"\ufffd",
    r"page:",
)
SNAKE = re.compile(r"\b[a-z]+_[a-z_]+\b")


@pytest.mark.urs("URS-REP-030")
def test_no_page_shows_what_only_a_program_reads(pages: list[str], story: Played) -> None:
    text = "\n".join(pages)
    for pattern in UNWANTED:
        assert re.findall(pattern, text) == [], pattern
    view_now: RecordView = story.ask(view)
    files = " ".join(file.name for file in view_now.attachments)
    # Files keep the names that they have in the record and in the bundle.
    assert set(SNAKE.findall(text)) <= set(SNAKE.findall(files))


@pytest.mark.urs("URS-REP-030")
def test_names_of_people_keep_their_letters(pages: list[str]) -> None:
    text = "".join(pages)
    for name in ("Tomasz Wójcik", "Inês Duarte"):
        assert name in text


def test_photos_are_drawn_at_their_steps(pdf: bytes, pages: list[str]) -> None:
    done = subprocess.run(["pdfimages", "-list", "-"], input=pdf, capture_output=True, check=True)
    drawn = [int(line.split()[0]) for line in done.stdout.decode().splitlines()[2:]]
    told = [number for number, page in enumerate(pages, start=1) if "screen.png (image/png" in page]
    assert len(drawn) == 2
    assert told[0] in drawn


@pytest.mark.urs("URS-REP-010")
def test_the_first_page_says_what_a_quality_head_signs_for(pages: list[str]) -> None:
    first = flat(pages[0])
    for told in (
        "Paracetamol tablets 500 mg", "100.000 kg", "PO-7732", "REC-0017 v3", "Manufactured",
        "Expiry", "Released for packaging by Samuel Okafor (P-107)",
        "Signed acts 107, none missing", "Exceptions and their decisions",
        "Accepted by Samuel Okafor", "PA-0411, PA-0457",
        "CC-0802", "99.96 %", "1 value was corrected",
    ):  # fmt: skip
        assert flat(told) in first, told


@pytest.mark.urs("URS-REP-010")
def test_the_contents_name_the_pages_where_the_chapters_begin(pages: list[str]) -> None:
    contents = " ".join(pages[0].split())
    for chapter in ("Control recipe", "Exceptions", "Materials", "Audit trail"):
        # The first page counts exceptions, too; the contents stand below that.
        number = re.findall(rf"{chapter} (\d+)", contents)[-1]
        assert re.search(rf"^ *{chapter}\s*$", pages[int(number) - 1], re.MULTILINE), chapter


def test_steps_are_bookmarked_over_the_whole_document(pdf: bytes, pages: list[str]) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as file, file.open_outline() as outline:
        (batch,) = outline.root
        chapters = {item.title: item for item in batch.children}
        assert {"Steps", "Exceptions", "Audit trail"} <= chapters.keys()
        (drying,) = [item for item in below(chapters["Steps"]) if item.title.startswith("G150")]
        reached: Any = drying.destination
        page: Any = pikepdf.Page(reached[0])
        assert "Dry until 40.0" in pages[int(page.index)]


def below(item: pikepdf.OutlineItem) -> list[pikepdf.OutlineItem]:
    return [each for child in item.children for each in (child, *below(child))]


@pytest.mark.urs("URS-REP-030")
def test_other_tools_find_the_file_sound_and_its_seal_intact(
    pdf: bytes, story: Played, tmp_path: Path
) -> None:
    path = tmp_path / "record.pdf"
    path.write_bytes(pdf)
    checked = subprocess.run(["qpdf", "--check", str(path)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    signed = subprocess.run(
        ["pdfsig", "-nocert", str(path)], capture_output=True, check=False, text=True
    ).stdout
    assert "Signature is Valid" in signed
    assert "Total document signed" in signed
    report = check_seal(pdf, [story.house.services["seal_key"].certificate_pem])
    assert report.coverage == "ENTIRE_FILE"
