"""A small token game over the typed model: the oracle that the engine is compared with.

Knows nothing of SpiffWorkflow, rows or borders: tokens stand on nodes of nested levels. Decisions
come from outside as a function, so that both sides decide alike. Covers steps, call activities,
what is drawn inside, exclusive, parallel and inclusive gateways, conditional flows that leave a
task, plain and terminating ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from workflows.model import (
    BoundaryEvent,
    CallActivity,
    EndEvent,
    ExclusiveGateway,
    Flow,
    InclusiveGateway,
    Level,
    ParallelGateway,
    Procedure,
    StepTask,
)
from workflows.words import EndKind

Decide = Callable[[str, Level, str, Counter[str]], list[str]]
"""Which flows leave a gateway: instance path, level, gateway, how often each flow was taken."""


@dataclass
class Scope:
    """One level under way."""

    path: str
    level: Level
    tokens: dict[str, str] = field(default_factory=dict)
    """Place path to node id, of waiting places."""
    arrived: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    children: dict[str, list[Scope]] = field(default_factory=dict)


class TokenGame:
    """A procedure under way; `ready` are the paths of the steps that may be done."""

    def __init__(self, procedure: Procedure, decide: Decide) -> None:
        self._procedure = procedure
        self._decide = decide
        entry = procedure.level(procedure.entry)
        self.root: Scope | None = self._begin(entry.id, entry)

    @property
    def ready(self) -> list[str]:
        """Paths of the open steps, sorted."""
        return sorted(self._ready(self.root)) if self.root else []

    def complete(self, path: str) -> None:
        """Do a step."""
        assert self.root is not None
        self._complete(self.root, path)
        if self._is_over(self.root):
            self.root = None

    def _ready(self, scope: Scope) -> list[str]:
        own = [p for p, n in scope.tokens.items() if isinstance(scope.level.node(n), StepTask)]
        return own + [p for kids in scope.children.values() for k in kids for p in self._ready(k)]

    def _begin(self, path: str, level: Level) -> Scope:
        scope = Scope(path, level)
        self._leave(scope, level.start.id)
        self._join_what_came(scope)
        return scope

    def _is_over(self, scope: Scope) -> bool:
        return not scope.tokens and not +scope.arrived

    def _complete(self, scope: Scope, path: str) -> bool:
        if path in scope.tokens:
            node = scope.tokens.pop(path)
            self._leave(scope, node)
            self._join_what_came(scope)
            return True
        for place, children in list(scope.children.items()):
            for child in children:
                if self._complete(child, path):
                    if self._is_over(child):
                        scope.children[place].remove(child)
                    self._settle(scope, place)
                    self._join_what_came(scope)
                    return True
        return False

    def _settle(self, scope: Scope, place: str) -> None:
        if not scope.children.get(place):
            scope.children.pop(place, None)
            self._leave(scope, scope.tokens.pop(place))

    def _leave(self, scope: Scope, node: str) -> None:
        for flow in scope.level.outgoing(node):
            self._follow(scope, flow)

    def _follow(self, scope: Scope, flow: Flow) -> None:
        node = scope.level.node(flow.target)
        place = f"{scope.path}/{node.id}#{scope.counts[node.id] + 1}"
        match node:
            case StepTask():
                scope.counts[node.id] += 1
                scope.tokens[place] = node.id
            case CallActivity():
                scope.counts[node.id] += 1
                self._call(scope, node, place)
            case ExclusiveGateway() | InclusiveGateway() if len(scope.level.outgoing(node.id)) > 1:
                chosen = self._decide(scope.path, scope.level, node.id, scope.counts)
                scope.counts.update(chosen)
                for taken in scope.level.outgoing(node.id):
                    if taken.id in chosen:
                        self._follow(scope, taken)
            case InclusiveGateway():
                scope.arrived[flow.id] += 1
            case ParallelGateway():
                self._join(scope, node, flow)
            case EndEvent():
                if node.kind is EndKind.TERMINATE:
                    scope.tokens.clear()
                    scope.arrived.clear()
                    scope.children.clear()
            case BoundaryEvent():
                raise AssertionError("no flow leads to a boundary")
            case _:
                self._leave(scope, node.id)

    def _join(self, scope: Scope, node: ParallelGateway, flow: Flow) -> None:
        scope.arrived[flow.id] += 1
        entering = [entry.id for entry in scope.level.incoming(node.id)]
        if all(scope.arrived[entry] for entry in entering):
            scope.arrived.subtract(entering)
            self._leave(scope, node.id)

    def _join_what_came(self, scope: Scope) -> None:
        """Let each inclusive join go on to which nothing can come any more, until none does."""
        for node in scope.level.nodes:
            entering = {flow.id for flow in scope.level.incoming(node.id)}
            arrived = {flow for flow in entering if scope.arrived[flow]}
            if isinstance(node, InclusiveGateway) and arrived:
                waiting = [flow for flow, count in scope.arrived.items() if count]
                others = [
                    f.target for f in scope.level.flows if f.id in waiting and f.id not in arrived
                ]
                others += scope.tokens.values()
                if not any(self._leads(scope.level, other, node.id) for other in others):
                    scope.arrived.subtract(arrived)
                    self._leave(scope, node.id)
                    self._join_what_came(scope)
                    return

    def _leads(self, level: Level, source: str, target: str) -> bool:
        seen = {source}
        while True:
            more = {flow.target for flow in level.flows if flow.source in seen} | seen
            if more == seen:
                return target in seen
            seen = more

    def _call(self, scope: Scope, node: CallActivity, place: str) -> None:
        scope.tokens[place] = node.id
        called = self._procedure.level(node.called)
        child = self._begin(place, called)
        scope.children[place] = [] if self._is_over(child) else [child]
        self._settle(scope, place)
