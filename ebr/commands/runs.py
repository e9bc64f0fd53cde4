"""A run as a whole: opened, started, held, restarted, stopped, aborted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr import goingon, intervals, queries, rules
from ebr.commands import steps
from ebr.errors import RunNotRunning
from ebr.events import RunEnded, RunStarted
from ebr.models import ProcedureRun, RunState
from engine import commands as engine
from personnel import permissions
from workflows import queries as definitions


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a pillar asks for: a record of its own number on an effective definition."""

    number: str
    stream: Stream
    code: str
    version_label: str
    title: str
    language: str
    file_digest: str
    content_digest: str
    size: Decimal | None = None
    size_unit: str | None = None


def open_run(session: Session, new: NewRun) -> ProcedureRun:
    """Make the record of a run that is planned; inside the act of the pillar that asks."""
    run = ProcedureRun(
        number=new.number,
        stream=str(new.stream),
        code=new.code,
        version_label=new.version_label,
        title=new.title,
        language=new.language,
        file_digest=new.file_digest,
        content_digest=new.content_digest,
        size=new.size,
        size_unit=new.size_unit,
        state=RunState.PLANNED,
    )
    session.add(run)
    session.flush()
    return run


def start_run(session: Session, run: ProcedureRun, *, by: Actor, at: datetime) -> None:
    """Start the flow: the first steps become ready. Inside the act of the pillar that asks."""
    if run.state not in (RunState.PLANNED, RunState.ISSUED):
        raise RunNotRunning(f"{run.number} is {run.state}", resolver="nobody: it was started")
    run.state = RunState.RUNNING
    run.started_at = at
    session.flush()
    engine.start_run(
        session, record=Stream.parse(run.stream), procedure_digest=run.file_digest, by=by, at=at
    )
    publish(session, RunStarted(record=run.stream, number=run.number, by=by, at=at))


def hold_run(session: Session, record: str, reason: str, *, by: Actor, at: datetime) -> None:
    """Hold a running batch by a person's command, with reason (URS-EXE-080).

    One that an exception made HELD already is from now on held by the person: releasing the
    exception alone does not restart it. Raises RunNotRunning.
    """
    run = queries.run_of(session, record)
    permissions.require(session, by, "batch.hold")
    if run.state not in (RunState.RUNNING, RunState.HELD):
        raise RunNotRunning(f"{run.number} is {run.state}", resolver="nobody: it does not run")
    words = rules.need_reason(reason, "holding a batch")
    with trail.act(
        session,
        "run.held",
        stream=Stream.parse(run.stream),
        by=by,
        object=run.number,
        reason=words,
    ):
        hold(session, run, reason=words, by=by, at=at)
        run.problem = words


def restart_run(session: Session, record: str, reason: str, *, by: Actor, at: datetime) -> None:
    """Restart a HELD batch; refused while a critical exception is not released."""
    run = queries.run_of(session, record)
    permissions.require(session, by, "batch.restart")
    critical = [
        case
        for case in queries.exceptions(session, run)
        if case.severity == "critical" and not case.released
    ]
    if critical:
        raise RunNotRunning(
            f"critical exception {critical[0].number} is not decided", resolver="quality unit"
        )
    words = rules.need_reason(reason, "restarting a batch")
    with trail.act(
        session,
        "run.restarted",
        stream=Stream.parse(run.stream),
        by=by,
        object=run.number,
        reason=words,
    ):
        restart(session, run, reason=words, by=by, at=at)


def hold(session: Session, run: ProcedureRun, *, reason: str, by: Actor, at: datetime) -> None:
    """Hold inside the current act; a held run stays held."""
    if run.state != RunState.RUNNING:
        return
    run.state, run.problem = RunState.HELD, reason
    session.flush()
    engine.hold(session, Stream.parse(run.stream), reason=reason, by=by, at=at)


def restart(session: Session, run: ProcedureRun, *, reason: str, by: Actor, at: datetime) -> None:
    """Restart inside the current act."""
    if run.state != RunState.HELD:
        raise RunNotRunning(f"{run.number} is {run.state}", resolver="nobody: it is not HELD")
    run.state, run.problem = RunState.RUNNING, None
    session.flush()
    goingon.take_decided_ways(session, run, by=by, at=at)
    engine.restart(session, Stream.parse(run.stream), reason=reason, by=by, at=at)
    steps.settle_held(session, run, by=by, at=at)


def ended(session: Session, run: ProcedureRun, state: RunState, *, by: Actor, at: datetime) -> None:
    """The flow has ended; told by the engine."""
    run.state, run.ended_at = state, at
    session.flush()
    procedure = definitions.load(session, run.file_digest)
    intervals.end_all(session, run, procedure, by=by, at=at)
    publish(
        session, RunEnded(record=run.stream, number=run.number, state=state.value, by=by, at=at)
    )
