"""Rows made again from their after-images: the text of an image becomes the value it came from.

Columns named secret stand in the trail as ``(secret)`` only. Where the caller gives a source for
them, they are taken over from there; nothing in the trail proves such a value unless a digest of it
is in the same image.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    LargeBinary,
    Table,
    Uuid,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from audit.changes import SECRET, Image, Shape
from audit.models import Entry
from audit.report import Report
from core.types import ExactDecimal, JsonText, UtcDateTime

IN_ONE_QUERY = 200
UNREADABLE = (SQLAlchemyError, ArithmeticError, ValueError, TypeError, KeyError)
READERS: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (ExactDecimal, Decimal),
    (UtcDateTime, datetime.fromisoformat),
    (JsonText, json.loads),
    (Boolean, bool),
    (Integer, int),
    (Uuid, UUID),
    (LargeBinary, base64.b64decode),
    (Date, date.fromisoformat),
)
"""The other way round than `audit.changes.WRITERS`; any other type is text."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which entry holds the newest image of a row, and its order among those of that row."""

    version: int
    rec: str
    rseq: int
    entry: UUID


class Newest:
    """Where the newest after-image of every row stands; the images themselves stay in the bytes."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Place] = {}

    def take(self, data: Mapping[str, Any], entry: UUID) -> None:
        """Note the images of one entry; of several of one row the highest version counts."""
        for change in data["changes"]:
            row, version = (change["table"], change["id"]), change["after"].get("version") or 0
            found = Place(version, data["rec"], data["rseq"], entry)
            known = self._rows.get(row)
            if known is None or (version, found.rec, found.rseq) >= (
                known.version, known.rec, known.rseq
            ):  # fmt: skip
                self._rows[row] = found

    def images(self, target: Connection) -> Iterator[tuple[str, Image]]:
        """Table and newest image of every row, read from the entries in `target`."""
        wanted: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
        for row, place in self._rows.items():
            wanted[place.entry].add(row)
        ids = sorted(wanted)
        for start in range(0, len(ids), IN_ONE_QUERY):
            part = ids[start : start + IN_ONE_QUERY]
            query = select(Entry.id, Entry.payload).where(Entry.id.in_(part)).order_by(Entry.id)
            for entry, payload in target.execute(query).all():
                for change in json.loads(payload)["changes"]:
                    if (change["table"], change["id"]) in wanted[entry]:
                        yield change["table"], change["after"]


def value_of(column: Column[Any], told: Any) -> Any:
    """The value that an image tells of a column; ValueError and the like when it tells none."""
    if told is None:
        return None
    for kind, read in READERS:
        if isinstance(column.type, kind):
            return read(told)
    return told


def rebuild_rows(
    session: Session,
    target: Connection,
    newest: Newest,
    report: Report,
    shapes: Iterable[Shape],
) -> int:
    """Write every row that the entries name; answers how many secret values were taken over.

    Rows of tables that this release does not have are told as not checked. Foreign keys must not
    be enforced on `target` while rows come in (they come in the order of the entries).
    """
    known = {str(shape.table.name): shape for shape in shapes}
    carried, strange = 0, set()
    images = newest.images(target)
    while chunk := list(islice(images, IN_ONE_QUERY)):
        of_table: dict[str, list[Image]] = defaultdict(list)
        for table, image in chunk:
            of_table[table].append(image)
        for table, found in of_table.items():
            if table not in known:
                strange.add(table)
                continue
            carried += _write(session, target, known[table], found, report)
    report.not_checked += [
        f"rows of table {name}, which this release does not have" for name in sorted(strange)
    ]
    return carried


def _write(
    session: Session, target: Connection, shape: Shape, images: list[Image], report: Report
) -> int:
    rows = []
    for image in images:
        try:
            rows.append(_row(shape, image))
        except UNREADABLE as error:
            report.add(_place(shape, image), f"its image cannot be read ({error!r})")
    carried = _take_over_secrets(session, shape, rows, report)
    _insert(target, shape, rows, report)
    report.rows += len(rows)
    return carried


def _row(shape: Shape, image: Image) -> dict[str, Any]:
    """Values by column name; a column that came later than the image is null."""
    found = {}
    for field in shape.fields:
        told = image.get(field.column.name)
        found[field.column.name] = SECRET if told == SECRET else value_of(field.column, told)
    return found


def _take_over_secrets(
    session: Session, shape: Shape, rows: list[dict[str, Any]], report: Report
) -> int:
    names = sorted({name for row in rows for name, value in row.items() if value == SECRET})
    if not names:
        return 0
    table = shape.table
    query = select(table.c.id, *(table.c[name] for name in names))
    found = session.execute(query.where(table.c.id.in_([row["id"] for row in rows]))).mappings()
    stored = {row["id"]: row for row in found}
    taken = 0
    for row in rows:
        for name in [name for name in names if row[name] == SECRET]:
            row[name] = stored[row["id"]][name] if row["id"] in stored else None
            taken += row[name] is not None
            if row[name] is None:
                report.add(_place(shape, row), f"{name} is gone, and no entry holds it")
    return taken


def _insert(target: Connection, shape: Shape, rows: list[dict[str, Any]], report: Report) -> None:
    if not rows:
        return
    try:
        with target.begin_nested():
            target.execute(insert(shape.table), rows)
    except UNREADABLE:
        # One row that cannot stand must not hide the others.
        for row in rows:
            _insert_alone(target, shape.table, row, report)


def _insert_alone(target: Connection, table: Table, row: dict[str, Any], report: Report) -> None:
    try:
        with target.begin_nested():
            target.execute(insert(table), [row])
    except UNREADABLE as error:
        told = str(getattr(error, "orig", error))
        report.add(f"table {table.name}, row {row['id']}", f"cannot be made again ({told})")


def _place(shape: Shape, image: Mapping[str, Any]) -> str:
    return f"table {shape.table.name}, row {image.get('id')}"
