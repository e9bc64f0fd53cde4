"""Which devices a running step waits for: their values are recorded at each step of the clock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from ebr import definitions, queries
from ebr.models import ProcedureRun, RunState, StepRecord, StepState
from engine import queries as flow
from hardware import queries as plant
from workflows import queries as files
from workflows.step import Step
from workflows.words import StepKind

# Asked at each step of the clock: worked out once, without objects.
_STEP, _RUN = cast(Table, StepRecord.__table__), cast(Table, ProcedureRun.__table__)
_WAITING = (
    select(_STEP.c.id)
    .join(_RUN, _STEP.c.run_id == _RUN.c.id)
    .where(
        _STEP.c.kind == StepKind.WAIT.value,
        _STEP.c.state == StepState.STARTED.value,
        _RUN.c.state == RunState.RUNNING.value,
    )
    .order_by(_STEP.c.id)
)


def waiting_steps(session: Session) -> tuple[UUID, ...]:
    """The steps of running batches that wait for the process now."""
    return tuple(session.execute(_WAITING).scalars())


def devices_of(session: Session, steps: Iterable[UUID]) -> frozenset[str]:
    """The devices of every unit that these steps, or the conditions at their boundaries, name.

    All tags of a unit are kept together: a trend without the state of its machine says little.
    """
    devices: set[str] = set()
    for step in session.scalars(select(StepRecord).where(StepRecord.id.in_(list(steps)))):
        for unit in _units(session, step):
            devices.update(tag.device for tag in plant.tags(session, unit=unit))
    return frozenset(devices)


def _units(session: Session, step: StepRecord) -> set[str]:
    """The bound units that a step's values, set points, phase and conditions belong to."""
    run = step.run
    procedure = files.load(session, run.file_digest)
    definition = definitions.of(run.file_digest, procedure)
    spec = definition.step(step.key)
    names = set(_tags(spec))
    for text in [*_conditions(spec), *_watched(session, step)]:
        names |= set(definition.condition(text).names)
    known = {need.key for need in procedure.header.equipment}
    needed = {name.partition(".")[0] for name in names} & known
    bound = (queries.bound_unit(session, run, requirement) for requirement in sorted(needed))
    return {unit for unit in bound if unit is not None}


def _tags(spec: Step) -> list[str]:
    named = [parameter.source for parameter in spec.parameters if parameter.source is not None]
    named += [point.tag for point in spec.set_points]
    named += [guard.tag for guard in spec.guards]
    if spec.phase_command is not None:
        named += [spec.phase_command.tag, spec.phase_command.state]
    return named


def _conditions(spec: Step) -> list[str]:
    return [condition.expression for condition in spec.wait_for.conditions] if spec.wait_for else []


def _watched(session: Session, step: StepRecord) -> list[str]:
    """Conditions at boundaries of the run: of this step, or of a level around it."""
    return [each.condition.expression for each in flow.watched(session, step.run.stream)]
