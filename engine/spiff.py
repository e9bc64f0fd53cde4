"""One level as a live SpiffWorkflow object: made from text, moved once, turned to text, dropped.

The only module that touches SpiffWorkflow. Its specification is built from the lowered graph, so
SpiffWorkflow never reads a file, a script or a condition; task data stays empty. The text holds
the tree only, with numbers in place of random ids and no clock, so that equal moves give equal
text. History that no join can ask for any more is left out: the text of a level grows with its
open places, never with its steps or rounds, and an arrival of an earlier round cannot be taken
for one of this round (SpiffWorkflow 3.2 does so when a join stands in a loop).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import SimpleBpmnTask
from SpiffWorkflow.bpmn.specs.defaults import ExclusiveGateway, ManualTask, ParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.bpmn_spec_mixin import BpmnSpecMixin
from SpiffWorkflow.specs.MultiChoice import MultiChoice
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from core.errors import BrokenPromise
from engine.errors import LevelTooDeep
from engine.lowering import DONE, Graph, PlaceKind


class Several(MultiChoice, BpmnSpecMixin):  # type: ignore[misc]  # untyped library
    """Takes every way that the outcome names; SpiffWorkflow's own inclusive gateway also joins."""


DEEPEST = 400
"""SpiffWorkflow reports "completed" beyond a depth of 1,000; we fail loudly long before."""
FORMAT = 1
SPECS = {
    PlaceKind.PASS: SimpleBpmnTask,
    PlaceKind.WAIT: ManualTask,
    PlaceKind.CHOICE: ExclusiveGateway,
    PlaceKind.SEVERAL: Several,
    PlaceKind.PARALLEL: ParallelGateway,
}


def build(graph: Graph) -> Any:
    """The SpiffWorkflow specification of a graph; it can be shared by any number of instances."""
    spec = BpmnProcessSpec(name="level")
    made = {place.name: SPECS[place.kind](spec, place.name) for place in graph.places}
    spec.start.connect(made[graph.entry])
    for edge in graph.edges:
        made[edge.source].connect_outgoing_if(edge.outcome, made[edge.target])
    for name in graph.ends:
        made[name].connect(spec.end)
    return spec


@lru_cache(maxsize=4096)
def _id_of(number: int) -> UUID:
    """The id that SpiffWorkflow knows a place by; small numbers come again in every level."""
    return UUID(int=number)


class _Outcomes:
    """Stands in for the script engine: a choice takes the way whose name is the outcome."""

    def __init__(self) -> None:
        self.of: dict[UUID, str] = {}

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> bool:
        """Whether the place before this choice ended with that outcome; a join is just done."""
        return expression in self.of.get(task.parent.id, DONE).split(" ")


