"""One level as a live SpiffWorkflow object: made from text, moved once, turned to text, dropped.

The only module that touches SpiffWorkflow. Its specification is built from the lowered graph, so
SpiffWorkflow never reads a file, a script or a condition; task data stays empty. The text holds
the tree only, with numbers in place of random ids and no clock, so that equal moves give equal
text. While exactly one place is open nothing before it can matter any more, and the history is
left out: the text of a level does not grow with its steps or rounds.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.specs import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import SimpleBpmnTask
from SpiffWorkflow.bpmn.specs.defaults import ExclusiveGateway, ManualTask, ParallelGateway
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from core.errors import BrokenPromise
from engine.errors import LevelTooDeep
from engine.lowering import Graph, PlaceKind

DEEPEST = 400
"""SpiffWorkflow reports "completed" beyond a depth of 1,000; we fail loudly long before."""
FORMAT = 1
SPECS = {
    PlaceKind.PASS: SimpleBpmnTask,
    PlaceKind.WAIT: ManualTask,
    PlaceKind.CHOICE: ExclusiveGateway,
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


class _Outcomes:
    """Stands in for the script engine: a choice takes the way whose name is the outcome."""

    def __init__(self) -> None:
        self.of: dict[UUID, str] = {}

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> bool:
        """Whether the waiting place before this choice ended with that outcome."""
        return self.of[task.parent.id] == expression


class Live:
    """A level in memory. `passed` lists the BPMN ids gone through since it was loaded."""

    def __init__(self, workflow: Any, outcomes: _Outcomes) -> None:
        self._workflow = workflow
        self._outcomes = outcomes
        self._numbers: dict[UUID, int] = {}
        self._following = 0
        self._known: set[int] = set()
        self.passed: list[str] = []

    @classmethod
    def begin(cls, spec: Any) -> Live:
        """A new instance, moved to its first waiting places."""
        outcomes = _Outcomes()
        live = cls(BpmnWorkflow(spec, script_engine=outcomes), outcomes)
        live._run()
        return live

    @classmethod
    def load(cls, spec: Any, text: str) -> Live:
        """The instance whose text this is. Raises BrokenPromise for a text of another format."""
        held = json.loads(text)
        if held["v"] != FORMAT:
            raise BrokenPromise(f"a level is stored in format {held['v']}, not {FORMAT}")
        outcomes = _Outcomes()
        workflow = BpmnWorkflow(spec, script_engine=outcomes, deserializing=True)
        live = cls(workflow, outcomes)
        for number, parent, name, state in held["tasks"]:
            above = None if parent is None else workflow.tasks[UUID(int=parent)]
            task = Task(workflow, spec.task_specs[name], above, state, UUID(int=number))
            live._numbers[task.id] = number
            if above is None:
                workflow.task_tree = task
        live._following = held["next"]
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
        for task in self._tasks():
            if self._numbers[task.id] == number:
                break
        else:
            raise BrokenPromise(f"place {number} is not in the stored level")
        if task.state != TaskState.READY or not task.task_spec.manual:
            raise BrokenPromise(f"place {number} is not open in the stored level")
        self._outcomes.of[task.id] = outcome
        task.run()
        self._note(task)
        self._run()

    @property
    def is_complete(self) -> bool:
        """Whether every task of the tree is finished; counted without SpiffWorkflow's iterators."""
        return all(task.has_state(TaskState.FINISHED_MASK) for task in self._tasks())

    def text(self) -> str:
        """The tree as text. Raises LevelTooDeep."""
        root = self._workflow.task_tree
        number = self._numbers
        rows: list[list[Any]] = [[number[root.id], None, root.task_spec.name, root.state]]
        only = self._only_open()
        tops = root.children if only is None else [only]
        todo = [(child, root, 1) for child in reversed(tops)]
        while todo:
            task, above, depth = todo.pop()
            if depth > DEEPEST:
                raise LevelTooDeep(f"a level has grown {DEEPEST} places deep")
            rows.append([number[task.id], number[above.id], task.task_spec.name, task.state])
            todo += [(child, task, depth + 1) for child in reversed(task.children)]
        held = {"v": FORMAT, "next": self._following, "tasks": rows}
        return json.dumps(held, separators=(",", ":"))

    def _only_open(self) -> Any:
        active = [
            task
            for task in self._tasks()
            if task.has_state(TaskState.READY | TaskState.WAITING | TaskState.STARTED)
            and task.task_spec is not self._workflow.spec.end
        ]
        return active[0] if len(active) == 1 and active[0].state == TaskState.READY else None

    def _tasks(self) -> list[Any]:
        return list(self._workflow.tasks.values())

    def _run(self) -> None:
        self._workflow.do_engine_steps(did_complete_task=self._note)
        self._number()

    def _note(self, task: Any) -> None:
        if task.task_spec.name.startswith("n:"):
            self.passed.append(task.task_spec.name[2:])

    def _number(self) -> None:
        """Give new tasks the next numbers, in the order of the tree."""
        todo = [self._workflow.task_tree]
        while todo:
            task = todo.pop()
            if task.id not in self._numbers:
                self._numbers[task.id] = self._following
                self._following += 1
            todo += reversed(task.children)
