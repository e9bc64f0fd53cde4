"""What moves a run: start it, complete a step, tell it an event, command its states.

Each command locks the run, changes rows and journal of the open act (`audit.trail.act`), and
tells the host. None of them commits, reads a clock, or knows what a step records.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.streams import Stream
from core.actors import Actor
from core.db import site_of
from engine import events, firing, levels, messages, states, subscriptions
from engine.errors import (
    AlreadyStarted,
    Ambiguous,
    ReasonNeeded,
    TaskNotReady,
    TransitionRefused,
    UnknownPath,
)
from engine.host import Problem
from engine.lowering import DONE
from engine.models import Instance, Run, Subscription, Task
from engine.moves import Move, locked_run
from engine.programs import checked_program
from engine.rules import ACTING, Command, CommandState
from engine.subscriptions import SUSPENDED
from workflows.words import NamedForm

Record = Stream | str | UUID
"""A run is named by its record (``batch/B-2045``) or by its id."""


def start_run(
    session: Session,
    *,
    record: Stream | str,
    procedure_digest: str,
    by: Actor,
    at: datetime,
    pinned: dict[str, str] | None = None,
) -> Run:
    """Start the one run of a record, pinned for life to a definition (URS-MRC-060).

    `pinned` adds further digests (tag maps, forms) by name. Raises AlreadyStarted, NotFound, and
    DefinitionTampered when the stored file is not the one of that digest (URS-MRC-070).
    """
    known = session.scalars(
        select(Run.id).where(Run.site_id == site_of(session), Run.record == str(record))
    ).one_or_none()
    if known is not None:
        raise AlreadyStarted(f"{record} has its run already", resolver="issue a new record")
    entry = checked_program(session, procedure_digest).procedure.entry
    run = Run(
        record=str(record),
        procedure=procedure_digest,
        pinned={"procedure": procedure_digest, **(pinned or {})},
        root=entry,
        state=CommandState.RUNNING,
        problems=[],
        started_at=at,
    )
    session.add(run)
    session.flush()
    move = Move(session, run, by=by, at=at)
    move.note("run.started", entry, record=run.record, pinned=run.pinned)
    levels.begin(move, entry, entry, parent=None)
    move.work()
    return run


def complete_task(
    session: Session, record: Record, task_path: str, *, by: Actor, at: datetime
) -> None:
    """Complete a step that is ready; the run moves to what comes next (URS-EXE-010).

    Raises TaskNotReady for a step still to come, done or cancelled, UnknownPath, RunHeld.
    """
    move = Move.lock(session, record, by=by, at=at)
    task = _ready_task(move, task_path)
    move.check_running(task.instance_path)
    task.state, task.ended_at = "complete", at
    move.note("task.completed", task.path)
    instance = move.load(task.instance_path)
    if move.level(instance).boundaries(task.element):
        subscriptions.release(move, task.path)
    levels.advance(move, instance, task.token, DONE)
    move.work()


def _ready_task(move: Move, path: str) -> Task:
    task = move.task(path)
    if task is None and move.program.step_task(path) is None:
        raise UnknownPath(
            f"{move.run.record} has no step {path}", resolver="look at the open steps"
        )
    if task is None or task.state != "ready":
        state = "still to come" if task is None else task.state
        raise TaskNotReady(f"{path} is {state}", resolver="whoever performs the open steps")
    return task


# Events


def timer_waits(session: Session, record: Record, subscription: UUID, job: UUID) -> bool:
    """Whether the host of a timer still waits for just this job; locks the run."""
    locked_run(session, record)
    row = session.get(Subscription, subscription, populate_existing=True)
    return row is not None and row.state == "open" and row.job_id == job


def fire_timer(
    session: Session, record: Record, subscription: UUID, job: UUID, *, by: Actor, at: datetime
) -> None:
    """A timer's job has come; nothing happens when its host is over or it was set anew."""
    if timer_waits(session, record, subscription, job):
        move = Move.lock(session, record, by=by, at=at)
        firing.timer_due(move, session.get_one(Subscription, subscription))
        move.work()


