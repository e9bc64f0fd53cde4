"""Messages: stored, taken exactly once, kept until somebody waits for them or they expire."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from engine import deciding, subscriptions
from engine.models import Message, Subscription
from engine.moves import Move
from workflows.model import Named
from workflows.words import NamedForm


def correlates(move: Move, row: Subscription, correlation: str | None) -> bool:
    """Whether a message carries what this boundary wants; unknown is not equal."""
    trigger = subscriptions.trigger_of(move, row)
    if not isinstance(trigger, Named) or trigger.correlation is None:
        return correlation is None
    outcome = deciding.evaluate(move, move.load(row.instance_path), trigger.correlation)
    question = deciding.asked(None, trigger.correlation, outcome)
    move.note("message.compared", row.host_path, element=row.element, asked=[question])
    wanted = deciding.shown(outcome)
    return wanted is not None and wanted == correlation


def kept_message(move: Move, row: Subscription) -> Message | None:
    """The oldest kept message that a new subscription was waiting for."""
    query = select(Message).where(
        Message.run_id == move.run.id, Message.name == row.name, Message.state == "kept"
    )
    for message in move.session.scalars(query.order_by(Message.arrived_at, Message.id)):
        if message.expires_at is not None and message.expires_at <= move.at:
            message.state = "expired"
        elif correlates(move, row, message.correlation):
            return message
    return None


def deliver(
    move: Move, name: str, correlation: str | None, *, expires_at: datetime | None
) -> Subscription | None:
    """Store a message; answers who takes it now, None when it is kept for later."""
    message = Message(
        run_id=move.run.id,
        name=name,
        correlation=correlation,
        state="kept",
        arrived_at=move.at,
        expires_at=expires_at,
    )
    move.session.add(message)
    for row in subscriptions.everywhere(move, name, kind=NamedForm.MESSAGE.value):
        if (row.instance_path, row.host_path) in move.ending:
            continue
        if correlates(move, row, correlation):
            take(move, row, message)
            return row
    move.note("message.kept", move.run.root, name=name)
    return None


def take(move: Move, row: Subscription, message: Message) -> None:
    """This subscription gets the message; nobody else ever will."""
    message.state, message.taken_by = "taken", row.host_path
    move.note("message.taken", row.host_path, element=row.element, name=message.name)
