"""What the register of deviations and the page of one show (W9, URS-DEV-020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from ebr.report.model import ExceptionView, RecordView
from personnel import queries as people
from quality import trending
from quality.models import Deviation
from quality.trending import Case
from web import filters, states
from web.i18n import gettext as _
from web.sentences import said

CLOCK = "clock of "
"""How a deviation about a clock names its machine, where others name a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A deviation in the language of the screen; `concerned` are exceptions that came of it."""

    title: str
    facts: Sequence[tuple[str, Any]]
    about_clock: bool
    concerned: Sequence[Case]


def row(found: Deviation) -> dict[str, Any]:
    """A line of the register."""
    batch = (found.record or "").rpartition("/")[2]
    return {
        "number": found.number,
        "address": url_for("quality.deviation", number=found.number),
        "title": said(found.title),
        "severity": found.severity,
        "state": found.state,
        "batch": batch,
        "batch_address": url_for("production.batch", number=batch) if batch else "",
        "found": found.found_at,
        "closed": found.closed_at,
    }


def shown(session: Session, found: Deviation) -> Shown:
    """The deviation as its page shows it: only facts that there are."""
    return Shown(
        title=said(found.title),
        facts=[(name, value) for name, value in _facts(session, found) if value],
        about_clock=_clock(found) != "",
        concerned=[] if found.record else trending.concerned(session, found.number),
    )


def case_of(found: Deviation, record: RecordView | None) -> ExceptionView | None:
    """The exception that led to the deviation."""
    cases = record.exceptions if record else ()
    return next((case for case in cases if case.number == found.exception), None)


def _facts(session: Session, found: Deviation) -> list[tuple[str, Any]]:
    clock = _clock(found)
    return [
        (_("Found"), filters.time_(found.found_at)),
        (_("Opened by"), _name(session, found.opened_by)),
        (_("Batch"), (found.record or "").rpartition("/")[2]),
        (_("Exception"), found.exception),
        (_("Clock of"), clock),
        (_("Unit"), "" if clock else found.equipment),
        (_("Conclusion"), found.conclusion),
        (_("Closed by"), _name(session, found.closed_by) if found.closed_by else ""),
        (_("Closed"), filters.time_(found.closed_at) if found.closed_at else ""),
    ]


def _clock(found: Deviation) -> str:
    unit = found.equipment or ""
    return unit.removeprefix(CLOCK) if unit.startswith(CLOCK) else ""


def _name(session: Session, who: str) -> str:
    """A person by printed name, a service by what it is."""
    person = people.find(session, who)
    return people.called(person) if person else states.words_of(who)
