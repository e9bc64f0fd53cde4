"""Executable form of a pinned procedure, made from the approved definition, cached by digest.

Nothing in it outlives the process: a new one builds it again from the stored definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from engine import lowering, spiff
from engine.errors import Misplaced
from engine.host import TaskInfo
from engine.lowering import Graph, is_decision, is_inclusive_join
from engine.models import Instance, Task
from workflows import queries
from workflows.expressions import language
from workflows.expressions.language import Compiled
from workflows.model import (
    CallActivity,
    CatchEvent,
    EventSubProcess,
    Level,
    Procedure,
    StepTask,
)
from workflows.names import declared_names


@dataclass(frozen=True)
class Executable:
    """One graph with the specification that SpiffWorkflow runs."""

    graph: Graph
    spec: Any = field(repr=False)


class Program:
    """A procedure that can run; its graphs are built when first needed."""

    def __init__(self, procedure: Procedure) -> None:
        self.procedure = procedure
        self._levels = {level.id: level for level in procedure.levels}
        self._graphs: dict[str, dict[str | None, Executable]] = {}
        self._joins: dict[str, tuple[str, ...]] = {}
        self._reached: dict[tuple[str, str], frozenset[str]] = {}
        self._events: dict[str, tuple[EventSubProcess, ...]] = {}
        self._names = declared_names(procedure)
        self._expressions: dict[str, Compiled] = {}

    def level(self, level_id: str) -> Level:
        """The level of that id. Raises KeyError."""
        return self._levels[level_id]

    def zero_counts(self, level_id: str) -> dict[str, int]:
        """Nothing reached yet: all names stand there from the start, so that no row grows."""
        level = self.level(level_id)
        decided = (f.id for n in level.nodes if is_decision(level, n) for f in level.outgoing(n.id))
        return dict.fromkeys((*(node.id for node in level.nodes), *decided), 0)

    def executable(self, level_id: str, handler: str | None) -> Executable:
        """The level's own graph, or that of one of its handlers. Raises NotExecutable."""
        return self.graphs(level_id)[handler]

    def graphs(self, level_id: str) -> dict[str | None, Executable]:
        """All graphs of a level by handler, its own under None. Raises NotExecutable."""
        if level_id not in self._graphs:
            graphs = lowering.lower(self._levels[level_id])
            self._graphs[level_id] = {
                name: Executable(graph, spiff.build(graph)) for name, graph in graphs.items()
            }
        return self._graphs[level_id]

    def event_subprocesses(self, level_id: str) -> tuple[EventSubProcess, ...]:
        """What begins inside a level by an event; asked in every move, so looked for once."""
        if level_id not in self._events:
            self._events[level_id] = self.level(level_id).event_subprocesses()
        return self._events[level_id]

    def runs_beside(self, level_id: str) -> bool:
        """Whether anything may run beside the flow of a level and outlive it there."""
        return len(self.graphs(level_id)) > 1 or bool(self.event_subprocesses(level_id))

    def awaited(self, level_id: str, gateway: str) -> tuple[CatchEvent, ...]:
        """The events behind an event-based gateway, in document order of their flows."""
        level = self.level(level_id)
        nodes = (level.node(flow.target) for flow in level.outgoing(gateway))
        return tuple(node for node in nodes if isinstance(node, CatchEvent))

    def inclusive_joins(self, level_id: str) -> tuple[str, ...]:
        """The joins of a level at which arrivals wait for whatever may still come."""
        if level_id not in self._joins:
            level = self.level(level_id)
            found = (node.id for node in level.nodes if is_inclusive_join(level, node))
            self._joins[level_id] = tuple(found)
        return self._joins[level_id]

    def reached(self, level_id: str, element: str) -> frozenset[str]:
        """What a token that stands at an element can still come to."""
        place = (level_id, element)
        if place not in self._reached:
            self._reached[place] = lowering.reachable(self.level(level_id), element)
        return self._reached[place]

    def expression(self, text: str) -> Compiled:
        """An expression of the procedure, compiled once. Raises ExpressionError."""
        if text not in self._expressions:
            self._expressions[text] = language.compile(text, self._names)
        return self._expressions[text]

    def info(self, task: Task, instance: Instance) -> TaskInfo:
        """A task as the host sees it. Raises Misplaced where the procedure has no step."""
        node = self.level(instance.level).node(task.element)
        if not isinstance(node, StepTask):
            raise Misplaced(task.element, "step")
        return TaskInfo(
            path=task.path,
            instance_path=instance.path,
            element=task.element,
            level=instance.level,
            ordinal=task.ordinal,
            round=instance.round,
            step=node.step,
        )

    def step_task(self, path: str) -> StepTask | None:
        """The step that a path names, whether it has been reached or not; None for any other."""
        level, *parts = path.split("/")
        if level != self.procedure.entry or not parts:
            return None
        inside = self._levels[level]
        for number, part in enumerate(parts, start=1):
            nodes = {node.id: node for node in inside.nodes}
            node = nodes.get(part.rpartition("#")[0])
            if number == len(parts):
                return node if isinstance(node, StepTask) else None
            if isinstance(node, CallActivity):
                inside = self._levels[node.called]
            elif node is None:
                return None
        return None


def program(session: Session, digest: str) -> Program:
    """The program of a definition by the digest it is pinned to."""
    return _programs.of(session, digest)


def checked_program(session: Session, digest: str) -> Program:
    """The same, after the stored definition was compared with its digest once more.

    For the start of a run: an altered definition is refused even where a sound one is cached
    (URS-MRC-070). Raises DefinitionTampered, NotFound.
    """
    queries.load(session, digest)
    return program(session, digest)


class _Programs:
    """Programs of this process by digest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Program] = {}

    def of(self, session: Session, digest: str) -> Program:
        """From the cache, or built; the definition's bytes are checked against the digest."""
        if digest not in self._known:
            if len(self._known) >= self._most:
                self._known.pop(next(iter(self._known)))
            self._known[digest] = Program(queries.load(session, digest))
        return self._known[digest]

    def forget(self) -> None:
        """Empty the cache; for tests of resuming."""
        self._known.clear()


_programs = _Programs(64)
forget = _programs.forget
