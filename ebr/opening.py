"""Opening a step: the record row, its specification of the pinned version, the actor."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from core.actors import Actor
from ebr import definitions as known
from ebr import queries
from ebr.context import StepContext
from ebr.models import ProcedureRun, StepRecord
from workflows import queries as definitions


def open_step(
    session: Session, record: str, path: str, *, by: Actor, at: datetime, lock: bool = True
) -> StepContext:
    """A step with everything that belongs to it; locked against other writers.

    Raises NoSuchRun, NoSuchStep, and the refusal of a tampered definition (URS-MRC-070).
    """
    run = queries.run_of(session, record)
    return context_of(session, run, queries.step_of(session, run, path, lock=lock), by=by, at=at)


def context_of(
    session: Session, run: ProcedureRun, step: StepRecord, *, by: Actor, at: datetime
) -> StepContext:
    """The context of a step that was already read."""
    procedure = definitions.load(session, run.file_digest)
    spec = known.of(run.file_digest, procedure).step(step.key)
    return StepContext(session, run, step, spec, procedure, by, at)
