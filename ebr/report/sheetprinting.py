"""A sheet on paper: the pages, and the check that nothing of the content was left out.

The check reads the laid-out text in the order of the tables: a template that drops a cell, a
signature or a statement stops the document (URS-REP-030, 21 CFR 11.50).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from jinja2 import Environment
from markupsafe import escape

from documents import states
from documents.environment import make_environment, render_html
from documents.errors import RenderingFailed
from documents.fonts import FontSet
from documents.parts import Piece, render_parts
from documents.rendering import Attachment
from documents.views import Face, Fact, State
from ebr.printables import Draft, Edition, anchor_view
from ebr.report.sheet import Column, Form, Sheet, Table, shown

TEMPLATE = "ebr.report/sheet.html"
LANGUAGE = "en"
LINES_AT_MOST = 1200
LETTERS_A_LINE = 120
"""Of a line over the whole width, in the size of the tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of one table that lie in one piece; only the first one carries the heading."""

    table: Table
    rows: Sequence[Sequence[str]]
    first: bool


class SheetKind:
    """A kind of document whose content is a sheet; `template` names version and kind of its pages.

    What it is about, and who may ask for it, is told by who inherits (`printables.DocumentKind`).
    """

    template: str

    def render(
        self,
        draft: Draft,
        edition: Edition,
        *,
        fonts: FontSet,
        attachments: Sequence[Attachment],
    ) -> bytes:
        """The PDF of the sheet with the associated files. Raises RenderingFailed."""
        sheet: Sheet = draft.material
        face = face_of(sheet, edition, self.template)
        return render_parts(
            pieces(sheet, face, environment()),
            face=face,
            environment=environment(),
            created=edition.at,
            fonts=fonts,
            attachments=attachments,
        )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of this package with what they ask for."""
    made = make_environment("ebr.report")
    made.globals.update(Form=Form, state_of=states.shown, lines_of=str.splitlines)
    return made


def pieces(sheet: Sheet, face: Face, templates: Environment) -> Iterator[Piece]:
    """The pages as HTML in pieces of a bounded length. Raises RenderingFailed."""
    cut = list(_cut(sheet))
    for number, portions in enumerate(cut):
        data = {
            "sheet": sheet,
            "face": face,
            "portions": portions,
            "first": number == 0,
            "last": number == len(cut) - 1,
        }
        html = render_html(templates, TEMPLATE, data)
        _require_whole(sheet, portions, html, first=number == 0)
        yield Piece(html=html)


def _cut(sheet: Sheet) -> Iterator[list[Part]]:
    """The tables in order, cut between rows where a piece is full."""
    piece: list[Part] = []
    room = LINES_AT_MOST
    for table in sheet.tables:
        start = 0
        for index, row in enumerate(table.rows):
            needed = _lines(table.columns, row)
            if needed > room and (piece or index > start):
                if index > start:
                    piece.append(Part(table=table, rows=table.rows[start:index], first=start == 0))
                yield piece
                piece, room, start = [], LINES_AT_MOST, index
            room -= needed
        piece.append(Part(table=table, rows=table.rows[start:], first=start == 0))
    yield piece


def _lines(columns: Sequence[Column], row: Sequence[str]) -> int:
    """About how many lines the row takes."""
    return max(
        sum(
            1 + ceil(100 * len(line) / (LETTERS_A_LINE * column.share)) - bool(line)
            for line in cell.splitlines()
        )
        for column, cell in zip(columns, row, strict=True)
    )


def _require_whole(sheet: Sheet, parts: Sequence[Part], html: str, *, first: bool) -> None:
    """Every line of every cell stands in the pages, in order; the statement on the first one."""
    place = 0
    for text in _expected(sheet, parts, first=first):
        place = html.find(str(escape(text)), place)
        if place < 0:
            raise RenderingFailed(f"{sheet.title}: the pages leave out “{text[:60]}”")


def _expected(sheet: Sheet, parts: Sequence[Part], *, first: bool) -> Iterator[str]:
    if first:
        yield from (fact.text for fact in sheet.facts)
        yield sheet.statement
    for part in parts:
        if part.first:
            yield part.table.title
        if not part.table.rows:
            yield part.table.nothing
        for row in part.rows:
            for column, cell in zip(part.table.columns, row, strict=True):
                yield from shown(column, cell).splitlines()


def face_of(sheet: Sheet, edition: Edition, template: str) -> Face:
    """First page and frame of every page."""
    return Face(
        title=sheet.title,
        subject=sheet.subject,
        version=sheet.version,
        site_name=sheet.place.name,
        site_mode=sheet.place.mode,
        zone=sheet.place.zone,
        language=LANGUAGE,
        generated_at=edition.at,
        generated_by=edition.by,
        software=edition.software,
        template=template,
        content_digest=edition.content_digest,
        facts=tuple(Fact(label=fact.name, value=fact.text) for fact in sheet.facts),
        checkpoint=edition.checkpoint,
        anchor=anchor_view(edition),
        watermark=sheet.mark,
        state=(states.shape(sheet.state) if sheet.state else State.DONE, sheet.words),
        time_simulated=sheet.place.simulated,
    )
