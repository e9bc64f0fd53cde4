"""Tables that the server sorts, filters and divides into pages; every view has an address."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Response, request
from flask import url_for as address_of

from core.clock import show
from web import filters, states

Row = Mapping[str, Any]
PER_PAGE = 50
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`kind` is text, state, time or list (a tuple of texts); `link` names the key of the row that
    holds an address."""

    key: str
    label: str
    numeric: bool = False
    kind: str = "text"
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What `ui.data_table` draws: one page of the rows that fit the filter."""

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    total: int
    page: int
    pages: int
    sort: str
    descending: bool
    query: str

    def sort_link(self, column: Column) -> str:
        """The address of the same table sorted by that column (the other way round again)."""
        back = self.sort == column.key and not self.descending
        return self._link(**{f"{self.name}-sort": ("-" if back else "") + column.key})

    def page_link(self, number: int) -> str:
        """The address of another page."""
        return self._link(**{f"{self.name}-page": number})

    def csv_link(self) -> str:
        """The address of all fitting rows as CSV."""
        return self._link(csv=self.name)

    def _link(self, **changes: Any) -> str:
        given = {**(request.view_args or {}), **request.args.to_dict(), **changes}
        return address_of(request.endpoint or "", **given)


def table(name: str, caption: str, columns: Sequence[Column], rows: Sequence[Row]) -> Table:
    """The table as this request wants it; `name` keeps several tables of one page apart."""
    query = request.args.get(f"{name}-q", "").strip()
    fitting = [row for row in rows if _fits(row, columns, query)]
    wanted = request.args.get(f"{name}-sort", "")
    key = wanted.removeprefix("-")
    if key in {column.key for column in columns}:
        fitting.sort(key=lambda row: _order(row[key]), reverse=wanted.startswith("-"))
    else:
        key = ""
    pages = max(1, -(-len(fitting) // PER_PAGE))
    given = request.args.get(f"{name}-page", "1")
    page = min(max(int(given) if given.isdecimal() else 1, 1), pages)
    everything = request.args.get("csv") == name
    return Table(
        name=name,
        caption=caption,
        columns=columns,
        rows=fitting if everything else fitting[(page - 1) * PER_PAGE : page * PER_PAGE],
        total=len(fitting),
        page=page,
        pages=pages,
        sort=key,
        descending=wanted.startswith("-"),
        query=query,
    )


def wants_csv(found: Table) -> bool:
    """Whether this request asks for the table as CSV."""
    return request.args.get("csv") == found.name


def as_csv(found: Table) -> Response:
    """All fitting rows as CSV; cells that a spreadsheet would run are disarmed."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(column.label for column in found.columns)
    for row in found.rows:
        writer.writerow(_cell(row[column.key]) for column in found.columns)
    headers = {"Content-Disposition": f'attachment; filename="{found.name}.csv"'}
    return Response("\ufeff" + text.getvalue(), mimetype="text/csv", headers=headers)


def _fits(row: Row, columns: Sequence[Column], query: str) -> bool:
    words = " ".join(_word(row[column.key], column) for column in columns).casefold()
    return all(part in words for part in query.casefold().split())


def _word(value: Any, column: Column) -> str:
    return states.word(str(value)) if column.kind == "state" else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return show(value, filters.zone())
    if isinstance(value, tuple):
        return "; ".join(value)
    return "" if value is None else str(value)


def _cell(value: Any) -> str:
    text = _shown(value)
    number = text.lstrip("+-").replace(".", "", 1).isdigit()
    return f"'{text}" if text.startswith(DANGEROUS) and not number else text


def _order(value: Any) -> tuple[bool, Decimal, str]:
    number = isinstance(value, int | Decimal)
    return (value is None, Decimal(value) if number else Decimal(0), "" if number else str(value))
