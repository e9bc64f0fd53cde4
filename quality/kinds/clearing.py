"""Line clearance: every point confirmed, by two people, valid for this batch for a time."""

from __future__ import annotations

from core.clock import show
from core.house import moment
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.kinds.base import Form
from ebr.kinds.checklist import Checklist
from quality import queries
from quality.commands import clearing


class Clearance(Checklist):
    """A checklist whose completion clears the room for this batch."""

    def form(self, context: StepContext) -> Form:
        """Room, validity, and what the room was cleared for last."""
        room = clearing.room_of(context)
        hours = clearing.validity(context).total_seconds() / 3600
        last = queries.last_clearance(context.session, room)
        before = "never cleared before"
        if last is not None:
            until = show(last.valid_until, moment(context.session).zone)
            before = f"{last.record.rpartition('/')[2]}, until {until}"
        return Form(facts=(("Room", room), ("Valid for", f"{hours:g} h"), ("Cleared last", before)))

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record points and photos; room and validity must be known."""
        clearing.room_of(context)
        clearing.validity(context)
        super().record(context, entry)

    def complete(self, context: StepContext) -> None:
        """Both people have signed: the room is cleared."""
        clearing.clear(context)
