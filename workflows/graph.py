"""Reachability and loops in the flow of one level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workflows.model import BoundaryEvent, Level


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges of a level; a host leads to its boundary events besides its flows."""

    forward: Mapping[str, tuple[str, ...]]
    backward: Mapping[str, tuple[str, ...]]
    unbounded: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, level: Level) -> Graph:
        """The graph of a level whose flows all have both ends."""
        edges = [(flow.source, flow.target) for flow in level.flows]
        free = [(f.id, f.source, f.target) for f in level.flows if f.max_rounds is None]
        for node in level.nodes:
            if isinstance(node, BoundaryEvent):
                edges.append((node.attached_to, node.id))
                free.append((node.id, node.attached_to, node.id))
        return cls(
            _grouped(edges),
            _grouped((target, source) for source, target in edges),
            tuple(free),
        )

    def reached(self, starts: Iterable[str]) -> set[str]:
        """Every node that can be reached from `starts`, these included."""
        return _walk(self.forward, starts)

    def reaching(self, ends: Iterable[str]) -> set[str]:
        """Every node from which one of `ends` can be reached, these included."""
        return _walk(self.backward, ends)

    def is_in_cycle(self, node: str) -> bool:
        """Whether a way leads from the node back to it."""
        return node in _walk(self.forward, self.forward.get(node, ()))

    def leads(self, source: str, target: str) -> bool:
        """Whether a way leads from one node to the other."""
        return target in self.reached([source])

    def unbounded_cycle_flows(self) -> list[str]:
        """The flows that close a loop in which no flow has a bound, in document order."""
        graph = _grouped((source, target) for _, source, target in self.unbounded)
        seen: dict[str, int] = {}
        closing: set[tuple[str, str]] = set()
        for root in list(graph):
            _close_cycles(root, graph, seen, closing)
        return [own for own, source, target in self.unbounded if (source, target) in closing]


def _close_cycles(
    root: str,
    graph: Mapping[str, tuple[str, ...]],
    seen: dict[str, int],
    closing: set[tuple[str, str]],
) -> None:
    """Depth first without recursion; `seen` is 1 while a node is open, 2 when done."""
    stack = [(root, iter(graph.get(root, ())))] if root not in seen else []
    seen.setdefault(root, 1)
    while stack:
        at, ahead = stack[-1]
        target = next(ahead, None)
        if target is None:
            seen[at] = 2
            stack.pop()
        elif seen.get(target) == 1:
            closing.add((at, target))
        elif target not in seen:
            seen[target] = 1
            stack.append((target, iter(graph.get(target, ()))))


def _grouped(edges: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        found[source].append(target)
    return {source: tuple(targets) for source, targets in found.items()}


def _walk(edges: Mapping[str, tuple[str, ...]], starts: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(starts)
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting.extend(edges.get(at, ()))
    return found
