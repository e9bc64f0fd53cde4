"""Reads of the record: runs, steps, current values, exceptions, bindings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import BindParameter, Row, bindparam, func, or_, select
from sqlalchemy.orm import Session, lazyload
from sqlalchemy.orm.attributes import set_committed_value

from core.db import site_of
from ebr.errors import FileTampered, NoSuchRun, NoSuchStep
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

# Asked in every act on a step, so built once: building costs as much as asking. They name the site
# because the keys of the tables begin with it: without it the database would read them whole.
_SITE: BindParameter[int] = bindparam("site")
_RUN = select(ProcedureRun).where(
    ProcedureRun.site_id == _SITE, ProcedureRun.number == bindparam("number")
)
_STEP = (
    select(StepRecord)
    .where(
        StepRecord.site_id == _SITE,
        StepRecord.run_id == bindparam("run"),
        StepRecord.path == bindparam("path"),
    )
    .options(lazyload(StepRecord.run))
)
_LOCK_STEP = _STEP.with_for_update(of=StepRecord)
_VALUES = (
    select(ParameterValue)
    .where(ParameterValue.step_id == bindparam("step"))
    .order_by(ParameterValue.code, ParameterValue.position, ParameterValue.revision)
)
_SIGNATURES = (
    select(StepSignature)
    .where(StepSignature.step_id == bindparam("step"))
    .order_by(StepSignature.id)
)
_EXCEPTIONS = (
    select(ExceptionCase)
    .where(ExceptionCase.site_id == _SITE, ExceptionCase.run_id == bindparam("run"))
    .order_by(ExceptionCase.number)
)
_EXCEPTIONS_OF_STEP = _EXCEPTIONS.where(ExceptionCase.step_id == bindparam("step"))
_CASES = (
    select(
        ExceptionCase.number,
        ExceptionCase.type,
        ExceptionCase.severity,
        ExceptionCase.text,
    )
    .where(
        ExceptionCase.site_id == _SITE,
        ExceptionCase.run_id == bindparam("run"),
        ExceptionCase.step_id == bindparam("step"),
    )
    .order_by(ExceptionCase.number)
)
_BLOCKING = (
    select(ExceptionCase.id)
    .where(
        ExceptionCase.site_id == _SITE,
        ExceptionCase.run_id == bindparam("run"),
        ExceptionCase.released.is_(False),
        or_(ExceptionCase.step_id.is_(None), ExceptionCase.step_id == bindparam("step")),
    )
    .limit(1)
)
_UNIT = (
    select(Binding.equipment)
    .where(
        Binding.site_id == _SITE,
        Binding.run_id == bindparam("run"),
        Binding.requirement == bindparam("requirement"),
    )
    .order_by(Binding.ordinal.desc())
    .limit(1)
)
_PLACES = select(
    select(func.count())
    .where(StepRecord.run_id == bindparam("run"), StepRecord.key == bindparam("key"))
    .scalar_subquery(),
    select(func.coalesce(func.max(StepRecord.ordinal), 0))
    .where(StepRecord.run_id == bindparam("run"))
    .scalar_subquery(),
)
OPEN_STEPS = (StepState.READY, StepState.STARTED, StepState.PERFORMED, StepState.HELD)


def run_of(session: Session, record: str) -> ProcedureRun:
    """The run of a record, by number (``B-2045``) or stream (``batch/B-2045``)."""
    number = record.rpartition("/")[2]
    # Asked for many times in one act: the row that this session holds is the same one anyway.
    known: dict[str, ProcedureRun] = session.info.setdefault("runs", {})
    if number in known and known[number] in session:
        return known[number]
    asked = {"site": site_of(session), "number": number}
    run = session.scalars(_RUN, asked).one_or_none()
    if run is None:
        raise NoSuchRun(f"there is no record {number}", resolver="look at the batch register")
    known[number] = run
    return run


def run_by_id(session: Session, run_id: UUID) -> ProcedureRun:
    """The run of a row that points to it."""
    return session.get_one(ProcedureRun, run_id)


def step_of(session: Session, run: ProcedureRun, path: str, *, lock: bool = False) -> StepRecord:
    """A step of the run by its path; with `lock`, no other writer can act on it meanwhile."""
    # Like the run: asked for again by gates and handlers of the same act.
    known: dict[tuple[UUID, str], tuple[StepRecord, bool]]
    known = session.info.setdefault("steps", {})
    held, locked = known.get((run.id, path), (None, False))
    if held is not None and held in session and (locked or not lock):
        return held
    asked = {"site": run.site_id, "run": run.id, "path": path}
    step = session.scalars(_LOCK_STEP if lock else _STEP, asked).one_or_none()
    if step is None:
        raise NoSuchStep(
            f"{run.number} has not reached a step {path}", resolver="the steps before it"
        )
    set_committed_value(step, "run", run)
    known[run.id, path] = (step, lock)
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
    return list(session.scalars(_VALUES, {"step": step.id}))


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
    return list(session.scalars(_SIGNATURES, {"step": step.id}))


def exceptions(
    session: Session, run: ProcedureRun, *, step: StepRecord | None = None
) -> list[ExceptionCase]:
    """Exceptions of a run (or of one of its steps), in the order they were raised."""
    if step is None:
        return list(session.scalars(_EXCEPTIONS, {"site": run.site_id, "run": run.id}))
    asked = {"site": run.site_id, "run": run.id, "step": step.id}
    return list(session.scalars(_EXCEPTIONS_OF_STEP, asked))


def cases_of(session: Session, step: StepRecord) -> Sequence[Row[int, str, str, str]]:
    """Number, type, severity and text of a step's exceptions, in order of number."""
    asked = {"site": step.site_id, "run": step.run_id, "step": step.id}
    return session.execute(_CASES, asked).all()


