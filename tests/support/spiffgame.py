"""SpiffWorkflow, as it comes, on the whole file: the second oracle, where it is right.

Nothing of ours stands between: its own parser reads the bytes, one tree runs all levels, and only
conditions are answered from outside, so that all sides decide alike. What it does wrong, silently
or by refusing a sound file, is named by `WRONG` and never drawn for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from lxml import etree
from SpiffWorkflow.bpmn import BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.util.task import TaskState

WRONG = {
    "leaving": "conditional flows that leave a task: the file is refused",
    "joins in loops": "a join in a loop takes the arrivals of an earlier round for new ones",
}
"""What random procedures may contain and SpiffWorkflow 3.2 does not execute as drawn."""
OPEN = TaskState.READY | TaskState.STARTED


class _Conditions(PythonScriptEngine):  # type: ignore[misc]  # untyped library
    """Answers conditions by name; nothing is executed."""

    def __init__(self, holds: Callable[[str], bool]) -> None:
        super().__init__()
        self._holds = holds

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> bool:
        return self._holds(expression)


class SpiffGame:
    """A procedure under way in SpiffWorkflow; the words are those of `TokenGame`."""

    def __init__(self, data: bytes, holds: Callable[[str], bool], entry: str = "PROC") -> None:
        parser = BpmnParser()
        parser.add_bpmn_xml(etree.ElementTree(etree.fromstring(data)))
        self._entry = entry
        self._workflow = BpmnWorkflow(
            parser.get_spec(entry),
            parser.get_subprocess_specs(entry),
            script_engine=_Conditions(holds),
        )
        self._paths: dict[UUID, str] = {}
        self._counts: Counter[str] = Counter()
        self._run()

    @property
    def ready(self) -> list[str]:
        """Paths of the open steps, sorted."""
        return sorted(self._paths[task.id] for task in self._steps())

    @property
    def is_over(self) -> bool:
        """Whether SpiffWorkflow says that the procedure is complete."""
        return bool(self._workflow.is_completed())

    def complete(self, path: str) -> None:
        """Do a step."""
        next(task for task in self._steps() if self._paths[task.id] == path).run()
        self._run()

    def _steps(self) -> list[Any]:
        return list(self._workflow.get_tasks(state=TaskState.READY, manual=True))

    def _run(self) -> None:
        self._workflow.do_engine_steps()
        for task in self._workflow.get_tasks(state=OPEN):
            self._path(task)

    def _path(self, task: Any) -> str:
        """Where a task stands, with the number of its place in its level, given at first sight."""
        if task.id not in self._paths:
            around = getattr(task.workflow, "parent_task_id", None)
            level = self._entry
            if around is not None:
                level = self._path(self._workflow.get_task_from_id(around))
            place = f"{level}/{task.task_spec.bpmn_id}"
            self._counts[place] += 1
            self._paths[task.id] = f"{place}#{self._counts[place]}"
        return self._paths[task.id]
