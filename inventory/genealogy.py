"""Where material came from and where it went, lot by lot and batch by batch (URS-MAT-060).

Nodes are named ``lot/PA-0411``, ``batch/B-2045``, ``shipment/...``; edges are facts written by the
act that moved the material.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Actor
from inventory.models import GenealogyEdge

CHUNK = 500
"""Nodes asked for at once; databases bound the number of parameters of a statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One edge to write: what went where, how much of it."""

    source: str
    target: str
    kind: str
    quantity: Decimal
    unit: str
    container: str | None = None
    record: str | None = None
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One edge as found by a walk: `depth` 1 is next to the start; quantities summed per pair."""

    depth: int
    source: str
    target: str
    kind: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A node of the tree with the hop that leads to it and what lies beyond.

    Where ways meet again, what lies beyond is told once: at the first place in reading order
    that is no further from the start than any other; the others are `told_elsewhere`.
    """

    node: str
    hop: Hop
    beyond: Sequence[Branch]
    told_elsewhere: bool = False


def lot_node(number: str) -> str:
    """The node of a lot."""
    return f"lot/{number}"


def batch_node(number: str) -> str:
    """The node of a batch."""
    return f"batch/{number}"


def link(session: Session, new: Link, *, by: Actor, at: datetime) -> None:
    """Write an edge, inside the act that moves the material."""
    session.add(
        GenealogyEdge(
            source=new.source,
            target=new.target,
            kind=new.kind,
            quantity=new.quantity,
            unit=new.unit,
            container=new.container,
            record=new.record,
            step=new.step,
            at=at,
            by=by.id,
        )
    )
    session.flush()


def forward(session: Session, node: str, *, depth: int | None = None) -> list[Hop]:
    """Everything that material of this node went into, breadth first; each edge once."""
    return _walk(session, node, ahead=True, depth=depth)


def backward(session: Session, node: str, *, depth: int | None = None) -> list[Hop]:
    """Everything that this node was made from, breadth first; each edge once."""
    return _walk(session, node, ahead=False, depth=depth)


def where_used(session: Session, lot: str) -> list[str]:
    """Batches that took material of a lot, directly or through others (the recall set)."""
    found = {hop.target for hop in forward(session, lot_node(lot))}
    return sorted(node.partition("/")[2] for node in found if node.startswith("batch/"))


def made_from(session: Session, batch: str) -> list[str]:
    """Lots that went into a batch, directly or through others."""
    found = {hop.source for hop in backward(session, batch_node(batch))}
    return sorted(node.partition("/")[2] for node in found if node.startswith("lot/"))


def tree(start: str, hops: Sequence[Hop], *, ahead: bool) -> list[Branch]:
    """The hops of a walk from `start` as branches, in the order of the walk; each hop once."""
    leaving: defaultdict[str, list[Hop]] = defaultdict(list)
    for hop in hops:
        leaving[hop.source if ahead else hop.target].append(hop)
    depths: dict[str, int] = {start: 0}
    for hop in hops:
        depths.setdefault(hop.target if ahead else hop.source, hop.depth)
    told: set[str] = {start}
    return _branches(start, leaving, depths, told, ahead=ahead)


def _branches(
    node: str,
    leaving: Mapping[str, Sequence[Hop]],
    depths: Mapping[str, int],
    told: set[str],
    *,
    ahead: bool,
) -> list[Branch]:
    found = []
    for hop in leaving.get(node, ()):
        end = hop.target if ahead else hop.source
        again = end in told or depths[end] < hop.depth
        if not again:
            told.add(end)
        beyond = [] if again else _branches(end, leaving, depths, told, ahead=ahead)
        elsewhere = again and bool(leaving.get(end))
        found.append(Branch(node=end, hop=hop, beyond=beyond, told_elsewhere=elsewhere))
    return found


def _walk(session: Session, start: str, *, ahead: bool, depth: int | None) -> list[Hop]:
    seen, layer = {start}, [start]
    hops: list[Hop] = []
    level = 0
    while layer and (depth is None or level < depth):
        level += 1
        found = _summed(_edges(session, layer, ahead=ahead), level)
        hops += found
        ends = [hop.target if ahead else hop.source for hop in found]
        layer = [node for node in dict.fromkeys(ends) if node not in seen]
        seen.update(layer)
    return hops


def _edges(session: Session, nodes: Sequence[str], *, ahead: bool) -> list[GenealogyEdge]:
    column = GenealogyEdge.source if ahead else GenealogyEdge.target
    found: list[GenealogyEdge] = []
    for start in range(0, len(nodes), CHUNK):
        part = nodes[start : start + CHUNK]
        found += session.scalars(
            select(GenealogyEdge)
            .where(column.in_(part))
            .order_by(GenealogyEdge.source, GenealogyEdge.target, GenealogyEdge.id)
        )
    return found


def _summed(edges: Iterable[GenealogyEdge], depth: int) -> list[Hop]:
    sums: dict[tuple[str, str, str, str], Decimal] = {}
    for edge in edges:
        key = (edge.source, edge.target, edge.kind, edge.unit)
        sums[key] = sums.get(key, Decimal(0)) + edge.quantity
    return [
        Hop(depth=depth, source=source, target=target, kind=kind, quantity=total, unit=unit)
        for (source, target, kind, unit), total in sums.items()
    ]