def raise_event(
    session: Session,
    record: Record,
    name: str,
    *,
    by: Actor,
    at: datetime,
    origin_path: str | None = None,
) -> list[str]:
    """Something happened that a boundary may wait for: a lost link, a counter over its limit.

    `name` is that of the event, or the BPMN id of the boundary itself. From `origin_path` (a task
    or an instance) it goes to the nearest host that waits for it. Without an origin exactly one
    host must wait, else Ambiguous. Answers the boundaries that fired, none when nobody waits.
    """
    move = Move.lock(session, record, by=by, at=at)
    move.note("event.raised", origin_path or move.run.root, name=name, origin=origin_path)
    if origin_path is None:
        found = firing.everywhere(move, name)
        _check_one_host(name, found)
    else:
        around = subscriptions.around(move, origin_path)
        found = next((m for rows in around if (m := firing.matching(rows, name))), [])
    return _fire(move, found, {"name": name})


def raise_error(
    session: Session, record: Record, code: str, *, origin_path: str, by: Actor, at: datetime
) -> list[str]:
    """An error at a task or in an instance: caught by the nearest boundary, specific before any.

    Uncaught it puts the run on hold; a run never ends because of an error (architecture, 4).
    """
    move = Move.lock(session, record, by=by, at=at)
    move.note("error.raised", origin_path, error=code)
    found = events.find_catcher(move, origin_path, NamedForm.ERROR, code)
    if found is None:
        fact = f"the error {code} was raised at {origin_path} and nothing catches it"
        element = origin_path.rsplit("/", 1)[-1].partition("#")[0]
        move.hold_for(Problem(kind="error_raised", path=origin_path, element=element, fact=fact))
    return _fire(move, [found] if found else [], {"error": code})


def condition_met(
    session: Session,
    record: Record,
    subscription: str,
    *,
    inputs: dict[str, str],
    by: Actor,
    at: datetime,
) -> list[str]:
    """A watched condition (`queries.watched`) has held for as long as it must.

    `inputs` are the values seen, as text, for the journal. One that does not interrupt happens
    again only after `condition_over`: it has to become false in between.
    """
    move = Move.lock(session, record, by=by, at=at)
    row = session.get(Subscription, UUID(subscription), populate_existing=True)
    waits = row is not None and row.run_id == move.run.id and row.state == "open"
    seen = [{"name": name, "value": value} for name, value in sorted(inputs.items())]
    if row is not None:
        move.note("condition.met", row.host_path, element=row.element, inputs=seen)
    if row is None or not waits:
        return _fire(move, [], {})
    if not row.interrupting:
        row.state = SUSPENDED
    return _fire(move, [row], {})


def condition_over(
    session: Session, record: Record, subscription: str, *, by: Actor, at: datetime
) -> bool:
    """A condition that has fired holds no more: from now on it may happen again.

    Answers False, and changes nothing, when nothing waited for that.
    """
    move = Move.lock(session, record, by=by, at=at)
    row = session.get(Subscription, UUID(subscription), populate_existing=True)
    fired = row is not None and row.kind == subscriptions.CONDITION
    if row is None or not fired or row.run_id != move.run.id or row.state != SUSPENDED:
        return False
    row.state = "open"
    move.note("condition.over", row.host_path, element=row.element)
    move.work()
    return True


def signal(session: Session, record: Record, name: str, *, by: Actor, at: datetime) -> list[str]:
    """A signal reaches everything in this run that waits for it, and nothing beyond."""
    move = Move.lock(session, record, by=by, at=at)
    move.note("signal.sent", move.run.root, name=name)
    rows = [row for row in firing.everywhere(move, name) if row.kind == NamedForm.SIGNAL]
    return _fire(move, rows, {"name": name})


def deliver_signal(session: Session, record: Record, name: str, *, by: Actor, at: datetime) -> None:
    """A plant-wide signal that another run threw; a run that is held takes note of it as well."""
    move = Move.lock(session, record, by=by, at=at)
    move.note("signal.reached", move.run.root, name=name)
    for row in subscriptions.everywhere(move, name, kind=NamedForm.SIGNAL.value):
        if row.plant_wide:
            events.fire(move, row, {"name": name})
    move.work()


runs_waiting_plant_wide = subscriptions.waiting_plant_wide


