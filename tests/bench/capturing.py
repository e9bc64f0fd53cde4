"""Writes down what is sent to a database, so that it can be counted and sent again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from core.db import Database


@dataclass(frozen=True)
class Sent:
    """One statement as the driver got it."""

    statement: str
    parameters: Any
    many: bool
    writing: bool
    """On the connection that may write."""

    @property
    def changes(self) -> bool:
        """Adds or changes rows."""
        return self.statement.split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE")

    @property
    def first(self) -> Any:
        """One set of parameters: all of them, or the first of several sets."""
        several = self.many and isinstance(self.parameters[0], (tuple, dict))
        return self.parameters[0] if several else self.parameters

    @property
    def rows(self) -> int:
        """How many parameter sets were sent, so many rows at least."""
        if not self.many:
            return 1
        # Rows of one statement with several sets of values come as one flat set.
        several = isinstance(self.parameters, (list, tuple))
        flat = not several or not isinstance(self.parameters[0], (tuple, dict))
        return self.statement.count("), (") + 1 if flat else len(self.parameters)


@dataclass
class Captured:
    """All statements of one act in order."""

    sent: list[Sent] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Rows added or changed."""
        return sum(each.rows for each in self.sent if each.changes)

    @property
    def bytes(self) -> int:
        """Bytes of the parameters of what adds or changes rows."""
        return sum(len(repr(each.parameters)) for each in self.sent if each.changes)


@contextmanager
def captured(database: Database) -> Iterator[Captured]:
    """Collect what is sent on both engines; BEGIN and COMMIT are not statements here."""
    found = Captured()
    listeners = [(database.writer, _listener(found))]
    if database.dialect == "sqlite":
        # On PostgreSQL reading is a view on the writing engine and hears what that one hears.
        listeners.append((database.reader, _listener(found, reader=True)))
    for engine, listener in listeners:
        event.listen(engine, "before_cursor_execute", listener)
    try:
        yield found
    finally:
        for engine, listener in listeners:
            event.remove(engine, "before_cursor_execute", listener)


def _listener(found: Captured, *, reader: bool = False) -> Any:
    def note(
        connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        reading = reader or connection.get_execution_options().get("postgresql_readonly", False)
        if not statement.startswith("BEGIN"):
            found.sent.append(Sent(statement, parameters, many, not reading))

    return note
