"""What runs where: open steps, states, route, watched conditions. Nothing here writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.db import site_of
from engine import routes
from engine.errors import Misplaced, UnknownPath, UnknownRun
from engine.host import TaskInfo, Watched
from engine.models import Border, Instance, Run, Subscription, Task
from engine.moves import lineage
from engine.programs import program
from engine.rules import CommandState, effective_state
from engine.subscriptions import CONDITION, SUSPENDED
from workflows.model import BoundaryEvent, CallActivity, Catching, Node, Procedure, StepTask
from workflows.step import Condition, Step


def run_of(session: Session, record: Stream | str) -> Run:
    """The run of a record. Raises UnknownRun."""
    query = select(Run).where(Run.site_id == site_of(session), Run.record == str(record))
    run = session.scalars(query).one_or_none()
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
    query = select(Task).where(
        Task.site_id == run.site_id, Task.run_id == run.id, Task.path == path
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise UnknownPath(f"{record} has no step {path}", resolver="look at the open steps")
    return _infos(session, run, [found])[0]


def _infos(session: Session, run: Run, tasks: Sequence[Task]) -> list[TaskInfo]:
    known = program(session, run.procedure)
    paths = {task.instance_path for task in tasks}
    query = select(Instance).where(
        Instance.site_id == run.site_id, Instance.run_id == run.id, Instance.path.in_(paths)
    )
    instances = {instance.path: instance for instance in session.scalars(query)}
    return [known.info(task, instances[task.instance_path]) for task in tasks]


def effective(session: Session, record: Stream | str, path: str | None = None) -> CommandState:
    """The effective ISA-88 state of an instance, or of the run. Raises UnknownPath."""
    run = run_of(session, record)
    if path is None:
        return CommandState(run.state)
    query = select(Instance.path, Instance.state).where(
        Instance.site_id == run.site_id,
        Instance.run_id == run.id,
        Instance.path.in_(lineage(path)),
    )
    states = {row.path: CommandState(row.state) for row in session.execute(query)}
    if path not in states:
        raise UnknownPath(f"{record} has no {path}", resolver="look at the open steps")
    return effective_state([CommandState(run.state), *states.values()])


def journal_of(session: Session, record: Stream | str) -> list[Mapping[str, Any]]:
    """All facts of the engine in the record's stream, in the order they happened."""
    stream = record if isinstance(record, Stream) else Stream.parse(record)
    return [fact for entry in trail.entries(session, stream) for fact in entry.data["journal"]]


def watched(session: Session, record: Stream | str | None = None) -> list[Watched]:
    """Conditions that running procedures (or that of one record) wait for, for who watches them.

    Raises Misplaced for a row whose element carries no condition.
    """
    query = (
        select(Subscription, Run)
        .join(Run, Run.id == Subscription.run_id)
        .where(
            Run.site_id == site_of(session),
            Subscription.kind == CONDITION,
            Subscription.state != "ended",
        )
        .order_by(Run.record, Subscription.host_path, Subscription.element)
    )
    if record is not None:
        query = query.where(Run.record == str(record))
    return [_watched(session, row, run) for row, run in session.execute(query)]


