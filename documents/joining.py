"""Joins PDF pieces that were laid out by themselves into one archival document.

Pages keep their order; a frame lies under and a sheet with its number over each page; places that
a page refers to by ``page:NAME`` become links with the number of their page; bookmarks are built
anew over the whole. The same pieces give the same bytes. The first piece brings metadata, output
intent and associated files (ISO 19005-3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, OutlineItem, Pdf

from documents.errors import RenderingFailed
from documents.views import Mark

REFERENCE = "page:"
_FRAME, _SHEET = Name("/BatchwrightFrame"), Name("/BatchwrightSheet")
_OPEN_LEVELS = 1


@dataclass(frozen=True, slots=True)
class Place:
    """A place on a page of its piece, in points from the lower left corner."""

    page: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A heading with its level (1 is the outermost) and place."""

    level: int
    title: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """A piece as PDF, with the places that have a name and the headings in order."""

    pdf: bytes
    pages: int
    anchors: Mapping[str, Place]
    bookmarks: Sequence[Bookmark]


class Joined:
    """Pieces under way to one document; `marks` says which numbers each page wants printed."""

    def __init__(self, pieces: Iterable[LaidOut]) -> None:
        self._anchors: dict[str, Place] = {}
        self._bookmarks: list[Bookmark] = []
        others = iter(pieces)
        first = next(others)
        self._pdf = Pdf.open(BytesIO(first.pdf))
        self._note(first, 0)
        for piece in others:
            offset = len(self._pdf.pages)
            with Pdf.open(BytesIO(piece.pdf)) as other:
                self._pdf.pages.extend(other.pages)
            self._note(piece, offset)

    def _note(self, piece: LaidOut, offset: int) -> None:
        self._anchors |= {name: _moved(at, offset) for name, at in piece.anchors.items()}
        self._bookmarks += [
            Bookmark(each.level, each.title, _moved(each.place, offset)) for each in piece.bookmarks
        ]

    def marks(self) -> list[list[Mark]]:
        """For each page the numbers to print at the right end of its references.

        Raises RenderingFailed for a reference to a place that is not there.
        """
        return [self._marks(page) for page in self._pdf.pages]

    def _marks(self, page: pikepdf.Page) -> list[Mark]:
        widest: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
        for link, name in _references(page):
            x1, y1, x2, y2 = (Decimal(str(each)) for each in link.Rect)
            left, right, top = min(x1, x2), max(x1, x2), max(y1, y2)
            # A link in a block has a rectangle for the block and one for its text.
            if name not in widest or right - left > widest[name][0]:
                widest[name] = (right - left, right, top)
        _, _, width, height = (Decimal(str(each)) for each in page.mediabox)
        return [
            Mark(
                right=f"{width - right:.2f}",
                top=f"{height - top:.2f}",
                page=self._place(name).page + 1,
            )
            for name, (_, right, top) in widest.items()
        ]

    def finish(self, sheets: Sequence[bytes]) -> bytes:
        """The document with its frame and numbers; `sheets` are files that hold the frame, then one
        sheet for each page, in order."""
        self._link()
        self._dress(sheets)
        self._outline()
        out = BytesIO()
        self._pdf.save(
            out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate
        )
        self._pdf.close()
        return out.getvalue()

    def _place(self, name: str) -> Place:
        try:
            return self._anchors[name]
        except KeyError:
            raise RenderingFailed(f"a page refers to {name!r}, which is nowhere") from None

    def _destination(self, place: Place) -> Array:
        page = self._pdf.pages[place.page].obj
        at = (Decimal(f"{place.x:.2f}"), Decimal(f"{place.y:.2f}"))
        return Array([page, Name.XYZ, *at, 0])

    def _link(self) -> None:
        for page in self._pdf.pages:
            for link, name in list(_references(page)):
                del link["/A"]
                link["/Dest"] = self._destination(self._place(name))

    def _dress(self, sheets: Sequence[bytes]) -> None:
        drawn: list[Any] = []
        for content in sheets:
            with Pdf.open(BytesIO(content)) as found:
                drawn += [self._pdf.copy_foreign(page.as_form_xobject()) for page in found.pages]
        frame, *numbers = drawn
        if len(numbers) != len(self._pdf.pages):
            raise RenderingFailed("there is not one sheet for each page")
        for page, number in zip(self._pdf.pages, numbers, strict=True):
            _lay(page, frame, number)

    def _outline(self) -> None:
        with self._pdf.open_outline() as outline:
            outline.root.clear()
            above: list[tuple[int, Any]] = [(0, outline.root)]
            for each in self._bookmarks:
                while above[-1][0] >= each.level:
                    above.pop()
                item = OutlineItem(each.title, self._destination(each.place))
                item.is_closed = each.level > _OPEN_LEVELS
                above[-1][1].append(item)
                above.append((each.level, item.children))


def _moved(place: Place, offset: int) -> Place:
    return Place(place.page + offset, place.x, place.y)


def _references(page: pikepdf.Page) -> list[tuple[Any, str]]:
    """Links of a page to a place somewhere in the document, with the name of the place."""
    found = []
    for link in page.obj.get("/Annots", []):
        address = str(link.A.get("/URI", "")) if "/A" in link else ""
        if address.startswith(REFERENCE):
            found.append((link, address.removeprefix(REFERENCE)))
    return found


def _lay(page: pikepdf.Page, frame: Any, sheet: Any) -> None:
    """Frame below, sheet above; neither is part of the text proper (artifacts)."""
    resources = Dictionary(dict(page.obj.Resources.items()))
    drawn = Dictionary(dict(resources.get("/XObject", Dictionary()).items()))
    drawn[_FRAME], drawn[_SHEET] = frame, sheet
    resources["/XObject"] = drawn
    page.obj["/Resources"] = resources
    page.contents_add(b"/Artifact BMC q " + bytes(_FRAME) + b" Do Q EMC q", prepend=True)
    page.contents_add(b"Q /Artifact BMC q " + bytes(_SHEET) + b" Do Q EMC")
