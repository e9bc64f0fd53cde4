"""What a file that somebody hands in may not carry (URS-SEC-030).

Pictures are decoded and written again before they come here, which leaves nothing but picture. A
PDF is kept byte for byte as evidence, so it is looked through instead: nothing in it may run, call
elsewhere, hide another file, or be a second kind of file at the same time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Pdf, Stream

PDF = "application/pdf"
TEST_VIRUS = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The EICAR test file, in two parts so that no scanner takes this module for it."""
ACTIVE = {
    "/JavaScript": "a script",
    "/Launch": "a program to start",
    "/SubmitForm": "a form that is sent elsewhere",
    "/ImportData": "data from elsewhere",
    "/Rendition": "a medium to play",
    "/GoToE": "a way into another file",
    "/GoToR": "a way into another file",
}
PARTS = {
    "/JS": "a script",
    "/EF": "another file",
    "/EmbeddedFiles": "another file",
    "/XFA": "a form that runs",
    "/RichMediaContent": "a medium to play",
}
LARGEST_STREAM = 64 * 2**20
"""What one stream of a PDF may unfold to, in bytes."""


def problems(data: bytes, media_type: str) -> Iterator[str]:
    """Why a file of that media type is not accepted, in words; nothing for a good one."""
    if TEST_VIRUS in data:
        yield "it holds the test signature of a virus"
    if media_type == PDF:
        yield from _of_pdf(data)


def _of_pdf(data: bytes) -> Iterator[str]:
    end = data.rfind(b"%%EOF")
    if not data.startswith(b"%PDF-") or end < 0:
        yield "it is no whole PDF file"
        return
    if data[end + 5 :].strip(b"\r\n\0 "):
        yield "it is another kind of file as well: something follows its end"
    try:
        with Pdf.open(BytesIO(data)) as pdf:
            if pdf.is_encrypted:
                yield "it is encrypted"
            yield from dict.fromkeys(_inside(pdf))
    except (pikepdf.PdfError, pikepdf.PasswordError, RecursionError) as error:
        yield f"it cannot be read ({type(error).__name__})"


def _inside(pdf: Pdf) -> Iterator[str]:
    for each in pdf.objects:
        yield from _active(each)
        if isinstance(each, Stream):
            yield from _of_stream(each)


def _active(thing: Any) -> Iterator[str]:
    """Direct objects are part of the one that holds them; indirect ones come by themselves."""
    if isinstance(thing, (Dictionary, Stream)):
        if (kind := str(thing.get("/S", ""))) in ACTIVE:
            yield f"it holds {ACTIVE[kind]}"
        for key, value in thing.items():
            if key in PARTS:
                yield f"it holds {PARTS[key]}"
            if not _is_indirect(value):
                yield from _active(value)
    elif isinstance(thing, Array):
        for value in thing:
            if not _is_indirect(value):
                yield from _active(value)


def _is_indirect(value: Any) -> bool:
    return bool(getattr(value, "is_indirect", False))


def _of_stream(stream: Stream) -> Iterator[str]:
    """What unfolds by the one common filter is looked through; pictures are only shown."""
    filters = stream.get("/Filter", Array())
    names = [str(each) for each in filters] if isinstance(filters, Array) else [str(filters)]
    if names not in ([], ["/FlateDecode"]):
        return
    try:
        content = _unfolded(bytes(stream.read_raw_bytes()), packed=bool(names))
    except zlib.error:
        yield "it is damaged"
        return
    if content is None:
        yield "it grows too much when unpacked"
    elif TEST_VIRUS in content:
        yield "it holds the test signature of a virus"


def _unfolded(raw: bytes, *, packed: bool) -> bytes | None:
    """The content, None when it is longer than `LARGEST_STREAM`."""
    if not packed:
        return raw
    reader = zlib.decompressobj()
    content = reader.decompress(raw, LARGEST_STREAM)
    return None if reader.unconsumed_tail else content