def _watched(session: Session, row: Subscription, run: Run) -> Watched:
    query = select(Instance.level).where(
        Instance.run_id == run.id, Instance.path == row.instance_path
    )
    level = program(session, run.procedure).level(session.scalars(query).one())
    node = level.node(row.element)
    if not isinstance(node, Catching) or not isinstance(node.trigger, Condition):
        raise Misplaced(row.element, "watched condition")
    return Watched(
        subscription=str(row.id),
        record=run.record,
        instance_path=row.instance_path,
        host_path=row.host_path,
        level=level.id,
        element=row.element,
        condition=node.trigger,
        at_step=isinstance(node, BoundaryEvent)
        and isinstance(level.node(node.attached_to), StepTask),
        since=row.opened_at,
        has_fired=row.state == SUSPENDED,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRoute:
    """The way one instance of a level went; `state` is its effective command state."""

    path: str
    level: str
    round: int
    open: bool
    state: CommandState
    elements: tuple[routes.Element, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotExecuted:
    """A step that was not performed there, and what decided that (URS-EXE-030).

    `instance_path` is the instance in which the decision fell, `cause` the element of it.
    """

    step: Step
    instance_path: str
    cause: routes.Cause


def route(session: Session, record: Stream | str) -> list[InstanceRoute]:
    """The way of every instance of a run, parents before their children; handlers count in them."""
    run = run_of(session, record)
    walked = _Walks(session, run)
    return [walked.route(instance) for instance in walked.levels()]


def not_executed(session: Session, record: Stream | str) -> list[NotExecuted]:
    """The steps on ways not taken so far, in the order of the procedure."""
    run = run_of(session, record)
    procedure = program(session, run.procedure).procedure
    found = []
    for walk in route(session, record):
        level = procedure.level(walk.level)
        for element in walk.elements:
            if element.cause is not None:
                steps = _steps_at(procedure, level.node(element.id))
                found += [
                    NotExecuted(step=step, instance_path=walk.path, cause=element.cause)
                    for step in steps
                ]
    return found


def _steps_at(procedure: Procedure, node: Node) -> Iterator[Step]:
    if isinstance(node, StepTask):
        yield node.step
    elif isinstance(node, CallActivity):
        for inside in procedure.level(node.called).nodes:
            yield from _steps_at(procedure, inside)


class _Walks:
    """All rows of a run that say which way it went; three queries whatever its size."""

    def __init__(self, session: Session, run: Run) -> None:
        self._run = run
        self._program = program(session, run.procedure)
        instances = select(Instance).where(Instance.run_id == run.id).order_by(Instance.path)
        self._instances = {row.path: row for row in session.scalars(instances)}
        self._places: dict[str, list[Task | Border]] = defaultdict(list)
        tasks = session.scalars(select(Task).where(Task.run_id == run.id)).all()
        borders = session.scalars(select(Border).where(Border.run_id == run.id)).all()
        places: list[Task | Border] = [*tasks, *borders]
        for place in places:
            self._places[place.instance_path].append(place)

    def levels(self) -> list[Instance]:
        """The instances that are levels, not handlers, parents first."""
        levels = [row for row in self._instances.values() if row.handler is None]
        return sorted(levels, key=lambda row: (row.path.count("/"), row.opened_at, row.path))

    def route(self, instance: Instance) -> InstanceRoute:
        """The way of one instance with its handlers."""
        level = self._program.level(instance.level)
        own = [CommandState(self._instances[path].state) for path in lineage(instance.path)]
        return InstanceRoute(
            path=instance.path,
            level=instance.level,
            round=instance.round,
            open=instance.open,
            state=effective_state([CommandState(self._run.state), *own]),
            elements=routes.elements(level, self._walked(instance)),
        )

    def _walked(self, instance: Instance) -> routes.Walked:
        handlers = [
            row
            for row in self._instances.values()
            if row.parent_path == instance.path and row.handler is not None
        ]
        counts = Counter(instance.counts)
        for handler in handlers:
            inside = {name: n for name, n in handler.counts.items() if name != handler.handler}
            counts.update(inside)
        places = [p for row in (instance, *handlers) for p in self._places[row.path]]
        begun = {
            row.path.removeprefix(f"{instance.path}/").partition("#")[0]
            for row in self._instances.values()
            if row.open
            and row.parent_path == instance.path
            and row.border_path is None
            and row.handler is None
        }
        last = {place.element: place.state for place in sorted(places, key=_performed)}
        return routes.Walked(
            counts=counts,
            active=frozenset(place.element for place in places if place.state == "ready") | begun,
            cancelled=frozenset(name for name, state in last.items() if state == "cancelled"),
            open=instance.open,
        )


def _performed(place: Task | Border) -> tuple[datetime, int]:
    return place.ready_at, place.ordinal
