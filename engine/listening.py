"""Which messages and signals a run waits for now; a pure read, for who sends one from outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.streams import Stream
from core.actors import Actor
from engine import deciding
from engine.errors import Misplaced
from engine.models import Instance, Subscription
from engine.moves import Move
from workflows.model import BoundaryEvent, Catching, EventSubProcess, Named, Procedure
from workflows.words import NamedForm

LISTENER = Actor.service("engine", trigger="look at what a run waits for")
FROM_OUTSIDE = (NamedForm.MESSAGE.value, NamedForm.SIGNAL.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """One place of a run that waits for a message or a signal.

    `correlation` is what a message must carry, as text; with `correlated` True and no correlation
    its value is not known yet and no message fits. `at` names the step or call that the event is
    drawn at, `element` the event itself, both by BPMN id with their names. `ends` tells whether
    the event ends what runs there.
    """

    form: NamedForm
    name: str
    correlated: bool
    correlation: str | None
    plant_wide: bool
    path: str
    at: str
    element: str
    label: str
    ends: bool
    since: datetime


def listening(session: Session, record: Stream | str, *, at: datetime) -> list[Listening]:
    """Everything that the run of a record waits for from outside, in the order of its places.

    Raises UnknownRun, and Misplaced for a row whose element waits for neither.
    """
    move = Move.look(session, record, by=LISTENER, at=at)
    query = select(Subscription).where(
        Subscription.run_id == move.run.id,
        Subscription.state == "open",
        Subscription.kind.in_(FROM_OUTSIDE),
    )
    rows = session.scalars(query.order_by(Subscription.host_path, Subscription.element))
    return [_listening(move, row) for row in rows]


def _listening(move: Move, row: Subscription) -> Listening:
    instance = move.load(row.instance_path)
    level = move.level(instance)
    node = level.node(row.element)
    if not isinstance(node, Catching) or not isinstance(node.trigger, Named):
        raise Misplaced(row.element, "message or signal")
    host = level.node(node.attached_to) if isinstance(node, BoundaryEvent) else node
    return Listening(
        form=node.trigger.form,
        name=node.trigger.name or "",
        correlated=node.trigger.correlation is not None,
        correlation=_wanted(move, instance, node.trigger.correlation),
        plant_wide=node.trigger.plant_wide,
        path=row.host_path,
        at=host.name or (level.name if isinstance(node, EventSubProcess) else host.id),
        element=row.element,
        label=node.name or node.id,
        ends=row.interrupting and isinstance(node, (BoundaryEvent, EventSubProcess)),
        since=row.opened_at,
    )


def _wanted(move: Move, instance: Instance, correlation: str | None) -> str | None:
    if correlation is None:
        return None
    shown = deciding.shown(deciding.evaluate(move, instance, correlation))
    return shown if isinstance(shown, str) else None


def names(procedure: Procedure, form: NamedForm) -> frozenset[str]:
    """The messages (signals) that a definition catches anywhere: no other one is ever taken."""
    return frozenset(trigger.name or "" for trigger in _caught(procedure) if trigger.form is form)


def _caught(procedure: Procedure) -> Iterator[Named]:
    for level in procedure.levels:
        for node in level.nodes:
            if isinstance(node, Catching) and isinstance(node.trigger, Named):
                yield node.trigger
