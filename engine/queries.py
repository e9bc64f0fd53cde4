"""What runs where: open steps, states, route, watched conditions. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from engine.errors import UnknownPath, UnknownRun
from engine.host import TaskInfo
from engine.models import Instance, Run, Task
from engine.moves import lineage
from engine.programs import program
from engine.rules import CommandState, effective_state


def run_of(session: Session, record: Stream | str) -> Run:
    """The run of a record. Raises UnknownRun."""
    run = session.scalars(select(Run).where(Run.record == str(record))).one_or_none()
    if run is None:
        raise UnknownRun(f"no procedure runs for {record}", resolver="who issues the record")
    return run


def open_tasks(session: Session, record: Stream | str) -> list[TaskInfo]:
    """The steps that are ready, oldest first; those of a held instance are ready as well."""
    run = run_of(session, record)
    query = select(Task).where(Task.run_id == run.id, Task.state == "ready")
    query = query.order_by(Task.ready_at, Task.path)
    return _infos(session, run, session.scalars(query).all())


def task(session: Session, record: Stream | str, path: str) -> TaskInfo:
    """One performance of a step, whatever its state. Raises UnknownPath."""
    run = run_of(session, record)
    query = select(Task).where(Task.run_id == run.id, Task.path == path)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise UnknownPath(f"{record} has no step {path}", resolver="look at the open steps")
    return _infos(session, run, [found])[0]


def _infos(session: Session, run: Run, tasks: Sequence[Task]) -> list[TaskInfo]:
    known = program(session, run.procedure)
    paths = {task.instance_path for task in tasks}
    query = select(Instance).where(Instance.run_id == run.id, Instance.path.in_(paths))
    instances = {instance.path: instance for instance in session.scalars(query)}
    return [known.info(task, instances[task.instance_path]) for task in tasks]


def effective(session: Session, record: Stream | str, path: str | None = None) -> CommandState:
    """The effective ISA-88 state of an instance, or of the run. Raises UnknownPath."""
    run = run_of(session, record)
    if path is None:
        return CommandState(run.state)
    query = select(Instance.path, Instance.state).where(
        Instance.run_id == run.id, Instance.path.in_(lineage(path))
    )
    states = {row.path: CommandState(row.state) for row in session.execute(query)}
    if path not in states:
        raise UnknownPath(f"{record} has no {path}", resolver="look at the open steps")
    return effective_state([CommandState(run.state), *states.values()])


def journal_of(session: Session, record: Stream | str) -> list[Mapping[str, Any]]:
    """All facts of the engine in the record's stream, in the order they happened."""
    stream = record if isinstance(record, Stream) else Stream.parse(record)
    return [fact for entry in trail.entries(session, stream) for fact in entry.data["journal"]]
