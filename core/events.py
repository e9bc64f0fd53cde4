"""Facts in the past tense: published inside a transaction, handled in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

Handler = Callable[[Session, Any], None]
E = TypeVar("E")


class EventHandlers:
    """Who reacts to what; filled once in `app.bootstrap`, no registration on import."""

    def __init__(self) -> None:
        self._handlers: dict[type, list[Handler]] = defaultdict(list)

    def on(self, kind: type[E], handler: Callable[[Session, E], None]) -> None:
        """Call `handler(session, event)` for each published event of that type."""
        self._handlers[kind].append(handler)

    def handle(self, session: Session, event: object) -> None:
        """Run the handlers in order of registration; an error undoes the whole transaction."""
        for handler in self._handlers[type(event)]:
            handler(session, event)


def publish(session: Session, event: object) -> None:
    """Tell the fact to its handlers, now, in this transaction."""
    handlers: EventHandlers = session.info["events"]
    handlers.handle(session, event)
