"""What a decision in one pillar means in another: handlers that only composition may hold.

They run in the transaction of the decision, so that batch and lots never disagree (URS-REL-060).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from production import commands as production
from production.models import Disposition
from quality.events import BatchRejected, BatchReleased, BatchUnderReassessment


def batch_was_released(session: Session, released: BatchReleased) -> None:
    """The batch carries the quality unit's release."""
    _take_over(session, released, Disposition.RELEASED_FOR_PACKAGING, released.reason)


def batch_was_rejected(session: Session, rejected: BatchRejected) -> None:
    """The batch carries the quality unit's rejection."""
    _take_over(session, rejected, Disposition.REJECTED, rejected.reason)


def batch_is_reassessed(session: Session, voided: BatchUnderReassessment) -> None:
    """The decision counts no longer: the batch is as undecided as before it."""
    _take_over(session, voided, Disposition.NONE, voided.because)


def _take_over(
    session: Session,
    fact: BatchReleased | BatchRejected | BatchUnderReassessment,
    disposition: Disposition,
    reason: str,
) -> None:
    production.take_over_decision(session, fact.number, disposition, reason, by=fact.by, at=fact.at)
