"""Documents made of facts and tables: one model for every list that is printed and signed for.

A sheet holds words as they are printed; the JSON that travels in the file is the same content, so
nothing can stand on the pages that the digest does not cover (URS-REP-030). A table without rows
says so in words of its own: silence is no statement (URS-REP-020).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import canonical, chain
from audit.models import Entry, Signature
from audit.streams import Stream
from core.clock import show
from core.db import site_of
from core.sites import SiteClock, the_site
from documents import states
from ebr.printables import Draft
from ebr.report.stepmodel import Pair


class Form(StrEnum):
    """How the cells of a column are printed."""

    TEXT = "text"
    STRONG = "strong"
    """The first line stands out."""
    NUMBER = "number"
    STATE = "state"
    """A code of `documents.states`, printed with its sign; the JSON holds its word."""
    SIGNED = "signed"
    """Signatures: printed name, meaning with role, time; the name stands out."""
    LIST = "list"
    """Each line is a thing of its own."""
    DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: `code` in the JSON, `title` on paper, `share` of the width in percent."""

    code: str
    title: str
    share: int
    form: Form = Form.TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with as many cells as columns; a cell may hold several lines.

    `nothing` is the sentence that stands there when there is no row.
    """

    code: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    nothing: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The site as its documents name it; `simulated` when its clock was ever moved."""

    name: str
    mode: str
    zone: str
    simulated: bool = False

    def at(self, moment: datetime | None) -> str:
        """A moment at the site with its offset, or a dash."""
        return "–" if moment is None else show(moment, self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A whole document. `mark` goes over every page of one that is not final.

    `format` names the JSON and its version; `state` is a code of `documents.states`, `words` what
    is printed with its sign; `statement` is the sentence a reader looks for first. `svg` are
    drawings by the code of the table that they stand over.
    """

    format: str
    title: str
    subject: str
    version: str
    place: Place
    state: str
    words: str
    facts: Sequence[Pair]
    statement: str
    tables: Sequence[Table]
    mark: str = ""
    svg: Mapping[str, Markup] = field(default_factory=dict)


def place_of(session: Session) -> Place:
    """The site of this session."""
    site, moved = the_site(session), session.scalar(select(SiteClock.offset_us)) or 0
    return Place(name=site.name, mode=site.mode, zone=site.zone, simulated=moved != 0)


def draft_of(session: Session, sheet: Sheet, *, stream: Stream, name: str, data_name: str) -> Draft:
    """The sheet as the content of a document about `stream`, as of that stream's last entry."""
    return Draft(
        stream=str(stream),
        version=chain.head(session, str(stream))[0],
        title=name,
        standing=sheet.words[:60],
        data=to_json(sheet),
        data_name=data_name,
        material=sheet,
    )


def to_json(sheet: Sheet) -> bytes:
    """Canonical bytes of everything that is printed; rows are objects by the codes of columns."""
    told = {
        "format": sheet.format,
        "title": sheet.title,
        "subject": sheet.subject,
        "version": sheet.version,
        "site": {"name": sheet.place.name, "mode": sheet.place.mode, "zone": sheet.place.zone},
        "standing": sheet.words,
        "mark": sheet.mark,
        "time_simulated": sheet.place.simulated,
        "facts": [{"name": fact.name, "text": fact.text} for fact in sheet.facts],
        "statement": sheet.statement,
        "tables": [_table(table) for table in sheet.tables],
        "drawings": [
            {"table": code, "sha256": hashlib.sha256(drawing.encode()).hexdigest()}
            for code, drawing in sheet.svg.items()
        ],
    }
    return canonical.encode(_normal(told))


def _table(table: Table) -> Mapping[str, Any]:
    return {
        "code": table.code,
        "title": table.title,
        "note": table.note,
        "rows": [
            {
                column.code: shown(column, cell)
                for column, cell in zip(table.columns, row, strict=True)
            }
            for row in table.rows
        ],
        "nothing": "" if table.rows else table.nothing,
    }


def _normal(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _normal(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_normal(part) for part in value]
    return canonical.text(value) if isinstance(value, str) else value


def shown(column: Column, cell: str) -> str:
    """A cell in words: that of a state by its word."""
    return states.word(cell) if column.form is Form.STATE and cell else cell


def signed(place: Place, signatures: Iterable[Signature]) -> str:
    """Signatures for a cell: printed name and badge, meaning and role, time (21 CFR 11.50).

    A dash where nobody signed.
    """
    told = [
        f"{row.printed_name} ({row.signer})\n{row.meaning} · {row.role}\n{place.at(row.at)}"
        for row in signatures
    ]
    return "\n".join(told) or "–"


class Names:
    """Printed names as at the time of an act, from the entries (never today's list of people)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[tuple[str, datetime], str] = {}

    def then(self, badge: str | None, at: datetime | None) -> str:
        """``Samuel Okafor (P-107)`` as called at that moment; a service by its name."""
        if badge is None or at is None:
            return badge or "–"
        if (badge, at) not in self._known:
            self._known[badge, at] = self._asked(badge, at)
        return self._known[badge, at]

    def _asked(self, badge: str, at: datetime) -> str:
        entry = self._session.scalars(
            select(Entry)
            .where(Entry.site_id == site_of(self._session), Entry.actor == badge, Entry.at <= at)
            .order_by(Entry.at.desc(), Entry.rseq.desc())
            .limit(1)
        ).one_or_none()
        name = badge if entry is None else str(entry.data["actor"]["name"])
        return name if name == badge else f"{name} ({badge})"
