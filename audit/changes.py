"""Field-level changes of audited rows, taken from the unit of work as it writes them.

A change carries the full after-image of the row and the former values of the changed fields, by
column name, in the text form that keeps them exactly. Columns named in `__secret_columns__` enter
as ``(secret)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Column, Integer, LargeBinary, String, Table, Uuid, inspect, select
from sqlalchemy.orm import InstanceState, Mapper, Session
from sqlalchemy.orm.base import LoaderCallableStatus

from audit import canonical
from audit.errors import UnattributedChange
from audit.models import OfTheTrail
from core.db import Kept
from core.types import ExactDecimal, JsonText, UtcDateTime, to_json

SECRET = "(secret)"  # noqa: S105 -- stands in the place of secrets
SUPERSEDES = "supersedes_id"
Image = dict[str, Any]


@dataclass(slots=True)
class Change:
    """One row as one act left it; `before` holds former values only, None for a new row."""

    table: str
    id: str
    before: Image | None
    after: Image
    needs_reason: bool

    def payload(self) -> dict[str, Any]:
        """As it stands in the entry."""
        return {"table": self.table, "id": self.id, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class Field:
    """A mapped column: attribute, column, and how its value is written."""

    key: str
    column: Column[Any]
    write: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the rows of one mapped class enter the trail."""

    table: Table
    fields: tuple[Field, ...]
    reasoned: frozenset[str]

    def image(self, values: Mapping[str, Any]) -> Image:
        """The after-image of attribute values (a missing one is null)."""
        found = {}
        for field in self.fields:
            value = values.get(field.key)
            found[field.column.name] = None if value is None else field.write(value)
        return found


@cache
def shape_of(mapper: Mapper[Any]) -> Shape | None:
    """The shape of an audited class; None for tables outside the trail.

    Raises TypeError for a class that maps anything else than a table.
    """
    kept: Kept = mapper.class_.__kept__
    if kept is Kept.UNAUDITED or issubclass(mapper.class_, OfTheTrail):
        return None
    secrets = mapper.class_.__secret_columns__
    table = mapper.local_table
    if not isinstance(table, Table):
        raise TypeError(f"{mapper.class_.__name__} maps no table, so its rows have no image")
    fields = tuple(
        Field(prop.key, column, _secret if column.name in secrets else writer(column))
        for prop in mapper.column_attrs
        if isinstance(column := prop.columns[0], Column)
    )
    return Shape(table, fields, frozenset(getattr(mapper.class_, "__reasoned_fields__", ())))


def writer(column: Column[Any]) -> Callable[[Any], Any]:
    """How values of that column are written, so that a row read back gives the same text."""
    for kind, write in WRITERS:
        if isinstance(column.type, kind):
            return write
    return canonical.plain


def _secret(value: Any) -> str:
    return SECRET


def _decimal(value: Decimal | int) -> str:
    return canonical.decimal_text(value)


WRITERS: tuple[tuple[type[Any], Callable[[Any], Any]], ...] = (
    (ExactDecimal, _decimal),
    (UtcDateTime, canonical.moment_text),
    (JsonText, to_json),
    (Boolean, bool),
    (Integer, int),
    (Uuid, str),
    (LargeBinary, canonical.bytes_text),
    (String, str),
)


class FlushReader:
    """Reads what a flush writes: `before` looks up unknown former values, `after` the changes."""

    def __init__(self) -> None:
        self._former: dict[InstanceState[Any], Mapping[str, Any]] = {}

    def before(self, session: Session) -> None:
        """Former values that were never loaded are read now, before they are overwritten."""
        for row in session.dirty:
            state = inspect(row)
            shape = shape_of(state.mapper)
            if shape and LoaderCallableStatus.NO_VALUE in state.committed_state.values():
                self._former[state] = _stored(session, shape, state)

    def after(self, session: Session) -> list[Change]:
        """Changes of the flush that has just written: new rows as added, then changed ones."""
        for row in session.deleted:
            if inspect(row).mapper.class_.__kept__ is not Kept.UNAUDITED:
                raise UnattributedChange(f"a row of {_table(row)} was deleted; rows stay")
        changes = [_inserted(session, *known) for known in _audited(session.new)]
        changed = (self._updated(session, *known) for known in _audited(session.dirty))
        found = [change for change in changed if change is not None]
        self._former.clear()
        return changes + sorted(found, key=lambda change: (change.table, change.id))

    def _updated(self, session: Session, shape: Shape, state: InstanceState[Any]) -> Change | None:
        former = {**state.committed_state, **self._former.get(state, {})}
        after = shape.image(_values(session, shape, state, new=False))
        before = {}
        for field in shape.fields:
            if field.key in state.committed_state:
                old = former[field.key]
                before[field.column.name] = None if old is None else field.write(old)
        changed = {name: old for name, old in before.items() if old != after[name] or old == SECRET}
        if not changed:
            return None
        reasoned = any(changed.get(name) is not None for name in shape.reasoned)
        return Change(str(shape.table.name), after["id"], changed, after, reasoned)


def image_of(session: Session, row: object) -> Change:
    """The image of a row as it stands, as if it were new now."""
    state = inspect(row)
    shape = shape_of(state.mapper)
    if shape is None:
        raise UnattributedChange(f"{_table(row)} is outside the trail")
    after = shape.image(_values(session, shape, state, new=False))
    return Change(str(shape.table.name), after["id"], None, after, False)


def _audited(rows: Iterable[object]) -> Iterable[tuple[Shape, InstanceState[Any]]]:
    for row in rows:
        state: InstanceState[Any] = inspect(row)
        shape = shape_of(state.mapper)
        if shape is not None:
            yield shape, state
        elif isinstance(row, OfTheTrail):
            raise UnattributedChange(f"only the trail writes {_table(row)}")


def _inserted(session: Session, shape: Shape, state: InstanceState[Any]) -> Change:
    after = shape.image(_values(session, shape, state, new=True))
    return Change(
        str(shape.table.name), after["id"], None, after, after.get(SUPERSEDES) is not None
    )


def _values(
    session: Session, shape: Shape, state: InstanceState[Any], *, new: bool
) -> Mapping[str, Any]:
    """Attribute values of the written row; what memory lacks is read back from the database.

    An attribute never set on a new row was written as null.
    """
    known = state.dict
    for field in shape.fields:
        if field.key not in known:
            by_database = field.key in state.expired_attributes or field.column.server_default
            if not new or by_database:
                return {**_stored(session, shape, state), **known}
    return known


def _stored(session: Session, shape: Shape, state: InstanceState[Any]) -> Mapping[str, Any]:
    columns = [field.column.label(field.key) for field in shape.fields]
    identity = state.identity or (state.dict["id"],)
    query = select(*columns).where(shape.table.c.id == identity[0])
    return dict(session.connection().execute(query).mappings().one())


def _table(row: object) -> str:
    return str(inspect(row).mapper.local_table)
