"""HTML to PDF/A-3, the same bytes every time.

Rules carried out here (URS-REP-030; traps measured with WeasyPrint 70):
- nothing is fetched but what was handed over: `asset:` names from memory, everything else is
  refused and stops the rendering;
- only the house fonts are embedded; a character without a glyph is spelled out, never dropped;
- a picture that cannot be read stops the rendering instead of leaving a hole;
- title, language and dates are arguments, not clock or template, so two runs give equal bytes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.resources import files
from io import BytesIO
from types import TracebackType
from typing import Any

from weasyprint import CSS, HTML
from weasyprint import Attachment as WeasyAttachment
from weasyprint.css import ColorProfile
from weasyprint.document import Document
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from documents.errors import ForbiddenResource, RenderingFailed
from documents.fonts import FontSet
from documents.joining import Bookmark, LaidOut, Place

ARCHIVE = "pdf/a-3u"
"""Default variant: archival, Unicode text, any attached file (ISO 19005-3)."""

_SCHEME = "asset:"
_PROFILE = "srgb-embedded"
_POINTS_A_PIXEL = 0.75
# PDF/A forbids the smoothing that the library asks readers for (ISO 19005-3, 6.2.8).
_PICTURES = "img { image-rendering: crisp-edges }"


class Relationship(StrEnum):
    """How an associated file relates to the pages (ISO 32000-2, AFRelationship)."""

    DATA = "Data"
    SUPPLEMENT = "Supplement"
    SOURCE = "Source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that travels inside the PDF, listed in /AF of its catalogue."""

    name: str
    content: bytes
    media_type: str
    relationship: Relationship
    description: str


def render_pdf(
    html: str,
    *,
    title: str,
    language: str,
    created: datetime,
    fonts: FontSet,
    attachments: Sequence[Attachment] = (),
    assets: Mapping[str, bytes] | None = None,
    variant: str = ARCHIVE,
) -> bytes:
    """Render one HTML document as a PDF file.

    `created` is aware and stands in the metadata and on the attachments; `assets` are what the
    document may reference as ``asset:NAME``. Raises `ForbiddenResource` for any other address
    and `RenderingFailed` for anything that cannot be printed as it is.
    """
    return lay_out(
        html,
        title=title,
        language=language,
        created=created,
        fonts=fonts,
        attachments=attachments,
        assets=assets,
        variant=variant,
    ).pdf


def lay_out(
    html: str,
    *,
    title: str,
    language: str,
    created: datetime,
    fonts: FontSet,
    attachments: Sequence[Attachment] = (),
    assets: Mapping[str, bytes] | None = None,
    variant: str = ARCHIVE,
) -> LaidOut:
    """As `render_pdf`, with the named places and headings of the pages."""
    moment = _in_utc(created)
    known = {**fonts.assets, **(assets or {})}
    with _MemoryFetcher(known) as fetcher, _Complaints() as complaints:
        document = _lay_out(fonts.spell_out(html), fetcher, fonts)
        _refuse_linked_files(document)
        _set_metadata(document, title, language, moment)
        # The name tree of a PDF is sorted, and the library writes it in the given order.
        ordered = sorted(attachments, key=lambda each: each.name)
        document.metadata.attachments = [_attached(each, moment) for each in ordered]
        content: bytes = document.write_pdf(
            pdf_variant=variant, output_intent=_PROFILE, finisher=_list_files_once
        )
    if complaints.messages:
        raise RenderingFailed(f"{title}: {'; '.join(complaints.messages)}")
    return LaidOut(
        pdf=content,
        pages=len(document.pages),
        anchors=_anchors(document),
        bookmarks=_bookmarks(document),
    )


def _anchors(document: Document) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for number, page in enumerate(document.pages):
        for name, corners in page.anchors.items():
            # What is broken over pages is an anchor on each of them; it begins on the first.
            found.setdefault(name, _place(page, number, corners[:2]))
    return found


def _bookmarks(document: Document) -> list[Bookmark]:
    return [
        Bookmark(level, title, _place(page, number, corner))
        for number, page in enumerate(document.pages)
        for level, title, corner, _ in page.bookmarks
    ]


