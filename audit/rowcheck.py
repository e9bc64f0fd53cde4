"""Rows against the last after-image that the entries hold of them (URS-REC-110).

Secrets are compared only as present or absent: their values never enter the trail.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from audit import verifier
from audit.changes import Image, Shape, shape_of
from audit.models import Entry
from audit.report import Report
from core.db import mappers, site_of
from core.types import JsonText, to_json

IN_ONE_QUERY = 500
UNREADABLE = (SQLAlchemyError, ArithmeticError, ValueError, TypeError)


class Seen(NamedTuple):
    """The newest image of a row: its version, its digest, and the entry that holds it."""

    version: int
    digest: bytes
    rec: str
    rseq: int


class Images:
    """The newest after-image of every row that the entries name."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Seen] = {}

    # Between processes as plain tuples: half a million objects took longer than their checking.
    def __getstate__(self) -> list[tuple[str, str, int, bytes, str, int]]:
        return [(*row, *seen) for row, seen in self._seen.items()]

    def __setstate__(self, told: list[tuple[str, str, int, bytes, str, int]]) -> None:
        self._seen = {
            (table, row_id): Seen(version, digest, rec, rseq)
            for table, row_id, version, digest, rec, rseq in told
        }

    def take(self, entry: Mapping[str, Any]) -> None:
        """Note the images of one entry; of several of one row the highest version counts."""
        for change in entry["changes"]:
            after = change["after"]
            row, version = (change["table"], change["id"]), after.get("version") or 0
            known = self._seen.get(row)
            if known is None or version >= known.version:
                digest = verifier.sha256(verifier.canonical_bytes(after))
                self._seen[row] = Seen(version, digest, entry["rec"], entry["rseq"])

    def join(self, others: Images) -> None:
        """Add those of other streams as if these had been taken in the order of their names."""
        for row, seen in others._seen.items():
            known = self._seen.get(row)
            if known is None or (seen.version, seen.rec) >= (known.version, known.rec):
                self._seen[row] = seen

    def pop(self, table: str, row_id: str) -> Seen | None:
        """The newest image of a row, once."""
        return self._seen.pop((table, row_id), None)

    def of_table(self, table: str) -> list[str]:
        """Ids of the rows of that table that were not asked for yet."""
        return [row_id for name, row_id in self._seen if name == table]

    def tables(self) -> set[str]:
        """Names of the tables with images left."""
        return {name for name, _ in self._seen}


def audited_shapes() -> list[Shape]:
    """Shapes of all audited tables of the product."""
    shapes = [shape_of(mapper) for mapper in mappers()]
    return [shape for shape in shapes if shape is not None]


def check_rows(session: Session, images: Images, report: Report, shapes: Iterable[Shape]) -> None:
    """Every row of the audited tables has its image, every image its row."""
    for shape in shapes:
        for row_id, image in _rows(session, shape, report):
            report.rows += 1
            seen = images.pop(shape.table.name, row_id)
            if seen is None:
                report.add(_place(shape, row_id), "no entry knows this row")
            else:
                _compare(session, shape, row_id, image, seen, report)
        _report_gone(shape, images, report)
    for table in sorted(images.tables()):
        report.not_checked.append(f"rows of table {table}, which this release does not have")


def check_record_rows(
    session: Session, images: Images, report: Report, shapes: Iterable[Shape]
) -> None:
    """The rows that these images name; those changed since under another record are counted."""
    later = 0
    for shape in shapes:
        wanted = images.of_table(shape.table.name)
        for row_id, image in _rows_by_id(session, shape, wanted, report):
            seen = images.pop(shape.table.name, row_id)
            if seen is None or (image.get("version") or 0) > seen.version:
                later += 1
                continue
            report.rows += 1
            _compare(session, shape, row_id, image, seen, report)
        _report_gone(shape, images, report)
    if later:
        report.not_checked.append(f"{later} rows that changed since under another record")


def _rows(session: Session, shape: Shape, report: Report) -> Iterator[tuple[str, Image]]:
    table = shape.table
    query = select(table.c.id).where(table.c.site_id == site_of(session)).order_by(table.c.id)
    try:
        ids = [str(row_id) for row_id in session.scalars(query)]
    except UNREADABLE as error:
        report.add(f"table {table.name}", f"its keys cannot be read ({error})")
        return
    yield from _rows_by_id(session, shape, ids, report)


def _rows_by_id(
    session: Session, shape: Shape, ids: list[str], report: Report
) -> Iterator[tuple[str, Image]]:
    for start in range(0, len(ids), IN_ONE_QUERY):
        part = ids[start : start + IN_ONE_QUERY]
        try:
            found = _fetch(session, shape, part)
        except UNREADABLE:
            # One unreadable value must not hide the others: look at each row alone.
            found = _one_by_one(session, shape, part, report)
        yield from found


def _fetch(session: Session, shape: Shape, ids: list[str]) -> list[tuple[str, Image]]:
    columns = [field.column.label(field.key) for field in shape.fields]
    query = select(*columns).where(shape.table.c.id.in_([UUID(row_id) for row_id in ids]))
    images = [shape.image(dict(row)) for row in session.execute(query).mappings()]
    return [(image["id"], image) for image in images]


def _one_by_one(
    session: Session, shape: Shape, ids: list[str], report: Report
) -> list[tuple[str, Image]]:
    found = []
    for row_id in ids:
        try:
            found += _fetch(session, shape, [row_id])
        except UNREADABLE as error:
            report.add(_place(shape, row_id), f"a value cannot be read ({error})")
    return found


def _compare(
    session: Session, shape: Shape, row_id: str, image: Image, seen: Seen, report: Report
) -> None:
    try:
        if verifier.sha256(verifier.canonical_bytes(image)) == seen.digest:
            return
    except verifier.Invalid as problem:
        report.add(_place(shape, row_id), f"{problem} (record {seen.rec})")
        return
    sealed = _sealed_image(session, shape, row_id, seen)
    json_columns = {f.column.name for f in shape.fields if isinstance(f.column.type, JsonText)}
    for name in sorted(sealed.keys() & image.keys()):
        now, then = image[name], sealed[name]
        if name in json_columns:
            now, then = _same_spelling(now), _same_spelling(then)
        if now != then:
            report.add(
                _place(shape, row_id),
                f"{name} is {now!r}, but entry {seen.rseq} of {seen.rec} says {then!r}",
            )


def _sealed_image(session: Session, shape: Shape, row_id: str, seen: Seen) -> Image:
    payload = session.scalars(
        select(Entry.payload).where(
            Entry.site_id == site_of(session), Entry.rec == seen.rec, Entry.rseq == seen.rseq
        )
    ).one()
    for change in json.loads(payload)["changes"]:
        if (change["table"], change["id"]) == (shape.table.name, row_id):
            image: Image = change["after"]
            return image
    return {}


def _same_spelling(text: str | None) -> str | None:
    return None if text is None else to_json(json.loads(text))


def _report_gone(shape: Shape, images: Images, report: Report) -> None:
    for row_id in images.of_table(shape.table.name):
        seen = images.pop(shape.table.name, row_id)
        if seen is not None:
            report.add(
                _place(shape, row_id), f"the row is gone; entry {seen.rseq} of {seen.rec} has it"
            )


def _place(shape: Shape, row_id: str) -> str:
    return f"table {shape.table.name}, row {row_id}"
