"""What a wrong clock means for records (URS-TIM-020): an incident of the site, and a mark in every
record that runs or starts until the quality unit has closed it.

The incident is a deviation that names the clock where others name a unit. The mark is a minor
exception: work goes on, the reviewer decides. Entries of the record's stream tell from where to
where (``clock.doubted``, ``clock.trusted``); the sequence, not the clock, says which are concerned.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import show
from core.house import moment
from ebr import queries as records
from ebr.context import raise_exception
from ebr.events import RunStarted
from ebr.models import ProcedureRun, RunState
from quality import queries
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from quality.events import DeviationWasClosed
from quality.models import Deviation, DeviationState
from workflows.words import Severity

TYPE = "clock"
CLOCK_OF = "clock of "
LONGEST = 40
"""Characters that a deviation has room for where others name a unit."""
STANDING = (RunState.RUNNING, RunState.HELD)


def open_for_step(
    session: Session, machine: str, jump: timedelta, *, by: Actor, at: datetime
) -> str:
    """The clock jumped (or crept) that far: open the incident, mark what runs; answers its number.

    Inside the act that tells the step.
    """
    now = moment(session)
    way = "forward" if jump > timedelta(0) else "back"
    found, expected = show(now.real, now.zone), show(now.real - jump, now.zone)
    title = (
        f"The clock of {machine} went {way} by {_length(jump)}: it shows {found}"
        f" where {expected} was expected"
    )
    return _open(session, machine, title, by=by, at=at)


def open_for_loss(session: Session, machine: str, *, by: Actor, at: datetime) -> str:
    """No time server keeps the clock any more: open the incident, mark what runs."""
    title = f"The clock of {machine} is not kept right by a time server"
    return _open(session, machine, title, by=by, at=at)


def _open(session: Session, machine: str, title: str, *, by: Actor, at: datetime) -> str:
    new = NewDeviation(
        title=title, severity=Severity.MAJOR.value, equipment=f"{CLOCK_OF}{machine}"[:LONGEST]
    )
    number = deviations.open_by_system(session, new, by=by, at=at)
    incident = queries.deviation(session, number)
    for run in records.runs(session, states=STANDING):
        with _noting(session, "clock.doubted", run, incident, by=by):
            _mark(session, run, incident, by=by, at=at)
    return number


def mark_started_record(session: Session, started: RunStarted) -> None:
    """A record that starts while a clock is in doubt carries the mark from its first entry."""
    run = records.run_of(session, started.record)
    for incident in _open_incidents(session):
        _mark(session, run, incident, by=started.by, at=started.at)


def end_doubt(session: Session, closed: DeviationWasClosed) -> None:
    """The quality unit has closed the incident: what is recorded from here on is not concerned."""
    incident = queries.deviation(session, closed.number)
    if not is_about_clock(incident):
        return
    for run in records.runs(session, states=STANDING):
        if incident.number in _doubts(session, run):
            with _noting(session, "clock.trusted", run, incident, by=closed.by):
                pass  # The entry is all: no row of the record changes.


def _noting(
    session: Session, action: str, run: ProcedureRun, incident: Deviation, *, by: Actor
) -> AbstractContextManager[trail.Act]:
    """An act on the record of a run that names the incident."""
    return trail.act(
        session,
        action,
        stream=Stream.parse(run.stream),
        by=by,
        object=run.number,
        facts={"deviation": incident.number},
    )


def is_about_clock(incident: Deviation) -> bool:
    """Whether the deviation is about the clock of a machine."""
    return (incident.equipment or "").startswith(CLOCK_OF)


def _open_incidents(session: Session) -> list[Deviation]:
    found = queries.deviations(session, state=DeviationState.OPEN)
    return [incident for incident in found if is_about_clock(incident)]


def _doubts(session: Session, run: ProcedureRun) -> Iterator[str]:
    for case in records.exceptions(session, run):
        if case.type == TYPE:
            yield str(case.facts["deviation"])


def _mark(
    session: Session, run: ProcedureRun, incident: Deviation, *, by: Actor, at: datetime
) -> None:
    raise_exception(
        session,
        run,
        None,
        TYPE,
        Severity.MINOR,
        f"Times in this record are in doubt ({incident.number}). {incident.title}",
        facts={"deviation": incident.number},
        by=by,
        at=at,
    )


def _length(jump: timedelta) -> str:
    """A length of time in words: ``1 h``, ``100 d 3 s``."""
    seconds = round(abs(jump).total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    parts = {"d": days, "h": hours, "min": rest // 60, "s": rest % 60}
    return " ".join(f"{count} {unit}" for unit, count in parts.items() if count)
