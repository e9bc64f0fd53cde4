"""A controlled copy for paper: the pages of an issued document with its number on each of them.

The seal is left behind, for the bytes are others now: paper is proved by its code, which leads to
the page of the copy. The same document, number and words give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import pikepdf
from jinja2 import Environment
from pikepdf import Array, Dictionary, Name, Pdf

from documents.codes import qr_svg
from documents.environment import render_html
from documents.errors import RenderingFailed
from documents.fonts import FontSet
from documents.rendering import render_pdf

_STRIP = Name("/BatchwrightCopy")


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyMark:
    """What stands on every page of a controlled copy; `lines` are printed as they are."""

    code: str
    heading: str
    lines: tuple[str, ...]
    issued_at: datetime


def controlled_copy(
    pdf: bytes, mark: CopyMark, *, environment: Environment, fonts: FontSet
) -> bytes:
    """The pages of a sealed document with the mark of a copy. Raises RenderingFailed."""
    html = render_html(
        environment,
        "documents/copy.html",
        {"mark": mark, "code": qr_svg(mark.code, label=mark.code)},
    )
    strip = render_pdf(html, title=mark.heading, language="en", created=mark.issued_at, fonts=fonts)
    try:
        with Pdf.open(BytesIO(pdf)) as document, Pdf.open(BytesIO(strip)) as drawn:
            _without_seal(document)
            shown = document.copy_foreign(drawn.pages[0].as_form_xobject())
            for page in document.pages:
                _lay(page, shown)
            return _written(document)
    except pikepdf.PdfError as error:
        raise RenderingFailed(f"the document cannot be copied: {error}") from error


def _without_seal(document: Pdf) -> None:
    for name in ("/AcroForm", "/Perms", "/DSS", "/Extensions"):
        if name in document.Root:
            del document.Root[name]
    for page in document.pages:
        notes = [each for each in page.obj.get("/Annots", []) if each.get("/FT") != Name("/Sig")]
        if "/Annots" in page.obj:
            page.obj["/Annots"] = Array(notes)


def _lay(page: pikepdf.Page, strip: pikepdf.Object) -> None:
    resources = Dictionary(dict(page.obj.Resources.items()))
    drawn = Dictionary(dict(resources.get("/XObject", Dictionary()).items()))
    drawn[_STRIP] = strip
    resources["/XObject"] = drawn
    page.obj["/Resources"] = resources
    page.contents_add(b"q", prepend=True)
    page.contents_add(b"Q /Artifact BMC q " + bytes(_STRIP) + b" Do Q EMC")


def _written(document: Pdf) -> bytes:
    out = BytesIO()
    document.save(out, deterministic_id=True)
    return out.getvalue()