def send_message(
    session: Session,
    record: Record,
    name: str,
    *,
    correlation: str | None = None,
    expires_at: datetime | None = None,
    by: Actor,
    at: datetime,
) -> list[str]:
    """A message for a run: taken once by who waits for it, else kept until then or expired."""
    move = Move.lock(session, record, by=by, at=at)
    move.note(
        "message.arrived",
        move.run.root,
        name=name,
        correlation=correlation,
        expires_at=expires_at,
    )
    taken = messages.deliver(move, name, correlation, expires_at=expires_at)
    return [] if taken is None else _fire(move, [taken], {"name": name})


def _fire(move: Move, rows: list[Subscription], details: dict[str, Any]) -> list[str]:
    for row in rows:
        move.check_running(row.instance_path)
        events.fire(move, row, details)
    move.work()
    return [row.element for row in rows]


def _check_one_host(name: str, found: list[Subscription]) -> None:
    hosts = sorted({row.host_path for row in found})
    if len(hosts) > 1:
        raise Ambiguous(
            f"{name} is awaited at {', '.join(hosts)}", resolver="who raises the event names one"
        )


# States


def hold(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    acknowledged: bool = True,
) -> None:
    """Hold the run (`path` None) or an instance with everything below it; one row is written.

    With `acknowledged` False it stays holding until `acknowledge`: equipment phases must answer.
    """
    _command(session, record, path, Command.HOLD, reason, by, at, acknowledged)


def pause(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    acknowledged: bool = True,
) -> None:
    """Pause at the next safe place."""
    _command(session, record, path, Command.PAUSE, reason, by, at, acknowledged)


def resume(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """Go on after a pause."""
    _command(session, record, path, Command.RESUME, reason, by, at, True)


def restart(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    acknowledged: bool = True,
) -> None:
    """Go on after a hold. What the engine held the run for is tried again first.

    Raises ProblemPersists when it is still there; then nothing has changed.
    """
    _command(session, record, path, Command.RESTART, reason, by, at, acknowledged)


def stop(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    acknowledged: bool = True,
) -> None:
    """End in order before the end: what is open below is cancelled once stopped."""
    _command(session, record, path, Command.STOP, reason, by, at, acknowledged)


def abort(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    acknowledged: bool = True,
) -> None:
    """End at once: what is open below is cancelled once aborted."""
    _command(session, record, path, Command.ABORT, reason, by, at, acknowledged)


def acknowledge(
    session: Session,
    record: Record,
    path: str | None = None,
    *,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """The equipment phases have answered: holding becomes held, stopping stopped, and so on."""
    move, target = _target(session, record, path, reason, by, at)
    if CommandState(target.state) not in ACTING:
        raise TransitionRefused(
            f"{path or record} is {target.state}: nothing to acknowledge",
            resolver="who holds, stops or aborts it: give that command first",
        )
    states.reach(move, target, reason)
    move.work()


def give(
    session: Session,
    record: Record,
    path: str | None,
    command: Command,
    reason: str,
    acknowledged: bool,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Give any command by name, as the functions above do one by one."""
    if command is Command.DONE:
        acknowledge(session, record, path, reason=reason, by=by, at=at)
    else:
        _command(session, record, path, command, reason, by, at, acknowledged)


def _command(
    session: Session,
    record: Record,
    path: str | None,
    command: Command,
    reason: str,
    by: Actor,
    at: datetime,
    acknowledged: bool,
) -> None:
    move, target = _target(session, record, path, reason, by, at)
    move.change_state(target, command, reason)
    if acknowledged and CommandState(target.state) in ACTING:
        states.reach(move, target, reason)
    elif command is Command.RESUME:
        firing.resume_timers(move, path or move.run.root)
    move.work()
    states.check_resolved(move, command)


def _target(
    session: Session, record: Record, path: str | None, reason: str, by: Actor, at: datetime
) -> tuple[Move, Run | Instance]:
    if not reason.strip():
        raise ReasonNeeded("a reason is missing", resolver="who gives the command")
    move = Move.lock(session, record, by=by, at=at)
    if path is None:
        return move, move.run
    instance = move.load(path)
    if not instance.open:
        raise TransitionRefused(
            f"{path} has ended", resolver="nobody: give the command to what still runs"
        )
    return move, instance
