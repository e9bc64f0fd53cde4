"""Ways out of a place where the engine holds a run, taken only as people have decided.

The recipe draws no way there: an error that nothing catches, a decision that cannot be made, a
loop without end. Which way is right is decided outside, signed and with a deviation (URS-DEV-020);
here stands what is possible, and what was taken goes into the journal like every other move.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit.streams import Stream
from core.actors import Actor
from engine import cancelling, events, levels, subscriptions
from engine.deciding import Deciding
from engine.errors import NoSuchWay
from engine.lowering import DONE, JUMP, jump_targets
from engine.models import Border, Instance, Task
from engine.moves import Move
from workflows.model import (
    CallActivity,
    EventGateway,
    InclusiveGateway,
    Level,
    ParallelGateway,
)

SEVERAL = (ParallelGateway, InclusiveGateway, EventGateway)
BY_PEOPLE = Actor.service("engine", trigger="look at what holds a run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out: its name for `take`, the BPMN element it leads to, and how people call it.

    Without element, the level (or the loop) ends here and what comes after it follows.
    """

    name: str
    element: str | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blockage:
    """One place where the engine holds the run. Without ways only stop and abort are left."""

    path: str
    kind: str
    fact: str
    ways: tuple[Way, ...]


def blockages(session: Session, record: Stream | str, *, at: datetime) -> list[Blockage]:
    """Everything that the engine holds the run of a record for; a pure read. Raises UnknownRun."""
    move = Move.look(session, record, by=BY_PEOPLE, at=at)
    return [
        Blockage(
            path=problem["path"],
            kind=problem["kind"],
            fact=problem["fact"],
            ways=tuple(_ways(move, _waiting_border(move, problem["path"]))),
        )
        for problem in move.run.problems
    ]


def take(
    session: Session, record: Stream | str, path: str, way: str, *, by: Actor, at: datetime
) -> None:
    """Leave a place that holds the run by one of its ways; the run itself is restarted apart.

    Raises NoSuchWay when the run is not held for that place, or the place has no such way.
    """
    move = Move.lock(session, record, by=by, at=at)
    held = [problem for problem in move.run.problems if problem["path"] == path]
    border = _waiting_border(move, path)
    if border is None or not held or way not in {each.name for each in _ways(move, border)}:
        raise NoSuchWay(
            f"{move.run.record} is not held at {path} with a way {way}",
            resolver="shift supervisor, by looking again what holds the batch",
        )
    move.run.problems = [problem for problem in move.run.problems if problem["path"] != path]
    move.note("way.taken", path, way=way)
    _leave(move, border, way)
    move.work()


def ways_from(
    session: Session, record: Stream | str, path: str, *, at: datetime
) -> tuple[Way, ...]:
    """How the flow could leave a step that is ready: without it, or at another step or call of its
    level, an earlier one (it is repeated, with what follows) or a later one. A pure read.

    What lies in another branch is no way: the join behind it would wait for ever. None for a step
    that is not ready. Raises UnknownRun.
    """
    move = Move.look(session, record, by=BY_PEOPLE, at=at)
    task = cancelling.host_row(move, path)
    return tuple(_moves(move, task)) if isinstance(task, Task) and task.state == "ready" else ()


def leave_step(
    session: Session, record: Stream | str, path: str, way: str, *, by: Actor, at: datetime
) -> None:
    """Leave a step that is ready by one of `ways_from`; it is not performed.

    Only for what people have decided, signed and with a deviation (URS-DEV-020). Raises NoSuchWay.
    """
    move = Move.lock(session, record, by=by, at=at)
    task = cancelling.host_row(move, path)
    ready = isinstance(task, Task) and task.state == "ready"
    if not isinstance(task, Task) or not ready or way not in {w.name for w in _moves(move, task)}:
        raise NoSuchWay(
            f"{path} is not ready, or has no way {way}",
            resolver="shift supervisor, by looking again what is open",
        )
    move.note("step.left", path, way=way)
    cancelling.cancel_task(move, task)
    subscriptions.release(move, path)
    instance = move.load(task.instance_path)
    if way == DONE:
        levels.advance(move, instance, task.token, DONE)
    else:
        levels.put(move, instance, task.token, way.removeprefix(JUMP))
    move.work()


def _moves(move: Move, task: Task) -> Iterator[Way]:
    instance = move.load(task.instance_path)
    level = move.level(instance)
    yield Way(name=DONE, element=None, label=_label(level, task.element))
    near = same_branch(level, task.element)
    for element in jump_targets(level, instance.handler):
        if element in near:
            yield Way(name=f"{JUMP}{element}", element=element, label=_label(level, element))


def same_branch(level: Level, element: str) -> frozenset[str]:
    """The elements that flows lead to from one, or from which they lead to it, in either direction
    without passing a gateway that splits into several branches or joins them."""
    found, todo = {element}, [element]
    while todo:
        here = todo.pop()
        nearby = [flow.target for flow in level.outgoing(here)]
        nearby += [flow.source for flow in level.incoming(here)]
        for other in nearby:
            if other not in found and not isinstance(level.node(other), SEVERAL):
                found.add(other)
                todo.append(other)
    return frozenset(found)


def _leave(move: Move, border: Border, way: str) -> None:
    if border.kind not in (levels.DECISION, events.ERROR):
        levels.complete_border(move, border)
        return
    instance = move.load(border.instance_path)
    border.state, border.ended_at = "complete", move.at
    if border.kind == levels.DECISION:
        instance.counts = {**instance.counts, way: instance.counts.get(way, 0) + 1}
    levels.advance(move, instance, border.token, way)


def _waiting_border(move: Move, path: str) -> Border | None:
    """The border that the run waits at there; steps have no ways of the engine."""
    found = cancelling.host_row(move, path)
    return found if isinstance(found, Border) and found.state == "ready" else None


def _ways(move: Move, border: Border | None) -> Iterator[Way]:
    if border is None:
        return
    instance = move.load(border.instance_path)
    level = move.level(instance)
    node = level.node(border.element)
    if border.kind == levels.DECISION and isinstance(node, Deciding):
        for flow in level.outgoing(node.id):
            yield Way(name=flow.id, element=flow.target, label=_label(level, flow.target))
    elif border.kind == events.ERROR:
        yield from _jumps(level, instance)
    elif isinstance(node, CallActivity) and node.loop is not None:
        yield Way(name=DONE, element=None, label=node.name or node.id)


def _jumps(level: Level, instance: Instance) -> Iterator[Way]:
    for element in jump_targets(level, instance.handler):
        yield Way(name=f"{JUMP}{element}", element=element, label=_label(level, element))
    yield Way(name=DONE, element=None, label=level.name or level.id)


def _label(level: Level, element: str) -> str:
    return level.node(element).name or element
