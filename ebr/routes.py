"""Which elements the flow can reach from another, within one level of a recipe."""

from __future__ import annotations

from workflows.model import Level


def elements_after(level: Level, element: str) -> frozenset[str]:
    """BPMN ids that a token leaving `element` can come to; itself only through a loop."""
    found: set[str] = set()
    waiting = [element]
    while waiting:
        for flow in level.outgoing(waiting.pop()):
            if flow.target not in found:
                found.add(flow.target)
                waiting.append(flow.target)
    return frozenset(found)
