"""Conditions that quality puts to the gates of the house."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import show
from core.house import moment
from ebr import queries as records
from ebr.gates import Condition, Gates
from ebr.models import ProcedureRun, RunState, StepRecord, StepState
from personnel import queries as people
from personnel.errors import NotIndependent
from quality import evidence, queries, rules
from quality.models import RoomClearance
from quality.rules import met, unmet
from workflows import queries as definitions
from workflows.words import StepKind

ENDED = (RunState.COMPLETE, RunState.STOPPED, RunState.ABORTED)


def register(gates: Gates) -> None:
    """Add the checks of quality under the names that `app.wiring` expects."""
    gates.register("release", "record", of_record)
    gates.register("release", "independence", independent)
    gates.register("batch.start", "rooms", rooms_free)
    gates.register("step.start", "clearance", room_cleared)


def of_record(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """Everything that the record itself must show before a release (URS-REL-030)."""
    run = records.run_of(session, facts["record"])
    return rules.conditions(evidence.of_record(session, run))


def independent(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """Whoever decides took no part in production (URS-REL-040); not known is not met."""
    rule = "release.independence"
    badge = facts.get("by")
    if badge is None:
        return [unmet(rule, "it is not known who decides", rules.QUALITY_UNIT)]
    run = records.run_of(session, facts["record"])
    involved = evidence.people_who_took_part(session, run)
    try:
        people.require_independent(session, badge, involved)
    except NotIndependent as refusal:
        return [unmet(rule, refusal.fact, "another person of the quality unit")]
    return [met(rule, f"the reviewer is none of the {len(involved)} people who took part")]


def rooms_free(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """The first room that the recipe clears is not occupied by another batch."""
    run = records.run_of(session, facts["record"])
    procedure = definitions.load(session, run.file_digest)
    room = next((s.room for s in procedure.steps() if s.kind is StepKind.CLEARANCE), None)
    if room is None:
        return []
    other = _occupied_by(session, run, room)
    if other is None:
        return [met("room.free", f"room {room} is free")]
    until = show(other.valid_until, moment(session).zone)
    return [
        unmet(
            "room.free",
            f"room {room} is cleared for {other.record.rpartition('/')[2]} until {until}",
            "shift supervisor",
        )
    ]


def _occupied_by(session: Session, run: ProcedureRun, room: str) -> RoomClearance | None:
    last = queries.last_clearance(session, room)
    if last is None or last.record == run.stream:
        return None
    if not rules.is_valid(last.valid_until, moment(session).site):
        return None
    ended = records.run_of(session, last.record).state in ENDED
    return None if ended or _has_left(session, last) else last


def _has_left(session: Session, cleared: RoomClearance) -> bool:
    """Whether the record that a room was cleared for has no step open in it and stands in another
    room by now."""
    run = records.run_of(session, cleared.record)
    rooms = {step.room for step in records.open_steps(session, run)}
    return cleared.room not in rooms and bool(rooms - {None})


def room_cleared(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """A step in a room that this batch had to clear needs a clearance that is still valid.

    Before the clearance is reached (staging, say) and for steps without room nothing is asked.
    """
    run = records.run_of(session, facts["record"])
    step = records.step_of(session, run, facts["step"])
    if step.room is None or step.kind == StepKind.CLEARANCE.value:
        return []
    if not _reached(session, run, step.room):
        return []
    return [clearance_condition(session, run, step.room)]


def clearance_condition(session: Session, run: ProcedureRun, room: str) -> Condition:
    """Whether the room has a valid clearance for the record now, with its time."""
    found = queries.clearance(session, room, run.stream)
    now = moment(session)
    if found is None:
        return unmet("clearance.missing", f"room {room} is not cleared", "operators of the room")
    until = show(found.valid_until, now.zone)
    if not rules.is_valid(found.valid_until, now.site):
        fact = f"the clearance of room {room} was over at {until}"
        return unmet("clearance.expired", fact, "operators of the room, by clearing it again")
    return met("clearance.valid", f"room {room} is cleared until {until}")


def _reached(session: Session, run: ProcedureRun, room: str) -> bool:
    found = session.scalars(
        select(StepRecord.id).where(
            StepRecord.run_id == run.id,
            StepRecord.kind == StepKind.CLEARANCE.value,
            StepRecord.room == room,
            StepRecord.state != StepState.CANCELLED,
        )
    ).first()
    return found is not None
