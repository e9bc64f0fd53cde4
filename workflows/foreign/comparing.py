"""What changed between two files as they are drawn, for versions that are not both executable.

Elements are matched by their id. Compared is what the outline shows and what other products wrote
into an element; positions of shapes are no change (URS-MRC-020).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.differences import Change
from workflows.foreign.outline import Drawn, Outline, Part, Shown

NOT_COMPARED = frozenset({"id", "name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnDifference:
    """One line: which element (its name or id), which of its fields, before and after as text."""

    element: str
    called: str
    field: str
    change: Change
    before: str | None = None
    after: str | None = None


def drawn_differences(before: Outline, after: Outline) -> list[DrawnDifference]:
    """Every difference of what is drawn, in the order of the new file, removed things last."""
    old, new = _things(before), _things(after)
    found: list[DrawnDifference] = []
    for own, (called, fields) in new.items():
        if own in old:
            found += _changed(own, called, old[own][1], fields)
        else:
            found.append(_whole(own, called, Change.ADDED, fields))
    gone = [own for own in old if own not in new]
    return [*found, *(_whole(own, old[own][0], Change.REMOVED, old[own][1]) for own in gone)]


_Thing = tuple[str, dict[str, str]]


def _things(outline: Outline) -> dict[str, _Thing]:
    """Name and fields of everything with an id; what has none is known by its place."""
    things: dict[str, _Thing] = {}
    for place, (own, called, fields) in enumerate(_all(outline), start=1):
        things.setdefault(own or f"#{place}", (called or own, fields))
    return things


def _all(outline: Outline) -> Iterator[tuple[str, str, dict[str, str]]]:
    for part in outline.parts:
        yield part.id, part.name or part.pool, _part_fields(part)
        for node in part.nodes:
            yield node.id, node.name, _node_fields(node)
        names = {node.id: node.name or node.id for node in part.nodes}
        for flow in part.flows:
            yield flow.id, _route(flow, names), _flow_fields(flow, names)
    for flow in outline.messages:
        yield flow.id, _route(flow, {}), _flow_fields(flow, {})


def _part_fields(part: Part) -> dict[str, str]:
    return {"kind": "process", "name": part.name, "pool": part.pool, "lanes": ", ".join(part.lanes)}


def _node_fields(node: Shown) -> dict[str, str]:
    said = {name: text for name, text in node.attributes.items() if name not in NOT_COMPARED}
    return {
        "kind": node.kind,
        "name": node.name,
        "lane": node.lane,
        "details": ", ".join(node.details),
        **{f"attribute {name.rpartition('}')[2]}": text for name, text in said.items()},
        "extensions": node.extensions,
    }


def _flow_fields(flow: Drawn, names: Mapping[str, str]) -> dict[str, str]:
    route = _route(flow, names)
    return {"kind": "flow", "name": flow.name, "route": route, "condition": flow.condition}


def _route(flow: Drawn, names: Mapping[str, str]) -> str:
    ends = (names.get(end) or end or "?" for end in (flow.source, flow.target))
    return " → ".join(ends)


def _changed(
    own: str, called: str, old: Mapping[str, str], new: Mapping[str, str]
) -> Iterator[DrawnDifference]:
    for field in dict.fromkeys((*new, *old)):
        before, after = old.get(field, ""), new.get(field, "")
        if before != after:
            yield DrawnDifference(
                element=own,
                called=called,
                field=field,
                change=Change.CHANGED,
                before=before,
                after=after,
            )


def _whole(own: str, called: str, change: Change, fields: Mapping[str, str]) -> DrawnDifference:
    told = ", ".join(text for name, text in fields.items() if text and name != "extensions")
    added = change is Change.ADDED
    return DrawnDifference(
        element=own,
        called=called,
        field="",
        change=change,
        before=None if added else told,
        after=told if added else None,
    )
