"""What a decision in one pillar means in another: handlers that only composition may hold.

They run in the transaction of the decision, so that batch and lots never disagree (URS-REL-060).
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from ebr import holds, queries
from ebr.models import RunState
from engine import commands as engine
from hardware.events import CounterOverLimit
from inventory import handlers as inventory
from maintenance.events import CalibrationFailed, UnitCleaned
from production import commands as production
from production.models import Disposition
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from quality.events import BatchRejected, BatchReleased, BatchUnderReassessment
from workflows.words import Severity

COUNTER_EVENT = "tool_counter_over_limit"
"""The name under which recipes wait for a usage counter that passed its limit."""
WATCHER = Actor.service("watcher", trigger="usage counter")


def batch_was_released(session: Session, released: BatchReleased) -> None:
    """The batch carries the quality unit's release."""
    packed = released.packed
    outcome = Disposition.RELEASED if packed else Disposition.RELEASED_FOR_PACKAGING
    _take_over(session, released, outcome, released.reason)
    inventory.decide_batch_lot(
        session,
        released.number,
        released=True,
        reason=released.reason,
        by=released.by,
        at=released.at,
    )


def batch_was_rejected(session: Session, rejected: BatchRejected) -> None:
    """The batch carries the quality unit's rejection."""
    _take_over(session, rejected, Disposition.REJECTED, rejected.reason)
    inventory.decide_batch_lot(
        session,
        rejected.number,
        released=False,
        reason=rejected.reason,
        by=rejected.by,
        at=rejected.at,
    )


def batch_is_reassessed(session: Session, voided: BatchUnderReassessment) -> None:
    """The decision counts no longer: the batch is as undecided as before it."""
    _take_over(session, voided, Disposition.NONE, voided.because)
    inventory.reassess_batch_lot(
        session, voided.number, reason=voided.because, by=voided.by, at=voided.at
    )


def _take_over(
    session: Session,
    fact: BatchReleased | BatchRejected | BatchUnderReassessment,
    disposition: Disposition,
    reason: str,
) -> None:
    production.take_over_decision(session, fact.number, disposition, reason, by=fact.by, at=fact.at)


def open_deviation_on_failed_calibration(session: Session, failed: CalibrationFailed) -> None:
    """An instrument found wrong opens a deviation that names what it was used for (URS-EQP-040)."""
    records = ", ".join(name.rpartition("/")[2] for name in failed.records) or "no record"
    since = f"{failed.last_good_before:%F}" if failed.last_good_before else "ever"
    new = NewDeviation(
        title=f"{failed.equipment} failed as found; last good {since}; used in {records}",
        severity=Severity.MAJOR.value,
        equipment=failed.equipment,
    )
    deviations.open_by_system(session, new, by=failed.by, at=failed.at)


def end_dirty_holds(session: Session, cleaned: UnitCleaned) -> None:
    """A cleaned unit is not dirty any longer: the hold time that a batch started for it ends."""
    holds.end_of_unit(session, cleaned.equipment, by=cleaned.by, at=cleaned.at)


def tell_recipe_of_counter(session: Session, passed: CounterOverLimit) -> None:
    """Procedures that use the unit may wait for this event at a step; others are not touched."""
    for run in queries.runs(session, states=(RunState.RUNNING,)):
        if passed.equipment not in queries.bindings(session, run).values():
            continue
        stream = Stream.parse(run.stream)
        with trail.act(
            session,
            "event.told",
            stream=stream,
            by=WATCHER,
            object=COUNTER_EVENT,
            facts={"equipment": passed.equipment, "tag": passed.tag, "value": str(passed.value)},
        ):
            engine.raise_event(session, stream, COUNTER_EVENT, by=WATCHER, at=passed.at)
