"""The record's side of the engine: steps open and close as the flow moves."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import jobs
from core.actors import Actor
from core.house import moment
from ebr import queries
from ebr.commands import runs
from ebr.context import raise_exception
from ebr.kinds.base import kind_of
from ebr.models import ProcedureRun, RunState, StepRecord, StepState
from ebr.names import Names
from ebr.opening import context_of
from engine.host import EventInfo, Problem, TaskInfo
from engine.models import Run
from workflows import queries as definitions
from workflows.expressions.types import Given
from workflows.model import Procedure
from workflows.words import Severity

AUTOMATIC_JOB = "ebr.automatic_step"
ENGINE = Actor.service("engine", trigger="the flow of the recipe")


class RecordHost:
    """Implements `engine.host.Host` on the record."""

    def task_ready(self, session: Session, run: Run, task: TaskInfo) -> None:
        """Open the step; an automatic one is performed by a job."""
        record = queries.run_of(session, run.record)
        occurrence, ordinal = queries.next_places(session, record.id, task.step.key)
        step = StepRecord(
            run_id=record.id,
            path=task.path,
            level=task.level,
            element=task.element,
            key=task.step.key,
            occurrence=occurrence,
            ordinal=ordinal,
            kind=task.step.kind.value,
            role=task.step.role,
            room=task.step.room,
            state=StepState.READY,
            ready_at=moment(session).site,
        )
        session.add(step)
        session.flush()
        context = context_of(session, record, step, by=ENGINE, at=moment(session).site)
        kind_of(session, task.step.kind).ready(context)
        if task.step.automatic:
            jobs.enqueue(
                session,
                AUTOMATIC_JOB,
                {"record": record.stream, "path": task.path},
                dedupe=f"{AUTOMATIC_JOB}:{record.stream}:{task.path}",
            )

    def task_cancelled(self, session: Session, run: Run, task: TaskInfo) -> None:
        """The flow went another way: the step stays in the record as not executed."""
        record = queries.run_of(session, run.record)
        step = queries.step_of(session, record, task.path)
        if step.completed_at is None:
            step.state = StepState.CANCELLED
            step.ended_by = _ended_by(record)
            session.flush()

    def instance_started(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        """Levels are the engine's rows; the record needs no row of its own."""

    def instance_completed(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        """Levels are the engine's rows; the record needs no row of its own."""

    def event_fired(self, session: Session, run: Run, event: EventInfo) -> None:
        """A boundary event of the recipe with a severity opens its exception."""
        if event.severity is None:
            return
        record = queries.run_of(session, run.record)
        step = session.scalars(
            select(StepRecord).where(
                StepRecord.run_id == record.id, StepRecord.path == event.host_path
            )
        ).one_or_none()
        definition = definitions.load(session, record.file_digest)
        name = _name_of(definition, event.element)
        raise_exception(
            session,
            record,
            step,
            "event",
            event.severity,
            name,
            facts={"element": event.element, "kind": event.kind},
            by=ENGINE,
            at=moment(session).site,
        )

    def run_completed(self, session: Session, run: Run) -> None:
        """The last level has ended."""
        record = queries.run_of(session, run.record)
        runs.ended(session, record, RunState.COMPLETE, by=ENGINE, at=moment(session).site)

    def run_failed(self, session: Session, run: Run, problem: Problem) -> None:
        """The engine cannot go on as drawn: the batch is HELD with a critical exception."""
        record = queries.run_of(session, run.record)
        if record.state == RunState.RUNNING:
            record.state, record.problem = RunState.HELD, problem.fact
        raise_exception(
            session,
            record,
            None,
            "flow",
            Severity.CRITICAL,
            problem.fact,
            facts=problem.to_json(),
            by=ENGINE,
            at=moment(session).site,
        )

    def value(self, session: Session, run: Run, instance_path: str, name: str) -> Given:
        """A recorded value by the name that the recipe uses."""
        record = queries.run_of(session, run.record)
        definition = definitions.load(session, record.file_digest)
        return Names(session, record, definition, f"{instance_path}/").value(name)


def _ended_by(record: ProcedureRun) -> str:
    """What ended a step: a person's command to the whole batch, else the flow itself."""
    if record.state in (RunState.STOPPED, RunState.ABORTED):
        return f"the batch was {record.state}"
    return "an event of the recipe ended this step"


def _name_of(definition: Procedure, element: str) -> str:
    for level in definition.levels:
        for node in level.nodes:
            if node.id == element:
                return node.name or element
    return element