def is_blocked(session: Session, run: ProcedureRun, step: StepRecord) -> bool:
    """Whether an exception of this step, or one of the run as a whole, is not released yet."""
    asked = {"site": run.site_id, "run": run.id, "step": step.id}
    return session.scalars(_BLOCKING, asked).first() is not None


def exception_of(session: Session, run: ProcedureRun, number: int) -> ExceptionCase:
    """One exception of a run by its number within the record."""
    case = session.scalars(
        select(ExceptionCase).where(
            ExceptionCase.site_id == run.site_id,
            ExceptionCase.run_id == run.id,
            ExceptionCase.number == number,
        )
    ).one_or_none()
    if case is None:
        raise NoSuchStep(f"{run.number} has no exception {number}", resolver="the record's list")
    return case


def undecided(session: Session, run: ProcedureRun) -> list[ExceptionCase]:
    """Exceptions that still need a decision."""
    return [case for case in exceptions(session, run) if case.state == ExceptionState.OPEN]


def bound_unit(session: Session, run: ProcedureRun, requirement: str) -> str | None:
    """The unit bound to a requirement now, or None."""
    asked = {"site": run.site_id, "run": run.id, "requirement": requirement}
    return session.scalars(_UNIT, asked).one_or_none()


def times_bound(session: Session, run: ProcedureRun, requirement: str) -> int:
    """How often a requirement was bound so far."""
    count = session.scalar(
        select(func.count()).where(
            Binding.site_id == run.site_id,
            Binding.run_id == run.id,
            Binding.requirement == requirement,
        )
    )
    return count or 0


def bindings(session: Session, run: ProcedureRun) -> dict[str, str]:
    """All bound units by requirement."""
    rows = session.scalars(
        select(Binding)
        .where(Binding.site_id == run.site_id, Binding.run_id == run.id)
        .order_by(Binding.ordinal)
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


def stored_file(attachment: Attachment) -> bytes:
    """The bytes of an attachment, which still have the digest of the trail; else FileTampered."""
    data = bytes(attachment.data)
    if hashlib.sha256(data).hexdigest() != attachment.digest:
        raise FileTampered(
            f"{attachment.name} is not the file that was attached to the record",
            resolver="quality unit and administrator, with an incident",
        )
    return data


def remarks(session: Session, run: ProcedureRun) -> list[Remark]:
    """All comments of a run, oldest first."""
    return list(session.scalars(select(Remark).where(Remark.run_id == run.id).order_by(Remark.id)))


def next_places(session: Session, run_id: UUID, key: str) -> tuple[int, int]:
    """Of a step that opens now: the number of its occurrence, its place in the record."""
    occurrences, last = session.execute(_PLACES, {"run": run_id, "key": key}).one()
    return occurrences + 1, last + 1
