"""Reactions of inventory to facts, in the same transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core.actors import Actor
from ebr import queries as records
from ebr.events import RunEnded, StepCompleted
from ebr.models import ParameterValue, RunState
from hardware import equipment_commands
from hardware import queries as plant
from inventory import queries
from inventory.commands import replenishment, stock
from inventory.models import LotStatus
from workflows import queries as definitions
from workflows.durations import duration
from workflows.step import Step
from workflows.words import StepKind


def on_step_completed(session: Session, completed: StepCompleted) -> None:
    """After reconciliation the stock is looked at; after a daily check the scales are usable."""
    if completed.kind == StepKind.RECONCILE:
        check_stock(session, completed)
    elif completed.kind == StepKind.ENTRY:
        take_over_scale_check(session, completed)


def check_stock(session: Session, completed: StepCompleted) -> None:
    """Open a task for each material of the batch that is below its minimum now (URS-MAT-070)."""
    run = records.run_of(session, completed.record)
    found = queries.containers_of_batch(session, run.number)
    by = Actor.service("inventory", trigger=f"{completed.key} of {run.number} completed")
    spec = definitions.load(session, run.file_digest).step(completed.key)
    settled = {use.code for use in spec.materials}
    for code in sorted({each.material for each in found if each.source} | settled):
        replenishment.check_minimum(
            session,
            code,
            in_record=completed.record,
            step=completed.path,
            by=by,
            at=completed.at,
        )


def take_over_scale_check(session: Session, completed: StepCompleted) -> None:
    """An entry step that names scales and how long it is valid is their daily check (URS-EQP-040).

    A scale passes when every value read from it lies inside its limits; else it cannot be used.
    """
    run = records.run_of(session, completed.record)
    spec = definitions.load(session, run.file_digest).step(completed.key)
    if spec.timing is None or spec.timing.valid_for is None:
        return
    valid_until = completed.at + duration(spec.timing.valid_for)
    step = records.step_of(session, run, completed.path)
    values = records.current_values(session, step)
    for use in spec.equipment:
        number = records.bound_unit(session, run, use.requirement)
        if number is None or not plant.equipment(session, number).check_required:
            continue
        passed = _passed(spec, use.requirement, values)
        _record(session, number, passed, valid_until, completed)


def _passed(spec: Step, requirement: str, values: dict[str, list[ParameterValue]]) -> bool:
    own = [
        parameter.code
        for parameter in spec.parameters
        if (parameter.source or "").startswith(f"{requirement}.")
    ]
    found = [value for code in own for value in values.get(code, [])]
    return bool(found) and all(value.verdict == "in" for value in found)


def _record(
    session: Session, number: str, passed: bool, until: datetime, completed: StepCompleted
) -> None:
    equipment_commands.record_check(
        session, number, passed=passed, valid_until=until, by=completed.by, at=completed.at
    )


def decide_batch_lot(
    session: Session, batch: str, *, released: bool, reason: str, by: Actor, at: datetime
) -> None:
    """The quality unit has decided about a batch: the lots it made follow in the same transaction
    (URS-REL-060). `app` calls it for the events of quality."""
    status = LotStatus.RELEASED if released else LotStatus.REJECTED
    for lot in queries.lots_of_batch(session, batch):
        if lot.status != status:
            stock.set_status(session, lot.number, status, reason=reason, by=by, at=at)


def reassess_batch_lot(
    session: Session, batch: str, *, reason: str, by: Actor, at: datetime
) -> None:
    """A decision was taken back: the lots that the batch made stand in quarantine again."""
    for lot in queries.lots_of_batch(session, batch):
        if lot.status in (LotStatus.RELEASED, LotStatus.REJECTED):
            stock.set_status(session, lot.number, LotStatus.QUARANTINE, reason=reason, by=by, at=at)


def block_lots_of_ended_batch(session: Session, ended: RunEnded) -> None:
    """A batch was stopped or aborted: what it made and was usable is not, until the quality unit
    has decided about the batch (URS-REL-060)."""
    if ended.state not in (RunState.STOPPED, RunState.ABORTED):
        return
    reason = f"{ended.number} was {ended.state}"
    for lot in queries.lots_of_batch(session, ended.number):
        if lot.status == LotStatus.RELEASED:
            stock.set_status(
                session, lot.number, LotStatus.BLOCKED, reason=reason, by=ended.by, at=ended.at
            )
