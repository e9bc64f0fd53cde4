"""What ending a batch before its end means for people, time, equipment and material (W5).

Shown before the supervisor signs, and part of what is signed. `ebr` knows steps, times and
equipment; whoever knows more registers a function in the house's service ``run_consequences``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import show
from core.house import moment
from ebr import queries
from ebr.models import HoldTime, ProcedureRun, StepState
from hardware import queries as plant
from hardware.models import Equipment
from hardware.words import Cleaning

SERVICE = "run_consequences"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """One thing that the end concerns: its area, what it is, and what becomes of it.

    `area` is steps, times, equipment, material or lots.
    """

    area: str
    what: str
    then: str


Tells = Callable[[Session, ProcedureRun], list[Consequence]]


def of(session: Session, run: ProcedureRun) -> list[Consequence]:
    """Everything that ending this run now would concern, by area; a pure read."""
    registered: Sequence[Tells] = session.info["services"].get(SERVICE, ())
    own = [*_steps(session, run), *_times(session, run), *_equipment(session, run)]
    return own + [each for tell in registered for each in tell(session, run)]


def open_times(session: Session, run: ProcedureRun) -> list[HoldTime]:
    """Hold times of material that still run. Those of a unit go on until it is cleaned."""
    return list(
        session.scalars(
            select(HoldTime)
            .where(
                HoldTime.run_id == run.id,
                HoldTime.ended_at.is_(None),
                HoldTime.equipment.is_(None),
            )
            .order_by(HoldTime.started_at, HoldTime.name)
        )
    )


def _steps(session: Session, run: ProcedureRun) -> Iterator[Consequence]:
    for step in queries.open_steps(session, run):
        recorded = step.state in (StepState.PERFORMED, StepState.HELD)
        yield Consequence(
            area="steps",
            what=f"{step.key} is {step.state}",
            then="is cancelled; what was recorded stays" if recorded else "is cancelled",
        )


def _times(session: Session, run: ProcedureRun) -> Iterator[Consequence]:
    zone = moment(session).zone
    for hold in open_times(session, run):
        until = f" until {show(hold.due_at, zone)}" if hold.due_at else ""
        yield Consequence(
            area="times",
            what=f"hold time {hold.name.replace('_', ' ')} runs{until}",
            then="ends with the batch",
        )


def _equipment(session: Session, run: ProcedureRun) -> Iterator[Consequence]:
    for unit in plant.equipment_list(session):
        if unit.allocated_to == run.number:
            yield Consequence(area="equipment", what=_bound(unit), then=_then(unit))


def _bound(unit: Equipment) -> str:
    return f"{unit.number} {unit.name}"


def _then(unit: Equipment) -> str:
    if unit.cleaning == Cleaning.NOT_APPLICABLE:
        return "becomes free"
    return "becomes free, to be cleaned"
