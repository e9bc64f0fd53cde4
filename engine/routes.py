"""Which way a level went: what was done, what is open, what was not taken and because of what.

For the marks on the diagram and for the statement "not executed: gateway G1" (URS-EXE-030). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.lowering import is_decision
from workflows.drawn import drawn_id
from workflows.model import BoundaryEvent, EventGateway, EventSubProcess, Level


class Mark(StrEnum):
    """Where an element of a level stands in one instance."""

    TO_COME = "to come"
    ACTIVE = "active"
    DONE = "done"
    CANCELLED = "cancelled"
    NOT_TAKEN = "not taken"


class CauseKind(StrEnum):
    """Why an element was not executed."""

    GATEWAY = "gateway"
    """A gateway chose another flow."""
    EVENT = "event"
    """The event that leads there did not happen."""
    INTERRUPTED = "interrupted"
    """What comes before it was cancelled."""
    ENDED = "ended"
    """The level ended before."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The element that decided, in words of the diagram."""

    kind: CauseKind
    element: str

    def __str__(self) -> str:
        return f"{self.kind} {self.element}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What one instance (with its handlers) has walked.

    `counts` by node and by flow of a decision, `active` the open elements, `cancelled` those that
    were cancelled at their last performance; `open` while the instance has not ended.
    """

    counts: Mapping[str, int]
    active: frozenset[str]
    cancelled: frozenset[str]
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of the diagram in one instance."""

    id: str
    mark: Mark
    times: int
    cause: Cause | None = None


def elements(level: Level, walked: Walked) -> tuple[Element, ...]:
    """Every node of the level, in document order."""
    coming = _coming(level, walked) if walked.open else frozenset()
    drawn = [node.id for node in level.nodes if drawn_id(node.id) == node.id]
    return tuple(_element(level, node, walked, coming) for node in drawn)


def _element(level: Level, node: str, walked: Walked, coming: frozenset[str]) -> Element:
    times = walked.counts.get(node, 0)
    if node in walked.active:
        return Element(id=node, mark=Mark.ACTIVE, times=times)
    if times:
        mark = Mark.CANCELLED if node in walked.cancelled else Mark.DONE
        return Element(id=node, mark=mark, times=times)
    if node in coming:
        return Element(id=node, mark=Mark.TO_COME, times=0)
    return Element(id=node, mark=Mark.NOT_TAKEN, times=0, cause=_cause(level, node, walked))


def _coming(level: Level, walked: Walked) -> frozenset[str]:
    """What open elements may still lead to, also through any event at them."""
    seen: set[str] = {node.id for node in level.event_subprocesses()}
    todo = list(walked.active)
    while todo:
        node = todo.pop()
        for following in _ways_out(level, node):
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return frozenset(seen)


def _ways_out(level: Level, node: str) -> list[str]:
    if isinstance(level.node(node), EventSubProcess):
        return []
    flows = [flow.target for flow in level.outgoing(node)]
    return flows + [boundary.id for boundary in level.boundaries(node)]


def _cause(level: Level, node: str, walked: Walked) -> Cause:
    """The nearest executed element before this one from which the way was not taken."""
    seen, todo = {node}, [node]
    while todo:
        here = todo.pop(0)
        found = _decided_before(level, here, walked)
        if found is not None:
            return found
        for before in _ways_in(level, here):
            if before not in seen:
                seen.add(before)
                todo.append(before)
    return Cause(CauseKind.ENDED, level.id)


def _ways_in(level: Level, node: str) -> list[str]:
    drawn = level.node(node)
    hosts = [drawn.attached_to] if isinstance(drawn, BoundaryEvent) else []
    return hosts + [flow.source for flow in level.incoming(node)]


def _decided_before(level: Level, node: str, walked: Walked) -> Cause | None:
    drawn = level.node(node)
    if isinstance(drawn, EventSubProcess):
        return Cause(CauseKind.EVENT, drawn.id)
    if isinstance(drawn, BoundaryEvent) and walked.counts.get(drawn.attached_to):
        return Cause(CauseKind.EVENT, drawn.id)
    for flow in level.incoming(node):
        if not walked.counts.get(flow.source):
            continue
        if is_decision(level, level.node(flow.source)) and not walked.counts.get(flow.id):
            return Cause(CauseKind.GATEWAY, drawn_id(flow.source))
        if isinstance(level.node(flow.source), EventGateway):
            return Cause(CauseKind.EVENT, node)
        if flow.source in walked.cancelled:
            return Cause(CauseKind.INTERRUPTED, flow.source)
    return None
