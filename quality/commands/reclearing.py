"""Clearing a room again for the same batch, when its clearance has run out or was disturbed.

The points are those of the recipe's clearance step in that room. Performed by one person and
verified by another, both able to do that step; the flow itself does not move.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from audit.models import Signature
from audit.signatures import SignedContent
from core.actors import Actor
from ebr import queries as records
from ebr import rules as record_rules
from ebr.commands import steps
from ebr.context import StepContext
from ebr.errors import CheckMissing
from ebr.opening import context_of
from personnel import queries as people
from personnel import signing
from personnel.signing import Confirmation
from quality import queries
from quality.commands import clearing
from quality.errors import RoomNotCleared
from quality.models import Reclearing


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearAgain:
    """The room, the confirmed points and why it is cleared again."""

    record: str
    room: str
    checks: Sequence[str]
    reason: str


def clear_again(
    session: Session,
    command: ClearAgain,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Sign (``performed``) that every point of the room's clearance was checked again.

    Raises RoomNotCleared before the first clearance, CheckMissing, NotQualified, WrongRole.
    """
    context = _context(session, command.record, command.room, by, at)
    steps.require_able(context, by, context.spec.role)
    reason = record_rules.need_reason(command.reason, "clearing a room again")
    _require_all(context, command.checks)
    last = queries.reclearing(session, command.room, context.run.stream)
    ordinal = 1 if last is None else last.ordinal + 1
    shown = _content(context, ordinal, command.checks)
    with trail.act(
        session, "room.cleared_again", stream=context.stream, by=by, object=command.room,
        reason=reason,
    ) as act:  # fmt: skip
        sealed = None
        if not rehearsal:
            given = steps.require_confirmation(signed_by, shown.object, "performed")
            sealed = signing.seal(session, given, shown, meaning="performed", role=by.role, act=act)
            session.flush()
        session.add(
            Reclearing(
                record=context.run.stream,
                room=command.room,
                ordinal=ordinal,
                step=context.step.path,
                checks=sorted(command.checks),
                performed_at=at,
                performed_by=by.id,
                signature_id=None if sealed is None else sealed.id,
            )
        )
    return shown


def verify_clearing(
    session: Session,
    record: str,
    room: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """A second person signs (``verified``): the room counts as cleared from the check on.

    Raises RoomNotCleared when nothing waits for verification, NotIndependent, NotQualified.
    """
    context = _context(session, record, room, by, at)
    steps.require_able(context, by, None)
    found = queries.reclearing(session, room, context.run.stream)
    if found is None or found.verified_at is not None:
        raise RoomNotCleared(
            f"no clearing of room {room} waits for verification", resolver=context.spec.role
        )
    people.require_independent(session, by.id, [found.performed_by])
    shown = _content(context, found.ordinal, found.checks)
    with trail.act(
        session, "room.clearing_verified", stream=context.stream, by=by, object=room
    ) as act:
        if not rehearsal:
            given = steps.require_confirmation(signed_by, shown.object, "verified")
            first = session.get_one(Signature, found.signature_id)
            sealed = signing.seal(
                session, given, shown, meaning="verified", role=by.role, prior=first, act=act
            )
            session.flush()
            found.verification_id = sealed.id
        found.verified_at, found.verified_by = at, by.id
        clearing.keep(context, cleared_at=found.performed_at, cleared_by=found.performed_by)
    return shown


def _context(session: Session, record: str, room: str, by: Actor, at: datetime) -> StepContext:
    run = records.run_of(session, record)
    cleared = queries.clearance(session, room, run.stream)
    if cleared is None:
        raise RoomNotCleared(
            f"room {room} was not cleared for {run.number} yet: its step does that",
            resolver="operators of the room",
        )
    step = records.step_of(session, run, cleared.step)
    return context_of(session, run, step, by=by, at=at)


def _require_all(context: StepContext, checks: Sequence[str]) -> None:
    missing = [point.code for point in context.spec.checks if point.code not in checks]
    if missing:
        raise CheckMissing(
            f"not confirmed: {', '.join(missing)}",
            resolver="the person who clears the room",
            field=missing[0],
        )


def _content(context: StepContext, ordinal: int, checks: Sequence[str]) -> SignedContent:
    room = clearing.room_of(context)
    return SignedContent(
        record=context.run.stream,
        object=f"room {room}",
        version=ordinal,
        content={
            "kind": "room_clearance",
            "record": context.run.number,
            "room": room,
            "step": context.step.key,
            "checks": sorted(checks),
        },
    )
