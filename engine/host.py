"""What the engine needs from the record it works for; `ebr` implements it.

The engine finds it as the house's service ``engine_host``. It is told in the order in which things
happened, inside the same transaction, after the engine's own rows are in place; so it may call the
engine's commands from there (an automatic step that is done at once).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from engine.models import Run
from workflows.expressions.types import Given
from workflows.step import Condition, Step
from workflows.words import Severity

SERVICE = "engine_host"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """One performance of one step. `ordinal` counts within its instance, from 1.

    `round` is that of the instance: of its loop, or how often the level was called there.
    """

    path: str
    instance_path: str
    element: str
    level: str
    ordinal: int
    round: int
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInfo:
    """A boundary event that fired. A late timer fired after it was due (URS-EXE-070)."""

    element: str
    host_path: str
    kind: str
    interrupting: bool
    severity: Severity | None
    occurrence: int
    due_at: datetime | None = None
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A condition that somebody must watch; tell `commands.condition_met` when it holds.

    It is watched at a step, or (without `at_step`) at a place in the flow or at a whole level,
    `since` site time. One that `has_fired` waits for `commands.condition_over` instead. `element`
    is the event in its `level`, both by BPMN id.
    """

    subscription: str
    record: str
    instance_path: str
    host_path: str
    level: str
    element: str
    condition: Condition
    at_step: bool
    since: datetime
    has_fired: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the engine holds a run: nothing goes on before it is resolved.

    `kind`: ``value_unknown``, ``no_flow``, ``rounds_exhausted``, ``error_uncaught``,
    ``error_raised``, ``child_ended``, ``stuck``.
    """

    kind: str
    path: str
    element: str
    fact: str

    def to_json(self) -> dict[str, Any]:
        """As stored and journalled."""
        return {"kind": self.kind, "path": self.path, "element": self.element, "fact": self.fact}


class Host(Protocol):
    """The record's side of the engine."""

    def task_ready(self, session: Session, run: Run, task: TaskInfo) -> None:
        """A step may be performed now."""

    def task_cancelled(self, session: Session, run: Run, task: TaskInfo) -> None:
        """A step that was ready will not be performed any more."""

    def instance_started(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        """A level (or the handler of a boundary event in that level) has begun."""

    def instance_completed(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        """A level has ended as drawn."""

    def event_fired(self, session: Session, run: Run, event: EventInfo) -> None:
        """A boundary event fired; its handler or its path out begins next."""

    def run_completed(self, session: Session, run: Run) -> None:
        """Every level has ended."""

    def run_failed(self, session: Session, run: Run, problem: Problem) -> None:
        """The engine has put the run on hold and says why."""

    def value(self, session: Session, run: Run, instance_path: str, name: str) -> Given:
        """A value by its declared name, searched from the instance upwards; None when unknown."""