def _place(page: Any, number: int, corner: tuple[float, float]) -> Place:
    """From CSS pixels below the upper left corner to points above the lower left one."""
    x, y = corner
    return Place(number, x * _POINTS_A_PIXEL, (page.height - y) * _POINTS_A_PIXEL)


def _lay_out(html: str, fetcher: _MemoryFetcher, fonts: FontSet) -> Document:
    config = FontConfiguration()
    sheet = CSS(string=f"{fonts.css}\n{_PICTURES}", font_config=config, url_fetcher=fetcher)
    page = HTML(string=html, url_fetcher=fetcher, base_url=None)
    return page.render(
        font_config=config,
        stylesheets=[sheet],
        color_profiles={_PROFILE: _srgb()},
        output_intent=_PROFILE,
    )


def _srgb() -> ColorProfile:
    # The library's own way to load this profile leaves the file open.
    content = (files("weasyprint") / "pdf" / "sRGB2014.icc").read_bytes()
    components = (["r"], ["g"], ["b"])
    return ColorProfile(BytesIO(content), "sRGB2014.icc", "relative-colorimetric", components)


def _list_files_once(_: Document, pdf: Any) -> None:
    # The PDF/A-3 step of the library lists each associated file twice.
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])


def _refuse_linked_files(document: Document) -> None:
    # A file attached from within the page would carry the time of rendering, and it would
    # let a value decide what is attached.
    linked = [link[1] for page in document.pages for link in page.links if link[0] == "attachment"]
    if linked or document.metadata.attachments:
        raise ForbiddenResource("the page itself asks for an attachment")


def _set_metadata(document: Document, title: str, language: str, moment: datetime) -> None:
    metadata: Any = document.metadata
    metadata.title = title
    metadata.lang = language
    metadata.generator = "Batchwright"
    metadata.created = metadata.modified = moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _attached(attachment: Attachment, moment: datetime) -> WeasyAttachment:
    content = {attachment.name: (attachment.content, attachment.media_type)}
    return WeasyAttachment(
        url=_SCHEME + attachment.name,
        url_fetcher=_MemoryFetcher.typed(content),
        name=attachment.name,
        description=attachment.description,
        relationship=attachment.relationship.value,
        created=moment,
        modified=moment,
    )


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise RenderingFailed("the creation time of a document needs a zone")
    return moment.astimezone(UTC)


class _Refused(FatalURLFetchingError):  # type: ignore[misc]  # the library is untyped
    """Carries a refusal through WeasyPrint, which swallows ordinary exceptions."""


class _MemoryFetcher(URLFetcher):  # type: ignore[misc]  # the library is untyped
    """Serves named bytes and opens nothing: no file, no socket, no data URL."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=())
        self._files = {name: (content, _media_type(name)) for name, content in files.items()}
        self._refused: list[str] = []

    @classmethod
    def typed(cls, files: Mapping[str, tuple[bytes, str]]) -> _MemoryFetcher:
        """A fetcher whose files state their media type."""
        fetcher = cls({})
        fetcher._files = dict(files)
        return fetcher

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """The asset of that name; everything else stops the rendering."""
        found = self._files.get(url.removeprefix(_SCHEME)) if url.startswith(_SCHEME) else None
        if found is None:
            self._refused.append(url[:200])
            raise _Refused(url[:200])
        content, media_type = found
        return URLFetcherResponse(url, content, {"Content-Type": media_type})

    def __enter__(self) -> _MemoryFetcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # Looked at even without an error: drawing an SVG swallows every exception.
        if self._refused:
            asked = ", ".join(self._refused)
            raise ForbiddenResource(f"the document asks for {asked}, which was not handed over")


def _media_type(name: str) -> str:
    known = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "ttf": "font/ttf"}
    return known.get(name.rpartition(".")[2], "application/octet-stream")


class _Complaints(logging.Handler):
    """Collects what WeasyPrint reports as errors in this thread, such as a broken picture."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message when it comes from our own rendering."""
        if record.thread == self._thread:
            self.messages.append(record.getMessage())

    def __enter__(self) -> _Complaints:
        logging.getLogger("weasyprint").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("weasyprint").removeHandler(self)
