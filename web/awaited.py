"""What a running batch waits for by itself in its flow, at its levels and steps: its conditions.

Without it nobody would know why no step opens (URS-EXE-050). What has happened and is still so is
left out: it counts again only when it has been over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.house import moment
from ebr import awaited
from ebr.awaited import AwaitedCondition
from ebr.kinds import waiting
from ebr.models import ProcedureRun, RunState
from web import conditions, messages
from workflows.model import BoundaryEvent, EventSubProcess
from workflows.step import in_language

VALUE = re.compile(r"\b(\w+)\.\w+\b")
"""A name with a point: a recorded value of a step, or a tag of a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One condition in words, what is measured now, where it is drawn and what it leads to."""

    what: str
    now: str
    where: str
    then: str
    since: datetime


def of(session: Session, run: ProcedureRun) -> Sequence[Waiting]:
    """What the batch waits for, in the order of its places; nothing once it has ended."""
    if run.state not in (RunState.RUNNING, RunState.HELD):
        return []
    found = awaited.conditions_of(session, run)
    return [_waiting(session, each) for each in found if not each.watched.has_fired]


def _waiting(session: Session, each: AwaitedCondition) -> Waiting:
    watched, level = each.watched, each.procedure.level(each.watched.level)
    node = level.node(watched.element)
    host = level.node(node.attached_to) if isinstance(node, BoundaryEvent) else node
    where = host.name or (level.name if isinstance(node, EventSubProcess) else host.id)
    standing = waiting.standing(each.outlook(session, at=moment(session).site), watched.condition)
    apart = isinstance(node, BoundaryEvent | EventSubProcess)
    return Waiting(
        what=conditions.in_words(session, _named(each), standing),
        now=conditions.values_now(session, standing.tags),
        where=where,
        then=messages.then_of(
            ends=isinstance(node, BoundaryEvent | EventSubProcess) and node.interrupting,
            event=(node.name or node.id) if apart and node.name != where else "",
        ),
        since=watched.since,
    )


def _named(each: AwaitedCondition) -> str:
    """The condition with recorded values by step and name, as they stand on every other page."""
    labels = {
        f"{step.key}.{parameter.code}": in_language(parameter.labels, each.run.language)
        for step in each.procedure.steps()
        for parameter in step.parameters
    }

    def name(found: re.Match[str]) -> str:
        label = labels.get(found[0])
        return f"{found[1]} {label}" if label else found[0]

    return VALUE.sub(name, each.watched.condition.expression)
