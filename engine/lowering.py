"""Lowers a level of the typed model to the small graph that SpiffWorkflow runs. Pure.

Only sequence, choice by outcome, parallel split and join are left to SpiffWorkflow. Everything
that waits (step, call activity, event, decision, inclusive join, any end but the plain one) becomes
a waiting place of ours, which the engine ends with an outcome: ``done``, the ids of the flows that
a decision chose, or the id of the event that happened. The handler of a boundary event that does
not interrupt becomes a graph of its own, so that it can outlive its host and run any number of
times (notes on the engine, 8.2, 8.3 and 8.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import NotExecutable
from workflows.model import (
    BoundaryEvent,
    CallActivity,
    CatchEvent,
    EndEvent,
    EventGateway,
    ExclusiveGateway,
    Flow,
    InclusiveGateway,
    Level,
    LinkEvent,
    Node,
    ParallelGateway,
    StartEvent,
    StepTask,
    ThrowEvent,
)
from workflows.words import EndKind

DONE = "done"
"""The outcome of a waiting place that ended as drawn."""
JOINED = "joined"
"""The outcome of an arrival at an inclusive join that goes no further: another one does."""
JUMP = "to:"
"""What stands before the step in the outcome of an error end that nothing caught, when people have
decided to go on there (`engine.detours`); no flow of the drawing leads that way."""


class PlaceKind(StrEnum):
    """What a place of the lowered graph does."""

    PASS = "pass"  # noqa: S105 -- not a secret
    WAIT = "wait"
    CHOICE = "choice"
    SEVERAL = "several"
    PARALLEL = "parallel"


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the lowered graph; `node` is the BPMN id it stands for, if any."""

    name: str
    kind: PlaceKind
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from place to place; out of a choice it is taken on `outcome`.

    Of ``several`` each way is taken whose name is one of the words of the outcome.
    """

    source: str
    target: str
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """One level, or one handler of it, as the engine runs it."""

    level: Level
    handler: str | None
    entry: str
    places: tuple[Place, ...]
    edges: tuple[Edge, ...]
    ends: tuple[str, ...]


def lower(level: Level) -> dict[str | None, Graph]:
    """The graphs of a level by handler; the level itself under None.

    Raises NotExecutable when the handler of a boundary event that does not interrupt runs into
    the flow it stands beside: the steps there would be done twice.
    """
    graphs: dict[str | None, Graph] = {None: _graph(level, None, reachable(level, level.start.id))}
    own = _flowing(level, reachable(level, level.start.id))
    for node in level.nodes:
        if isinstance(node, BoundaryEvent) and not node.interrupting:
            region = reachable(level, node.id)
            shared = _flowing(level, region) & own
            if shared:
                raise NotExecutable(
                    f"{level.id}: the handler of {node.id} runs into {', '.join(sorted(shared))}"
                )
            own |= _flowing(level, region)
            graphs[node.id] = _graph(level, node.id, region)
    return graphs


def reachable(level: Level, entry: str) -> frozenset[str]:
    """Nodes that a token starting at `entry` can reach, also through interrupting boundaries."""
    seen: set[str] = set()
    todo = [entry]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += [flow.target for flow in level.outgoing(node)]
            todo += [b.id for b in level.boundaries(node) if b.interrupting]
    return frozenset(seen)


def _flowing(level: Level, region: frozenset[str]) -> set[str]:
    return {name for name in region if not isinstance(level.node(name), EndEvent)}


def is_decision(level: Level, node: Node) -> bool:
    """Whether the engine has to choose flows here."""
    if not isinstance(node, (ExclusiveGateway, InclusiveGateway)):
        return False
    flows = level.outgoing(node.id)
    return len(flows) > 1 or any(flow.condition is not None for flow in flows)


def is_inclusive_join(level: Level, node: Node) -> bool:
    """Whether arrivals wait here for whatever may still come."""
    return isinstance(node, InclusiveGateway) and not is_decision(level, node)


def waits(level: Level, node: Node) -> bool:
    """Whether the node is a waiting place of ours."""
    if isinstance(node, EndEvent):
        return node.kind is not EndKind.NONE
    if isinstance(node, CatchEvent):
        return level.gateway_before(node.id) is None
    if isinstance(node, ThrowEvent):
        return node.throws is not None
    always = (StepTask, CallActivity, EventGateway, InclusiveGateway)
    return isinstance(node, always) or is_decision(level, node)


def _graph(level: Level, handler: str | None, region: frozenset[str]) -> Graph:
    nodes = [node for node in level.nodes if node.id in region]
    drawing = _Drawing(level)
    for node in nodes:
        drawing.add(node)
        if _throws(node):
            drawing.let_out(node, _targets(nodes))
    ends = [f"{'e' if _throws(node) else 'n'}:{node.id}" for node in nodes if _is_end(node)]
    ends += [f"e:{node.id}" for node in nodes if is_inclusive_join(level, node)]
    if not ends:
        raise NotExecutable(f"{level.id}: no end can be reached from {handler or 'the start'}")
    return Graph(
        level=level,
        handler=handler,
        entry=f"n:{handler or level.start.id}",
        places=tuple(drawing.places),
        edges=tuple(drawing.edges),
        ends=tuple(ends),
    )


def jump_targets(level: Level, handler: str | None) -> list[str]:
    """The steps and calls of a level (or of one of its handlers), in the order of the file."""
    region = reachable(level, handler or level.start.id)
    return _targets([node for node in level.nodes if node.id in region])


def _targets(nodes: list[Node]) -> list[str]:
    return [node.id for node in nodes if isinstance(node, (StepTask, CallActivity))]


def _is_end(node: Node) -> bool:
    return isinstance(node, EndEvent)


def _throws(node: Node) -> bool:
    return isinstance(node, EndEvent) and node.kind is EndKind.ERROR


class _Drawing:
    def __init__(self, level: Level) -> None:
        self.level = level
        self.places: list[Place] = []
        self.edges: list[Edge] = []

    def add(self, node: Node) -> None:
        """Draw one node with what leaves it."""
        name, kind = f"n:{node.id}", self._kind(node)
        self.places.append(Place(name, kind, node.id))
        flows = self.level.outgoing(node.id)
        if is_decision(self.level, node):
            several = isinstance(node, InclusiveGateway)
            choice = PlaceKind.SEVERAL if several else PlaceKind.CHOICE
            self._choose(node.id, [(flow.id, self._into(flow)) for flow in flows], choice)
        elif isinstance(node, EventGateway):
            self._choose(node.id, [(flow.target, self._into(flow)) for flow in flows])
        elif is_inclusive_join(self.level, node):
            over = f"e:{node.id}"
            self.places.append(Place(over, PlaceKind.PASS))
            onward = self._into(self._only(node, flows))
            self._choose(node.id, [(DONE, onward), (JOINED, over)])
        elif kind is PlaceKind.WAIT and flows:
            interrupting = [b for b in self.level.boundaries(node.id) if b.interrupting]
            ways = [(DONE, self._into(self._only(node, flows)))]
            self._choose(node.id, ways + [(b.id, f"n:{b.id}") for b in interrupting])
        elif kind is PlaceKind.PARALLEL and len(flows) == 1:
            self._choose(node.id, [(DONE, self._into(flows[0]))])
        else:
            self.edges += [Edge(name, self._into(flow)) for flow in flows]

    def let_out(self, node: Node, targets: list[str]) -> None:
        """Behind an error end: the end of the graph, or a step that people have decided on."""
        over = f"e:{node.id}"
        self.places.append(Place(over, PlaceKind.PASS))
        self._choose(node.id, [(DONE, over)] + [(f"{JUMP}{to}", f"n:{to}") for to in targets])

    def _choose(
        self, node_id: str, ways: list[tuple[str, str]], kind: PlaceKind = PlaceKind.CHOICE
    ) -> None:
        # SpiffWorkflow predicts what is certain to come, branch by branch: fourteen joins in a row
        # would be predicted 2**14 times. It does not look beyond a choice, so one stands behind
        # every waiting place and join, even where there is one way only.
        choice = f"c:{node_id}"
        self.places.append(Place(choice, kind))
        self.edges.append(Edge(f"n:{node_id}", choice))
        self.edges += [Edge(choice, target, outcome) for outcome, target in ways]

    def _only(self, node: Node, flows: tuple[Flow, ...]) -> Flow:
        if len(flows) != 1:
            raise NotExecutable(f"{self.level.id}: {node.id} must have exactly one way out")
        return flows[0]

    def _into(self, flow: Flow) -> str:
        # A join counts its incoming flows by the place before it, so each flow gets its own.
        if not isinstance(self.level.node(flow.target), ParallelGateway):
            return f"n:{flow.target}"
        name = f"f:{flow.id}"
        self.places.append(Place(name, PlaceKind.PASS))
        self.edges.append(Edge(name, f"n:{flow.target}"))
        return name

    def _kind(self, node: Node) -> PlaceKind:
        if isinstance(node, ParallelGateway):
            return PlaceKind.PARALLEL
        if waits(self.level, node):
            return PlaceKind.WAIT
        passed = (StartEvent, EndEvent, ExclusiveGateway, BoundaryEvent)
        if isinstance(node, (*passed, CatchEvent, ThrowEvent, LinkEvent)):
            return PlaceKind.PASS
        raise NotExecutable(f"{self.level.id}: {node.id} is of a kind the engine does not run")
