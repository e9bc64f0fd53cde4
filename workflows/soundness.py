"""The token check: no reachable state of a level is stuck or doubles a token (URS-MRC-040).

Tokens stand on flows. A plain node moves its token on, so chains are walked through at once and
only gateways, ends and interrupting boundaries make states; their number is bounded and a level
with more is refused rather than believed. Work begun by a non-interrupting boundary is a net of
its own: it must end by itself and never meet the flow of its host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from workflows.findings import Report
from workflows.graph import Graph
from workflows.model import (
    BoundaryEvent,
    EndEvent,
    EventGateway,
    ExclusiveGateway,
    Flow,
    Gateway,
    InclusiveGateway,
    Level,
    ParallelGateway,
)
from workflows.words import EndKind

MAX_STATES = 4000

State = frozenset[str]


class _Unsound(Exception):
    """A state that must not be; `element` is where, `code` and `message` say what."""

    def __init__(self, code: str, element: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code, self.element, self.message, self.remedy = code, element, message, remedy


def check_soundness(level: Level, report: Report) -> None:
    """Note the first unsound state of the main flow and of each side flow."""
    net = _Net(level, Graph.of(level))
    starts = [level.outgoing(level.start.id)[0]]
    for event in level.nodes:
        if isinstance(event, BoundaryEvent) and not event.interrupting:
            starts.append(level.outgoing(event.id)[0])
            _check_apart(level, event, report)
    for first in starts:
        try:
            net.explore(first)
        except _Unsound as found:
            report.add(found.code, found.element, found.message, found.remedy)


def _check_apart(level: Level, event: BoundaryEvent, report: Report) -> None:
    handler = Graph.of(level).reached([event.id])
    others = Graph.of(_without(level, event)).reached([level.start.id])
    for node in level.nodes:
        if node.id in handler and node.id in others:
            message = f"work begun beside its host by {event.id} joins the main flow"
            report.add("boundary.merges", node.id, message, "Give it an end of its own.")
            return


def _without(level: Level, event: BoundaryEvent) -> Level:
    return Level(
        id=level.id,
        name=level.name,
        isa88=level.isa88,
        nodes=tuple(node for node in level.nodes if node.id != event.id),
        flows=tuple(flow for flow in level.flows if flow.source != event.id),
    )


def _choices(node: InclusiveGateway, leaving: tuple[Flow, ...]) -> Iterator[tuple[Flow, ...]]:
    """Every way in which an inclusive choice can leave."""
    always = tuple(f for f in leaving if f.condition is None and f.id != node.default)
    asked = [f for f in leaving if f.condition is not None]
    for size in range(1, len(asked) + 1):
        for some in combinations(asked, size):
            yield (*always, *some)
    default = tuple(f for f in leaving if f.id == node.default)
    if always or default:
        yield (*always, *default)


@dataclass(slots=True)
class _Net:
    level: Level
    graph: Graph
    reached: dict[str, frozenset[str]] = field(default_factory=dict)

    def explore(self, first: Flow) -> None:
        """Visit every state. Raises _Unsound."""
        initial: State = frozenset({self._settled(first)})
        seen: set[State] = {initial}
        waiting = [initial]
        while waiting:
            state = waiting.pop()
            following = list(self._following(state))
            if state and not following:
                self._stuck(state)
            for later in following:
                if later not in seen:
                    seen.add(later)
                    waiting.append(later)
            if len(seen) > MAX_STATES:
                remedy = "Move branches into called processes."
                message = "too many branches run at once to be checked"
                raise _Unsound("flow.too_complex", self.level.id, message, remedy)

    def _stuck(self, state: State) -> None:
        join = sorted(self._flow(flow).target for flow in state)[0]
        message = "this join can wait for ever: a branch may never arrive"
        remedy = "Join what a parallel gateway split; join alternatives exclusively."
        raise _Unsound("flow.deadlock", join, message, remedy)

    def _flow(self, flow_id: str) -> Flow:
        return next(flow for flow in self.level.flows if flow.id == flow_id)

    def _settled(self, flow: Flow) -> str:
        """The flow where a token comes to rest: through plain nodes, up to one that decides."""
        walked = set()
        while flow.id not in walked:
            walked.add(flow.id)
            node = self.level.node(flow.target)
            decides = isinstance(node, (Gateway, EndEvent))
            if decides or any(e.interrupting for e in self.level.boundaries(node.id)):
                break
            flow = self.level.outgoing(node.id)[0]
        return flow.id

    def _following(self, state: State) -> Iterator[State]:
        for flow_id in sorted(state):
            yield from self._moves(state, self._flow(flow_id))

    def _moves(self, state: State, flow: Flow) -> Iterator[State]:
        node = self.level.node(flow.target)
        rest = state - {flow.id}
        match node:
            case EndEvent():
                yield rest if node.kind in (EndKind.NONE, EndKind.THROW) else frozenset()
            case ParallelGateway():
                entering = {entry.id for entry in self.level.incoming(node.id)}
                if entering <= state:
                    yield self._put(state - entering, self.level.outgoing(node.id))
            case ExclusiveGateway() | EventGateway():
                for leaving in self.level.outgoing(node.id):
                    yield self._put(rest, (leaving,))
            case InclusiveGateway() if len(self.level.outgoing(node.id)) > 1:
                for chosen in _choices(node, self.level.outgoing(node.id)):
                    yield self._put(rest, chosen)
            case InclusiveGateway():
                yield from self._joined(state, node)
            case _:
                yield self._put(rest, self.level.outgoing(node.id))
                for event in self.level.boundaries(node.id):
                    if event.interrupting:
                        yield self._put(rest, self.level.outgoing(event.id))

    def _joined(self, state: State, node: InclusiveGateway) -> Iterator[State]:
        """All arrivals go on as one, once nothing else can come.

        BPMN does not wait for what can also reach a way in that holds an arrival already. Where
        that would make a difference a second token could come there, which is refused anyway.
        """
        arrived = {flow.id for flow in self.level.incoming(node.id)} & state
        others = (self._flow(flow_id).target for flow_id in state - arrived)
        if not any(node.id in self._reached(target) for target in others):
            yield self._put(state - arrived, self.level.outgoing(node.id))

    def _reached(self, target: str) -> frozenset[str]:
        if target not in self.reached:
            self.reached[target] = frozenset(self.graph.reached([target]))
        return self.reached[target]

    def _put(self, state: State, flows: tuple[Flow, ...]) -> State:
        for flow in flows:
            settled = self._settled(flow)
            if settled in state:
                target = self._flow(settled).target
                message = "two tokens can arrive here, so what follows would run twice"
                remedy = "Join parallel branches with a parallel gateway."
                raise _Unsound("flow.doubled", target, message, remedy)
            state = state | {settled}
        return state
