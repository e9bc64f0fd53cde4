"""Messages: stored, taken exactly once, kept until somebody waits for them or they expire."""

from __future__ import annotations

from sqlalchemy import select

from engine import deciding
from engine.models import Message, Subscription
from engine.moves import Move
from workflows.model import BoundaryEvent, Named


def correlates(move: Move, row: Subscription, correlation: str | None) -> bool:
    """Whether a message carries what this boundary wants; unknown is not equal."""
    node = move.level(move.load(row.instance_path)).node(row.element)
    trigger = node.trigger if isinstance(node, BoundaryEvent) else None
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


def take(move: Move, row: Subscription, message: Message) -> None:
    """This subscription gets the message; nobody else ever will."""
    message.state, message.taken_by = "taken", row.host_path
    move.note("message.taken", row.host_path, element=row.element, name=message.name)
