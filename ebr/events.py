"""Facts of the record in the past tense; handlers run in the same transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The first steps of a run are open."""

    record: str
    number: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """A run is complete, stopped or aborted (`state`)."""

    record: str
    number: str
    state: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted:
    """A step is complete with all its signatures; the flow has moved on."""

    record: str
    path: str
    key: str
    kind: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRaised:
    """The system opened an exception."""

    record: str
    number: int
    type: str
    severity: str
    step: str | None
    text: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCorrected:
    """A recorded value was superseded; reviews made before it are stale."""

    record: str
    path: str
    code: str
    by: Actor
    at: datetime
