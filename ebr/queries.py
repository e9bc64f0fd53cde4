"""Reads of the record: runs, steps, current values, exceptions, bindings."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ebr.errors import NoSuchRun, NoSuchStep
from ebr.models import (
    Attachment,
    Binding,
    ExceptionCase,
    ExceptionState,
    ParameterValue,
    ProcedureRun,
    Remark,
    RunState,
    StepEquipment,
    StepMaterial,
    StepRecord,
    StepSignature,
    StepState,
)

OPEN_STEPS = (StepState.READY, StepState.STARTED, StepState.PERFORMED, StepState.HELD)


def run_of(session: Session, record: str) -> ProcedureRun:
    """The run of a record, by number (``B-2045``) or stream (``batch/B-2045``)."""
    number = record.rpartition("/")[2]
    # Asked for many times in one act: the row that this session holds is the same one anyway.
    known: dict[str, ProcedureRun] = session.info.setdefault("runs", {})
    if number in known and known[number] in session:
        return known[number]
    run = session.scalars(select(ProcedureRun).where(ProcedureRun.number == number)).one_or_none()
    if run is None:
        raise NoSuchRun(f"there is no record {number}", resolver="look at the batch register")
    known[number] = run
    return run


def run_by_id(session: Session, run_id: UUID) -> ProcedureRun:
    """The run of a row that points to it."""
    return session.get_one(ProcedureRun, run_id)


def step_of(session: Session, run: ProcedureRun, path: str, *, lock: bool = False) -> StepRecord:
    """A step of the run by its path; with `lock`, no other writer can act on it meanwhile."""
    query = select(StepRecord).where(StepRecord.run_id == run.id, StepRecord.path == path)
    if lock:
        query = query.with_for_update(of=StepRecord)
    step = session.scalars(query).one_or_none()
    if step is None:
        raise NoSuchStep(
            f"{run.number} has not reached a step {path}", resolver="the steps before it"
        )
    return step


def runs(session: Session, *, states: Sequence[RunState] = ()) -> list[ProcedureRun]:
    """All runs, or those in the given states, newest number last."""
    query = select(ProcedureRun).order_by(ProcedureRun.number)
    if states:
        query = query.where(ProcedureRun.state.in_(states))
    return list(session.scalars(query))


def steps(session: Session, run: ProcedureRun) -> list[StepRecord]:
    """All steps that the flow has reached so far, in the order they became ready."""
    return list(
        session.scalars(
            select(StepRecord).where(StepRecord.run_id == run.id).order_by(StepRecord.ordinal)
        )
    )


def open_steps(session: Session, run: ProcedureRun | None = None) -> list[StepRecord]:
    """Steps that wait for somebody, of one run or of all that run."""
    query = (
        select(StepRecord)
        .join(ProcedureRun, StepRecord.run_id == ProcedureRun.id)
        .where(StepRecord.state.in_(OPEN_STEPS))
        .order_by(StepRecord.ready_at, StepRecord.ordinal)
    )
    if run is not None:
        query = query.where(StepRecord.run_id == run.id)
    return list(session.scalars(query))


def steps_of_key(session: Session, run: ProcedureRun, key: str) -> list[StepRecord]:
    """All occurrences of a step of the recipe, oldest first."""
    return list(
        session.scalars(
            select(StepRecord)
            .where(StepRecord.run_id == run.id, StepRecord.key == key)
            .order_by(StepRecord.occurrence)
        )
    )


def all_values(session: Session, step: StepRecord) -> list[ParameterValue]:
    """Every value ever recorded at a step, superseded ones included, oldest first."""
    return list(
        session.scalars(
            select(ParameterValue)
            .where(ParameterValue.step_id == step.id)
            .order_by(ParameterValue.code, ParameterValue.position, ParameterValue.revision)
        )
    )


def current_values(session: Session, step: StepRecord) -> dict[str, list[ParameterValue]]:
    """The values in force, by code, in order of position."""
    return in_force(all_values(session, step))


def in_force(values: Sequence[ParameterValue]) -> dict[str, list[ParameterValue]]:
    """Of values in order of revision, the last of each code and position."""
    latest: dict[tuple[str, int], ParameterValue] = {}
    for value in values:
        latest[(value.code, value.position)] = value
    found: dict[str, list[ParameterValue]] = {}
    for (code, _), value in sorted(latest.items(), key=lambda item: item[0]):
        found.setdefault(code, []).append(value)
    return found


def signatures(session: Session, step: StepRecord) -> list[StepSignature]:
    """All signatures of a step, superseded revisions included, in order."""
    return list(
        session.scalars(
            select(StepSignature).where(StepSignature.step_id == step.id).order_by(StepSignature.id)
        )
    )


def exceptions(
    session: Session, run: ProcedureRun, *, step: StepRecord | None = None
) -> list[ExceptionCase]:
    """Exceptions of a run (or of one of its steps), in the order they were raised."""
    query = select(ExceptionCase).where(ExceptionCase.run_id == run.id)
    if step is not None:
        query = query.where(ExceptionCase.step_id == step.id)
    return list(session.scalars(query.order_by(ExceptionCase.number)))


def exception_of(session: Session, run: ProcedureRun, number: int) -> ExceptionCase:
    """One exception of a run by its number within the record."""
    case = session.scalars(
        select(ExceptionCase).where(ExceptionCase.run_id == run.id, ExceptionCase.number == number)
    ).one_or_none()
    if case is None:
        raise NoSuchStep(f"{run.number} has no exception {number}", resolver="the record's list")
    return case


def undecided(session: Session, run: ProcedureRun) -> list[ExceptionCase]:
    """Exceptions that still need a decision."""
    return [case for case in exceptions(session, run) if case.state == ExceptionState.OPEN]


def bound_unit(session: Session, run: ProcedureRun, requirement: str) -> str | None:
    """The unit bound to a requirement now, or None."""
    return session.scalars(
        select(Binding.equipment)
        .where(Binding.run_id == run.id, Binding.requirement == requirement)
        .order_by(Binding.ordinal.desc())
        .limit(1)
    ).one_or_none()


def times_bound(session: Session, run: ProcedureRun, requirement: str) -> int:
    """How often a requirement was bound so far."""
    count = session.scalar(
        select(func.count()).where(Binding.run_id == run.id, Binding.requirement == requirement)
    )
    return count or 0


def bindings(session: Session, run: ProcedureRun) -> dict[str, str]:
    """All bound units by requirement."""
    rows = session.scalars(
        select(Binding).where(Binding.run_id == run.id).order_by(Binding.ordinal)
    )
    return {row.requirement: row.equipment for row in rows}


def materials(session: Session, run: ProcedureRun) -> list[tuple[StepRecord, StepMaterial]]:
    """All material uses of a run with their steps, in order."""
    rows = session.execute(
        select(StepRecord, StepMaterial)
        .join(StepMaterial, StepMaterial.step_id == StepRecord.id)
        .where(StepRecord.run_id == run.id)
        .order_by(StepRecord.ordinal, StepMaterial.id)
    )
    return [(step, use) for step, use in rows]


def equipment_uses(session: Session, run: ProcedureRun) -> list[tuple[StepRecord, StepEquipment]]:
    """All equipment uses of a run with their steps, in order."""
    rows = session.execute(
        select(StepRecord, StepEquipment)
        .join(StepEquipment, StepEquipment.step_id == StepRecord.id)
        .where(StepRecord.run_id == run.id)
        .order_by(StepRecord.ordinal, StepEquipment.id)
    )
    return [(step, use) for step, use in rows]


def attachments(session: Session, run: ProcedureRun) -> list[Attachment]:
    """All attachments of a run, without their bytes until these are asked for."""
    return list(
        session.scalars(
            select(Attachment).where(Attachment.run_id == run.id).order_by(Attachment.id)
        )
    )


def remarks(session: Session, run: ProcedureRun) -> list[Remark]:
    """All comments of a run, oldest first."""
    return list(session.scalars(select(Remark).where(Remark.run_id == run.id).order_by(Remark.id)))


def next_ordinal(session: Session, run_id: UUID) -> int:
    """The place of the next step in the order of the record."""
    last = session.scalar(
        select(func.coalesce(func.max(StepRecord.ordinal), 0)).where(StepRecord.run_id == run_id)
    )
    return (last or 0) + 1
