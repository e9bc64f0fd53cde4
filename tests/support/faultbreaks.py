"""Broken copies of rules, for controls: each makes one part of a site wrong in its own process.

A test of the fault programme proves something only if the same driver and checker find these.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.trail import TrailGuard
from core import house as houses
from core.house import House
from ebr.models import Remark

DELAY_SECONDS = 1.5
HASTY = ("start_step", "perform_step", "sign_step", "comment_step")


def answers_before_the_commit() -> None:
    """The web server says that a step is done and writes it down a moment later."""
    carefully = House.perform

    @wraps(carefully)
    def hastily(self: House, command: Callable[..., Any], *given: Any, **more: Any) -> Any:
        if command.__name__ not in HASTY:
            return carefully(self, command, *given, **more)
        later = threading.Timer(DELAY_SECONDS, carefully, (self, command, *given), more)
        later.start()
        rehearsed = {name: more[name] for name in more if name not in ("once", "attempt")}
        return self.rehearse(command, *given, **rehearsed)

    House.perform = hastily  # type: ignore[method-assign]


def commits_twice() -> None:
    """Rows of an act in one transaction, the entry that proves them in the next; dies between."""
    seal = TrailGuard.before_commit

    @wraps(seal)
    def late(self: TrailGuard, session: Session) -> None:
        if session.scalars(select(Remark.id)).first() is not None:
            raw = session.connection().connection.driver_connection  # past the guard of statements
            assert raw is not None
            raw.execute("COMMIT")
            _die_once()
            if session.get_bind().dialect.name == "sqlite":
                raw.execute("BEGIN IMMEDIATE")  # the other driver begins by itself
        seal(self, session)

    TrailGuard.before_commit = late  # type: ignore[method-assign]


def forgets_what_it_answered() -> None:
    """No form is known again: what is sent twice is done twice."""
    dies_after_a_comment()
    houses.answer_given = lambda session, once: None  # type: ignore[attr-defined]
    houses.keep_answer = lambda session, once, answer: None  # type: ignore[attr-defined]


def dies_after_a_comment() -> None:
    """No broken rule but a fault: the server dies between the commit and its answer, once."""
    carefully = House.perform

    @wraps(carefully)
    def deadly(self: House, command: Callable[..., Any], *given: Any, **more: Any) -> Any:
        answer = carefully(self, command, *given, **more)
        if command.__name__ == "comment_step":
            _die_once()
        return answer

    House.perform = deadly  # type: ignore[method-assign]


def _die_once() -> None:
    """kill -9 of this process, the first time on this site."""
    marker = Path(os.environ["BATCHWRIGHT_HOME"], "died")
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
