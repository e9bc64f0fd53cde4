"""A printed record: complete, archival, the same bytes every time, and fetching nothing."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from documents.errors import FontsMissing, ForbiddenResource, RenderingFailed
from documents.fonts import FontSet, load_fonts
from documents.rendering import Attachment, Relationship, render_pdf

AT = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "606060000000050001a5f645400000000049454e44ae426082"
)
FILES = (
    Attachment(
        name="record.json",
        content=b'{"batch":"B-2045"}',
        media_type="application/json",
        relationship=Relationship.DATA,
        description="Canonical record",
    ),
    Attachment(
        name="evidence.json",
        content=b'{"entries":812}',
        media_type="application/json",
        relationship=Relationship.SUPPLEMENT,
        description="Entries and signatures",
    ),
)


@pytest.fixture(scope="module")
def render(fonts: FontSet) -> Callable[..., bytes]:
    def run(html: str, **changes: Any) -> bytes:
        values: dict[str, Any] = {"title": "Batch record B-2045", "language": "en", "created": AT}
        return render_pdf(html, fonts=fonts, **{**values, **changes})

    return run


@pytest.fixture(scope="module")
def record(render: Callable[..., bytes], example_html: Callable[..., str]) -> bytes:
    return render(example_html(), attachments=FILES)


@pytest.fixture
def web_server() -> Iterator[tuple[str, list[str]]]:
    """A loopback listener that counts what tries to reach it."""
    hits: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def count() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            hits.append("connected")
            connection.close()

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/x", hits
    # Without shutdown the thread would stay in accept().
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def text_of(pdf: bytes, *options: str) -> str:
    command = ["pdftotext", *options, "-", "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout.decode()


def page(body: str, head: str = "") -> str:
    return f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>"


@pytest.mark.urs("URS-REP-030")
def test_two_renderings_are_byte_identical(
    record: bytes, render: Callable[..., bytes], example_html: Callable[..., str]
) -> None:
    assert render(example_html(), attachments=FILES) == record


def test_qpdf_finds_no_error(record: bytes, tmp_path: Path) -> None:
    path = tmp_path / "record.pdf"
    path.write_bytes(record)
    done = subprocess.run(["qpdf", "--check", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.urs("URS-REP-030")
def test_the_file_is_archival(record: bytes) -> None:
    with pikepdf.open(BytesIO(record)) as pdf:
        assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
        assert not pdf.is_encrypted
        assert pdf.Root.Lang == "en"
        with pdf.open_metadata() as meta:
            assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("3", "U")
            assert meta["dc:title"] == "Batch record B-2045"
            assert meta["xmp:CreateDate"] == meta["xmp:ModifyDate"] == "2026-10-22T09:30:00Z"


@pytest.mark.urs("URS-REP-030")
def test_a_short_record_can_be_tagged_for_screen_readers(
    render: Callable[..., bytes], example_html: Callable[..., str]
) -> None:
    with pikepdf.open(BytesIO(render(example_html(lines=1), variant="pdf/a-3a"))) as pdf:
        assert pdf.Root.MarkInfo.Marked
        with pdf.open_metadata() as meta:
            assert meta["pdfaid:conformance"] == "A"


def test_sections_are_bookmarks(record: bytes) -> None:
    with pikepdf.open(BytesIO(record)) as pdf, pdf.open_outline() as outline:
        titles = [item.title for item in outline.root[0].children]
    assert titles[:2] == ["1 Summary", "2 Operation G: granulation and drying, room 1.12"]


def test_every_font_is_embedded_and_ours(record: bytes) -> None:
    with pikepdf.open(BytesIO(record)) as pdf:
        fonts = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and _is_font(o)]
        assert len(fonts) >= 4
        for font in fonts:
            assert "/FontFile2" in font or "/FontFile3" in font
            assert "+Batchwright-noto-sans" in str(font.FontName)


def _is_font(candidate: pikepdf.Dictionary) -> bool:
    return candidate.get("/Type") == "/FontDescriptor"


@pytest.mark.urs("URS-REC-070")
def test_record_and_evidence_travel_inside_as_associated_files(record: bytes) -> None:
    with pikepdf.open(BytesIO(record)) as pdf:
        found = {
            str(spec.UF): (str(spec.AFRelationship), str(spec.EF.F.Subtype), spec.EF.F.read_bytes())
            for spec in pdf.Root.AF
        }
    assert found == {
        "record.json": ("/Data", "/application/json", FILES[0].content),
        "evidence.json": ("/Supplement", "/application/json", FILES[1].content),
    }


def test_page_frame_stands_on_every_page(record: bytes) -> None:
    pages = text_of(record).split("\f")[:-1]
    assert len(pages) >= 3
    for number, text in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in text
        for part in ("Batch B-2045", "Record version 812", "Demo Plant North", "DEMONSTRATION"):
            assert part in text
        assert "2026-10-22 11:30:00 +02:00 (Europe/Berlin) by Samuel Okafor (P-107)" in text
        assert "4f8a1c20 d37be95f" in text
        assert "time simulated" in text


def test_the_first_page_prints_the_whole_digest(record: bytes) -> None:
    first = text_of(record, "-l", "1").replace(" ", "").replace("\n", "")
    assert "4f8a1c20d37be95f" * 4 in first


@pytest.mark.urs("URS-SIG-010", "URS-SIG-060", "URS-AUD-030")
def test_signatures_and_corrections_are_readable(record: bytes) -> None:
    text = text_of(record, "-layout")
    for part in ("Inês Duarte", "P-106 · QC", "performed", "verified", "(superseded)"):
        assert part in text
    assert "1.98 % → 1.88 %" in text
    assert "Typing error; the printout of MOI-01" in text


def test_a_gmp_site_shows_no_demonstration_mark(
    render: Callable[..., bytes], example_html: Callable[..., str]
) -> None:
    html = example_html(site_mode="GMP", time_simulated=False, lines=1)
    text = text_of(render(html))
    assert "DEMONSTRATION" not in text
    assert "simulated" not in text


def test_an_unfinished_copy_says_so_on_every_page(
    render: Callable[..., bytes], example_html: Callable[..., str]
) -> None:
    pages = text_of(render(example_html(watermark="IN PROCESS"))).split("\f")[:-1]
    assert all("IN PROCESS" in text for text in pages)


def test_the_frame_speaks_german(
    render: Callable[..., bytes], example_html: Callable[..., str]
) -> None:
    text = text_of(render(example_html(language="de", lines=1), language="de"))
    assert "Seite 1 von" in text
    assert "DEMONSTRATIONSSTANDORT" in text


@pytest.mark.urs("URS-REP-030")
def test_nothing_that_people_typed_is_lost(
    render: Callable[..., bytes], example_html: Callable[..., str]
) -> None:
    long_word = "Wirbelschichttrocknungsanlagenfilterdruckdifferenzüberwachungsprotokoll"
    comment = " ".join(f"Wort{n}" for n in range(600))
    written = (f"αβγΩ µg ≤ ≥ ± ° Wójcik Inês Hélène ő ł ẞ {long_word}", comment)
    text = text_of(render(example_html(comments=written)))
    for word in " ".join(written).split():
        assert word in text.replace("\n", " ") or word in text.replace("\n", "")


def test_a_character_without_a_glyph_is_spelled_out(render: Callable[..., bytes]) -> None:
    text = text_of(render(page("<p>検 and \U0001f600 and \x1d end</p>")))
    assert text.split("\n")[0] == "[U+691C] and [U+1F600] and [U+001D] end"


def test_an_asset_is_embedded(render: Callable[..., bytes]) -> None:
    with pikepdf.open(
        BytesIO(render(page("<img src='asset:photo.png'>"), assets={"photo.png": PNG}))
    ) as pdf:
        assert len(pdf.pages[0].get_images()) == 1


def test_a_broken_picture_stops_the_document(render: Callable[..., bytes]) -> None:
    with pytest.raises(RenderingFailed):
        render(page("<img src='asset:photo.png'>"), assets={"photo.png": b"no picture"})


SECRET = Path(__file__).as_uri()
OUTSIDE = {
    "file": page(f"<img src='{SECRET}'>"),
    "file in css": page("x", f"<style>body {{ background: url({SECRET}) }}</style>"),
    "file attached": page("x", f"<link rel=attachment href='{SECRET}'>"),
    "file linked as attachment": page(f"<a rel=attachment href='{SECRET}'>x</a>"),
    "asset attached from the page": page("x", "<link rel=attachment href='asset:photo.png'>"),
    "style sheet": page("x", "<link rel=stylesheet href='WEB'>"),
    "import": page("x", "<style>@import 'WEB';</style>"),
    "font": page(
        "<p style='font-family:f'>x", "<style>@font-face{font-family:f;src:url(WEB)}</style>"
    ),
    "image": page("<img src='WEB'>"),
    "object": page("<object data='WEB'></object>"),
    "embed": page("<embed src='WEB'>"),
    "svg image": page("<svg width=9 height=9><image href='WEB' width=9 height=9 /></svg>"),
    "svg in asset": page("<img src='asset:trap.svg'>"),
    "data url": page("<img src='data:image/png;base64,AAAA'>"),
    "unknown asset": page("<img src='asset:other.png'>"),
    "upper case": page("<img src='ASSET:photo.png'>"),
    "ftp": page("<img src='ftp://127.0.0.1/x'>"),
}


@pytest.mark.parametrize("html", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_nothing_outside_the_assets_is_fetched(
    html: str, render: Callable[..., bytes], web_server: tuple[str, list[str]]
) -> None:
    """Pitfall 16: no address leaves the memory; what is not opened cannot redirect either."""
    address, hits = web_server
    trap = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{address}'/></svg>".encode()
    assets = {"photo.png": PNG, "trap.svg": trap}
    with pytest.raises(ForbiddenResource):
        render(html.replace("WEB", address), assets=assets)
    assert hits == []


def test_an_outside_drawing_is_not_followed(
    render: Callable[..., bytes], web_server: tuple[str, list[str]]
) -> None:
    address, hits = web_server
    render(page(f"<svg width=9 height=9><use href='{address}#a' /></svg>"))
    assert hits == []


def test_a_naked_creation_time_is_refused(render: Callable[..., bytes]) -> None:
    with pytest.raises(RenderingFailed):
        render(page("x"), created=datetime(2026, 1, 1))  # noqa: DTZ001 - the naked time is the case


def test_missing_fonts_are_named(tmp_path: Path) -> None:
    with pytest.raises(FontsMissing, match="noto-sans-greek-700"):
        load_fonts(tmp_path)
