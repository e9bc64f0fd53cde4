"""The live site against the one that was made again from its entries, row by row.

Every difference is named with table, row and column (URS-REC-110). Both sides are read in the text
form of the after-images, so that SQLite and PostgreSQL are compared alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from audit.changes import SECRET, Field, Image, Shape, writer
from audit.models import Entry, LogLeaf, LogNode, StreamHead
from audit.rebuild import carried
from audit.rebuildrows import UNREADABLE
from audit.report import Report
from core.db import site_of

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Compared:
    """A table to compare: its columns, those that name a row, and how values are written."""

    table: Table
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    @classmethod
    def of_shape(cls, shape: Shape) -> Compared:
        """An audited table, its rows named by id."""
        return cls(shape.table, ("id",), shape.fields)

    @classmethod
    def by_key(cls, table: Table, *key: str) -> Compared:
        """A derived table: rows named by what they say, as their random ids are new."""
        columns = [column for column in table.c if column.name != "id" or "id" in key]
        return cls(table, key, tuple(Field(c.name, c, writer(c)) for c in columns))


Keyed = tuple[tuple[Any, ...], Image]


def of_the_trail() -> list[Compared]:
    """The tables of the trail, derived ones and those taken over."""
    return [
        Compared.by_key(cast(Table, Entry.__table__), "id"),
        Compared.by_key(cast(Table, StreamHead.__table__), "rec"),
        Compared.by_key(cast(Table, LogLeaf.__table__), "idx"),
        Compared.by_key(cast(Table, LogNode.__table__), "level", "idx"),
        *(Compared.by_key(table, "id") for table in carried()),
    ]


def compare(live: Session, rebuilt: Session, report: Report, tables: Iterable[Compared]) -> int:
    """Add every difference to the report; answers how many tables are equal."""
    equal = 0
    for compared in tables:
        before = len(report.problems)
        try:
            _compare(live, rebuilt, compared, report)
        except UNREADABLE as error:
            report.add(f"table {compared.table.name}", f"a value cannot be read ({error})")
        equal += len(report.problems) == before
    return equal


def _compare(live: Session, rebuilt: Session, compared: Compared, report: Report) -> None:
    now, made = _rows(live, compared), _rows(rebuilt, compared)
    left, right = next(now, None), next(made, None)
    while left is not None or right is not None:
        if left is not None and (right is None or left[0] < right[0]):
            report.add(_place(compared, left), "the entries do not know this row")
            left = next(now, None)
        elif right is not None and (left is None or right[0] < left[0]):
            report.add(_place(compared, right), "the row is gone; the entries have it")
            right = next(made, None)
        elif left is not None and right is not None:
            _name_columns(compared, left, right, report)
            left, right = next(now, None), next(made, None)


def _rows(session: Session, compared: Compared) -> Iterator[Keyed]:
    table = compared.table
    order = [table.c[name] for name in compared.key]
    columns = [field.column.label(field.key) for field in compared.fields]
    query = select(*columns).where(table.c.site_id == site_of(session)).order_by(*order)
    for row in session.execute(query.execution_options(yield_per=CHUNK)).mappings():
        image = {
            field.column.name: None if row[field.key] is None else field.write(row[field.key])
            for field in compared.fields
        }
        yield tuple(image[name] for name in compared.key), image


def _name_columns(compared: Compared, left: Keyed, right: Keyed, report: Report) -> None:
    for name, live in left[1].items():
        if live != right[1][name]:
            made = right[1][name]
            told = "its secret value" if SECRET in (live, made) else f"{live!r}"
            report.add(
                _place(compared, left),
                f"{name} is {told}, made again from the entries it is {made!r}",
            )


def _place(compared: Compared, row: Keyed) -> str:
    named = " ".join(str(part) for part in row[0])
    return f"table {compared.table.name}, row {named}"
