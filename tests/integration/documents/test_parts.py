"""Documents laid out in pieces, in processes of their own, and joined to one archival file."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from jinja2 import Environment

from documents.errors import ForbiddenResource, RenderingFailed
from documents.fonts import FontSet
from documents.parts import Piece, render_parts
from documents.rendering import Attachment, Relationship
from documents.sealcheck import check_seal
from documents.sealing import make_site_certificate, seal_pdf
from documents.views import Face

AT = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)
DATA = Attachment(
    name="record.json",
    content=b'{"batch":"B-2045"}',
    media_type="application/json",
    relationship=Relationship.DATA,
    description="Canonical record",
)
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "606060000000050001a5f645400000000049454e44ae426082"
)
FRONT = (
    "<h1>Batch B-2045</h1><p><a href='page:trail'>Audit trail</a></p>"
    "<p><a href='page:steps'>Steps</a></p>"
    "<h2 id='steps' style='break-before:page'>Steps</h2><h3>G150 Dry</h3><p>41.9 Cel</p>"
)
LONG = "<section id='steps'><h2>Steps</h2>" + "<p>Line</p>" * 200 + "</section>"
BACK = "<h3>G160 Sample</h3><p>Wójcik</p><h2 id='trail' style='break-before:page'>Audit trail</h2>"

Print = Callable[..., bytes]


def face(**changes: Any) -> Face:
    values: dict[str, Any] = {
        "title": "Batch record",
        "subject": "Batch B-2045",
        "version": "Record version 812",
        "site_name": "Demo Plant North",
        "site_mode": "DEMONSTRATION",
        "zone": "Europe/Berlin",
        "language": "en",
        "generated_at": AT,
        "generated_by": "Samuel Okafor (P-107)",
        "software": "Batchwright 0.1.0",
        "template": "record 3",
        "content_digest": "4f8a1c20d37be95f" * 4,
        "time_simulated": True,
    }
    return Face(**{**values, **changes})


def piece(body: str, **assets: bytes) -> Piece:
    page = "@page { size: A4; margin: 21mm 14mm 18mm 18mm }"
    style = f"<style>{page} a {{ display: block; font-size: 7.8pt; line-height: 1.3 }}</style>"
    head = f"<head><title>x</title>{style}</head>"
    named = {name.replace("_", "."): data for name, data in assets.items()}
    return Piece(f"<!doctype html><html lang=en>{head}<body>{body}</body></html>", named)


@pytest.fixture(scope="module")
def printed(fonts: FontSet, environment: Environment) -> Print:
    def run(*pieces: Piece, **changes: Any) -> bytes:
        return render_parts(
            pieces,
            face=face(**changes),
            environment=environment,
            created=AT,
            fonts=fonts,
            attachments=[DATA],
        )

    return run


@pytest.fixture(scope="module")
def joined(printed: Print) -> bytes:
    return printed(piece(FRONT), piece(BACK), watermark="IN PROCESS")


def page_of(destination: Any) -> int:
    page: Any = pikepdf.Page(destination[0])
    return int(page.index)


def text_of(pdf: bytes, *options: str) -> list[str]:
    command = ["pdftotext", "-layout", *options, "-", "-"]
    done = subprocess.run(command, input=pdf, capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


@pytest.mark.urs("URS-REP-010", "URS-REP-030")
def test_pages_are_counted_and_framed_over_all_pieces(joined: bytes) -> None:
    """Pitfall 18: the total is that of the whole, not of a piece."""
    pages = text_of(joined)
    assert len(pages) == 4
    for number, page in enumerate(pages, start=1):
        for told in (
            f"Page {number} of 4", "Batch B-2045", "Record version 812", "Demo Plant North",
            "DEMONSTRATION", "time simulated", "IN PROCESS", "4f8a1c20 d37be95f",
        ):  # fmt: skip
            assert told in page, (number, told)


def test_a_reference_shows_and_reaches_its_page_in_another_piece(joined: bytes) -> None:
    first = text_of(joined)[0]
    assert re.search(r"Audit trail +4$", first, re.MULTILINE)
    assert re.search(r"Steps +2$", first, re.MULTILINE)
    with pikepdf.open(BytesIO(joined)) as pdf:
        reached = {page_of(link.Dest) for link in pdf.pages[0].obj.Annots}
        assert reached == {1, 3}
        assert all("/A" not in link for link in pdf.pages[0].obj.Annots)


def test_a_reference_leads_to_where_a_long_chapter_begins(printed: Print) -> None:
    pages = text_of(printed(piece("<p><a href='page:steps'>Steps</a></p>" + LONG)))
    assert len(pages) > 2
    assert re.search(r"Steps +1$", pages[0], re.MULTILINE)


def test_bookmarks_stand_over_all_pieces_at_their_level(joined: bytes) -> None:
    """Pitfall 18: joining loses no outline."""
    with pikepdf.open(BytesIO(joined)) as pdf, pdf.open_outline() as outline:
        (batch,) = outline.root
        steps, trail = batch.children
        assert (batch.title, steps.title, trail.title) == ("Batch B-2045", "Steps", "Audit trail")
        assert [item.title for item in steps.children] == ["G150 Dry", "G160 Sample"]
        assert page_of(trail.destination) == 3


@pytest.mark.urs("URS-REP-030")
def test_the_joined_file_is_archival_and_carries_its_data(joined: bytes, tmp_path: Path) -> None:
    path = tmp_path / "joined.pdf"
    path.write_bytes(joined)
    done = subprocess.run(["qpdf", "--check", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with pikepdf.open(path) as pdf:
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert pdf.Root.Lang == "en"
        assert [str(file.UF) for file in pdf.Root.AF] == ["record.json"]
        assert pdf.attachments["record.json"].get_file().read_bytes() == DATA.content
        with pdf.open_metadata() as meta:
            assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("3", "U")
            assert meta["xmp:CreateDate"] == meta["xmp:ModifyDate"] == "2026-10-22T09:30:00Z"
        fonts = [each for each in pdf.objects if _is_font(each)]
        assert fonts
        assert all("/FontFile2" in each or "/FontFile3" in each for each in fonts)


def _is_font(candidate: Any) -> bool:
    return isinstance(candidate, pikepdf.Dictionary) and candidate.get("/Type") == "/FontDescriptor"


@pytest.mark.urs("URS-REP-030")
def test_the_same_pieces_give_the_same_bytes(printed: Print, joined: bytes) -> None:
    """Pitfall 17: two renderings do not differ."""
    assert printed(piece(FRONT), piece(BACK), watermark="IN PROCESS") == joined


def test_a_joined_file_can_be_sealed(joined: bytes) -> None:
    key = make_site_certificate("Demo Plant North", at=AT)
    report = check_seal(seal_pdf(joined, key=key, at=AT), [key.certificate_pem])
    assert report.coverage == "ENTIRE_FILE"


def test_one_piece_is_framed_as_well(printed: Print) -> None:
    (only,) = text_of(printed(piece("<h1>Note</h1>")))
    assert "Page 1 of 1" in only
    assert "Demo Plant North" in only


def test_a_picture_travels_with_its_piece(printed: Print) -> None:
    shown = piece("<img src='asset:photo.png'>", photo_png=PIXEL)
    with pikepdf.open(BytesIO(printed(piece(FRONT), piece(BACK), shown))) as pdf:
        (drawn,) = pdf.pages[4].get_images().values()
        # PDF/A forbids a picture that asks for smoothing.
        assert not drawn.get("/Interpolate", False)


def test_what_a_piece_may_not_fetch_stops_the_document(printed: Print) -> None:
    with pytest.raises(ForbiddenResource):
        printed(piece("<p>x</p>"), piece("<img src='asset:elsewhere.png'>"))


def test_a_reference_to_nowhere_stops_the_document(printed: Print) -> None:
    with pytest.raises(RenderingFailed, match="nowhere"):
        printed(piece("<p><a href='page:lost'>lost</a></p>"))
