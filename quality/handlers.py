"""Reactions of quality to facts of the record, in the same transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Actor
from core.events import publish
from ebr import queries as records
from ebr.events import ExceptionRaised, ValueCorrected
from ebr.opening import context_of
from quality import queries
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from quality.commands.disposing import decide_again
from quality.events import BatchUnderReassessment
from quality.models import DecisionVoided, Review
from workflows.words import Severity


def open_deviation_on_critical(session: Session, raised: ExceptionRaised) -> None:
    """A critical exception opens its deviation, exactly one (URS-DEV-020)."""
    if raised.severity != Severity.CRITICAL:
        return
    if queries.deviation_of_exception(session, raised.record, raised.number) is not None:
        return
    new = NewDeviation(
        title=raised.text,
        severity=raised.severity,
        record=raised.record,
        exception=raised.number,
    )
    deviations.open_by_system(session, new, by=raised.by, at=raised.at)


def note_new_exception(session: Session, raised: ExceptionRaised) -> None:
    """An exception makes reviews stale that did not see it, and voids a decision."""
    because = f"exception {raised.number} was raised: {raised.text}"
    make_stale(session, raised.record, because)
    void_decision(session, raised.record, because, by=raised.by, at=raised.at)


def note_correction(session: Session, corrected: ValueCorrected) -> None:
    """A correction makes reviews stale that saw the old value, and voids a decision."""
    because = f"{corrected.code} was corrected at {corrected.path.rpartition('/')[2]}"
    make_stale(session, corrected.record, because)
    void_decision(session, corrected.record, because, by=corrected.by, at=corrected.at)


def follow_corrected_disposition(session: Session, corrected: ValueCorrected) -> None:
    """The decision about material in process was corrected: the new one supersedes."""
    if queries.last_disposition(session, corrected.record, corrected.path) is None:
        return
    run = records.run_of(session, corrected.record)
    step = records.step_of(session, run, corrected.path)
    decide_again(context_of(session, run, step, by=corrected.by, at=corrected.at))


def make_stale(session: Session, record: str, because: str) -> None:
    """Mark the signed reviews of a record as stale; the first reason stays."""
    signed = session.scalars(
        select(Review).where(
            Review.record == record,
            Review.finished_at.is_not(None),
            Review.stale_because.is_(None),
        )
    )
    for review in signed:
        review.stale_because = because
    session.flush()


def void_decision(session: Session, record: str, because: str, *, by: Actor, at: datetime) -> None:
    """A decision about the batch counts no longer; it is under reassessment (URS-REL-060)."""
    standing = queries.standing_decision(session, record)
    if standing is None:
        return
    session.add(DecisionVoided(decision_id=standing.id, because=because, at=at, by=by.id))
    session.flush()
    publish(
        session,
        BatchUnderReassessment(
            record=record, number=record.rpartition("/")[2], because=because, by=by, at=at
        ),
    )
