"""Facts of the engine enter the audit entry of the act that caused them (design: one truth)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit import trail
from engine.errors import Unattributed


def note(session: Session, fact: str, path: str, **details: Any) -> None:
    """Append one fact, such as ``task.completed``, to the open act's journal.

    `details` without value are left out; moments become ISO text. Raises Unattributed when no
    act is open: then nobody could be named for what the engine does.
    """
    act = trail.current(session)
    if act is None:
        raise Unattributed(f"the engine was moved outside any act ({fact} {path})")
    act.journal.append({"fact": fact, "path": path, **_plain(details)})


def _plain(details: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in details.items()
        if value is not None
    }