class Live:
    """A level in memory. `passed` lists the BPMN ids gone through since it was loaded."""

    def __init__(self, spec: Any) -> None:
        self._spec = spec
        self._outcomes = _Outcomes()
        self._workflow: Any = None
        self._numbers: dict[UUID, int] = {}
        self._following = 0
        self._moved = False
        self._known: set[int] = set()
        self.passed: list[str] = []

    @classmethod
    def begin(cls, spec: Any) -> Live:
        """A new instance, moved to its first waiting places."""
        live = cls(spec)
        live._workflow = BpmnWorkflow(spec, script_engine=live._outcomes)
        live._run()
        return live

    @classmethod
    def load(cls, spec: Any, text: str) -> Live:
        """The instance whose text this is. Raises BrokenPromise for a text of another format."""
        live = cls(spec)
        live._restore(text)
        live._known = {number for number, _ in live.open_places()}
        return live

    def open_places(self) -> list[tuple[int, str]]:
        """Number and BPMN id of each waiting place that is open, oldest first."""
        return sorted(
            (self._numbers[task.id], task.task_spec.name[2:])
            for task in self._tasks()
            if task.state == TaskState.READY and task.task_spec.manual
        )

    def fresh(self) -> list[tuple[int, str]]:
        """The open places not handed out before, oldest first."""
        found = [place for place in self.open_places() if place[0] not in self._known]
        self._known.update(number for number, _ in found)
        return found

    def finish(self, number: int, outcome: str) -> None:
        """End an open waiting place with an outcome and move on to the next waiting places.

        Raises BrokenPromise when the place is not open: SpiffWorkflow itself would run it again.
        """
        if self._moved:
            self._restore(self.text())
        task = self._workflow.tasks.get(_id_of(number))
        if task is None or task.state != TaskState.READY or not task.task_spec.manual:
            raise BrokenPromise(f"place {number} is not open in the stored level")
        self._outcomes.of[task.id] = outcome
        task.run()
        self._note(task)
        self._run()

    def put(self, number: int, element: str) -> None:
        """Put the flow that waits at an open place to another waiting place of the level instead.

        The place keeps its number and its branch, and is handed out as a fresh one. Raises
        BrokenPromise when it is not open.
        """
        task = self._workflow.tasks.get(_id_of(number))
        if task is None or task.state != TaskState.READY or not task.task_spec.manual:
            raise BrokenPromise(f"place {number} is not open in the stored level")
        task._drop_children(force=True)
        task.task_spec = self._spec.task_specs[f"n:{element}"]
        task.task_spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)
        self._known.discard(number)
        self._moved = True
        for child in self._top_down():
            if child.id not in self._numbers:
                self._numbers[child.id] = self._following
                self._following += 1

    def clear(self) -> None:
        """End everything that is open: something else takes the place of this flow."""
        self._workflow.cancel()
        self._moved = True

    @property
    def is_complete(self) -> bool:
        """Whether every task of the tree is finished; counted without SpiffWorkflow's iterators."""
        return all(task.has_state(TaskState.FINISHED_MASK) for task in self._tasks())

    def text(self) -> str:
        """The tree as text. Raises LevelTooDeep."""
        rows = [
            [self._numbers[task.id], above, task.task_spec.name, task.state]
            for task, above in self._kept()
        ]
        held = {"v": FORMAT, "next": self._following, "tasks": rows}
        return json.dumps(held, separators=(",", ":"))

    def _restore(self, text: str) -> None:
        held = json.loads(text)
        if held["v"] != FORMAT:
            raise BrokenPromise(f"a level is stored in format {held['v']}, not {FORMAT}")
        workflow = BpmnWorkflow(self._spec, script_engine=self._outcomes, deserializing=True)
        self._workflow, self._numbers, self._moved = workflow, {}, False
        self._following = held["next"]
        for number, parent, name, state in held["tasks"]:
            above = None if parent is None else workflow.tasks[_id_of(parent)]
            task = Task(workflow, self._spec.task_specs[name], above, state, _id_of(number))
            self._numbers[task.id] = number
            if above is None:
                workflow.task_tree = task

    def _kept(self) -> list[tuple[Any, int | None]]:
        """The tasks to keep, each with the number of the kept task above it, top down."""
        waited = {task.task_spec for task in self._tasks() if task.state == TaskState.WAITING}
        kept: list[tuple[Any, int | None]] = []
        needed: set[Any] = set()
        for task in reversed(self._top_down()):
            if self._is_needed(task, waited, needed):
                needed.add(task)
        todo: list[tuple[Any, int | None]] = [(self._workflow.task_tree, None)]
        while todo:
            task, above = todo.pop()
            children = [child for child in task.children if child in needed]
            if above is None or not self._is_passage(task, children):
                kept.append((task, above))
                above = self._numbers[task.id]
            todo += [(child, above) for child in reversed(children)]
        return kept

    def _is_needed(self, task: Any, waited: set[Any], needed: set[Any]) -> bool:
        """Open or coming, an arrival that a join still waits with, or on the way to such."""
        if task.task_spec is self._spec.end and task.state == TaskState.WAITING:
            return False
        if not task.has_state(TaskState.FINISHED_MASK):
            return True
        if task.state == TaskState.CANCELLED and task.task_spec in waited:
            return True
        return any(child in needed for child in task.children)

    def _is_passage(self, task: Any, children: list[Any]) -> bool:
        """Finished, with one way on: nothing asks for it, unless a join asks who arrived."""
        if not task.has_state(TaskState.FINISHED_MASK) or len(children) != 1:
            return False
        child = children[0]
        arrives = (
            isinstance(child.task_spec, ParallelGateway) and child.state != TaskState.COMPLETED
        )
        return not arrives

    def _top_down(self) -> list[Any]:
        """All tasks, parents first. Raises LevelTooDeep."""
        found, todo = [], [(self._workflow.task_tree, 0)]
        while todo:
            task, depth = todo.pop()
            if depth > DEEPEST:
                raise LevelTooDeep(f"a level has grown {DEEPEST} places deep")
            found.append(task)
            todo += [(child, depth + 1) for child in reversed(task.children)]
        return found

    def _tasks(self) -> list[Any]:
        return list(self._workflow.tasks.values())

    def _run(self) -> None:
        # SpiffWorkflow's own loop does the same, but also looks for subprocesses and timers, which
        # no level has, and costs twice as much.
        self._moved = True
        tree = self._top_down()
        while passing := [task for task in tree if self._passes(task)]:
            for task in passing:
                task.run()
                self._note(task)
            tree = self._top_down()
        for task in tree:
            if task.id not in self._numbers:
                self._numbers[task.id] = self._following
                self._following += 1

    def _passes(self, task: Any) -> bool:
        return task.state == TaskState.READY and not task.task_spec.manual

    def _note(self, task: Any) -> None:
        if task.task_spec.name.startswith("n:"):
            self.passed.append(task.task_spec.name[2:])
