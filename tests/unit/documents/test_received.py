"""Files that are handed in: nothing runs, calls elsewhere or hides another (URS-SEC-030)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from io import BytesIO

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Encryption, Name, Pdf, Stream

from documents import received
from documents.received import PDF, TEST_VIRUS

Change = Callable[[Pdf], None]


def pdf(change: Change | None = None, *, encrypted: bool = False) -> bytes:
    made, out = pikepdf.new(), BytesIO()
    made.add_blank_page()
    if change is not None:
        change(made)
    made.save(out, encryption=Encryption(owner="o", user="u") if encrypted else False)
    return out.getvalue()


def script(made: Pdf) -> None:
    made.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")


def program(made: Pdf) -> None:
    link = Dictionary(
        Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=Dictionary(S=Name.Launch, F="x")
    )
    made.pages[0].Annots = Array([link])


def hidden(made: Pdf) -> None:
    made.attachments["more.exe"] = b"MZ"


def form(made: Pdf) -> None:
    made.Root.AcroForm = Dictionary(XFA=Stream(made, b"<xdp/>"), Fields=[])


def virus(made: Pdf) -> None:
    made.pages[0].Contents = Stream(made, zlib.compress(TEST_VIRUS), Filter=Name.FlateDecode)


def bomb(made: Pdf) -> None:
    packed = zlib.compress(bytes(received.LARGEST_STREAM + 1), 9)
    made.pages[0].Contents = Stream(made, packed, Filter=Name.FlateDecode)


def spoilt(made: Pdf) -> None:
    made.pages[0].Contents = Stream(made, b"\x78\x9c no deflate", Filter=Name.FlateDecode)


def elsewhere(made: Pdf) -> None:
    made.Root.OpenAction = Dictionary(S=Name.GoToR, F="share", D=Array([0, Name.Fit]))


def said(data: bytes, media_type: str = PDF) -> str:
    return "; ".join(received.problems(data, media_type))


@pytest.mark.urs("URS-SEC-030")
def test_a_plain_pdf_and_a_link_inside_it_are_accepted() -> None:
    def link(made: Pdf) -> None:
        place = Dictionary(S=Name.GoTo, D=Array([made.pages[0].obj, Name.Fit]))
        made.pages[0].Annots = Array(
            [Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=place)]
        )

    assert said(pdf()) == ""
    assert said(pdf(link)) == ""


@pytest.mark.urs("URS-SEC-030")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (script, "a script"), (program, "a program to start"), (hidden, "another file"),
        (form, "a form that runs"), (virus, "the test signature of a virus"),
        (bomb, "grows too much"), (spoilt, "damaged"), (elsewhere, "a way into another file"),
    ],
)  # fmt: skip
def test_what_could_run_or_hides_in_a_pdf_is_named(change: Change, words: str) -> None:
    assert words in said(pdf(change))


@pytest.mark.urs("URS-SEC-030")
def test_two_kinds_of_file_in_one_are_refused() -> None:
    assert "another kind of file" in said(pdf() + b"PK\x03\x04 a zip file behind it")
    assert said(b"MZ" + pdf()) == "it is no whole PDF file"
    assert said(pdf()[:-60]) != ""


@pytest.mark.urs("URS-SEC-030")
def test_what_cannot_be_looked_through_is_refused() -> None:
    assert said(pdf(encrypted=True))
    assert said(b"%PDF-1.7 nothing here %%EOF")


@pytest.mark.urs("URS-SEC-030")
def test_the_test_virus_is_found_in_any_file() -> None:
    assert "virus" in said(b"a note " + TEST_VIRUS, "text/plain")
