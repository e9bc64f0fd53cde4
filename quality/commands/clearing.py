"""Line clearance: a room is cleared for one batch by two people and counts for a time."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.events import publish
from ebr.context import StepContext
from ebr.errors import ValueRefused
from quality import queries
from quality.events import RoomCleared
from quality.models import RoomClearance
from workflows.durations import duration


def validity(context: StepContext) -> timedelta:
    """How long the clearance of this step counts. Raises ValueRefused without a time."""
    timing = context.spec.timing
    if timing is None or timing.valid_for is None:
        raise ValueRefused(
            f"{context.spec.name} does not say how long it counts", resolver="recipe author"
        )
    return duration(timing.valid_for)


def room_of(context: StepContext) -> str:
    """The room that is cleared. Raises ValueRefused when the recipe names none."""
    if context.spec.room is None:
        raise ValueRefused(f"{context.spec.name} names no room", resolver="recipe author")
    return context.spec.room


def clear(context: StepContext) -> None:
    """Keep the clearance of a completed step: performed and verified by two people.

    The time counts from the check itself, not from its verification.
    """
    keep(
        context,
        cleared_at=context.step.performed_at or context.at,
        cleared_by=context.step.performed_by or context.by.id,
    )


def keep(context: StepContext, *, cleared_at: datetime, cleared_by: str) -> None:
    """The room of this step is cleared for the record, inside the current act."""
    room, record = room_of(context), context.run.stream
    last = queries.clearance(context.session, room, record)
    made = RoomClearance(
        room=room,
        record=record,
        ordinal=1 if last is None else last.ordinal + 1,
        step=context.step.path,
        cleared_at=cleared_at,
        cleared_by=cleared_by,
        valid_until=cleared_at + validity(context),
    )
    context.session.add(made)
    context.session.flush()
    publish(
        context.session,
        RoomCleared(
            record=record,
            room=room,
            valid_until=made.valid_until,
            by=context.by,
            at=context.at,
        ),
    )
