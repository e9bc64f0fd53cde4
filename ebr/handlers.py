"""Reactions of the record to facts, in the same transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ebr import queries
from ebr.commands import runs
from ebr.events import ExceptionRaised
from workflows.words import Severity


def hold_on_critical(session: Session, raised: ExceptionRaised) -> None:
    """A critical exception holds the batch until the quality unit has decided (URS-DEV-020)."""
    if raised.severity != Severity.CRITICAL:
        return
    run = queries.run_of(session, raised.record)
    runs.hold(session, run, reason=raised.text, by=raised.by, at=raised.at)
