"""From a run to the route through its diagram: marks and words of every shape.

Nothing is decided here; states come from the engine, evidence from the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import url_for
from sqlalchemy.orm import Session

from ebr.report.lists import CAUSES
from ebr.report.model import RecordView
from ebr.report.stepmodel import StepView
from engine import queries as flow
from engine.queries import InstanceRoute
from engine.routes import Element, Mark
from web.i18n import gettext as _
from web.record_rows import step_address
from workflows.drawn import drawn_id
from workflows.model import CallActivity, CatchEvent, Level, Node, Procedure, StepTask, Timer


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeRow:
    """One element of a diagram, in words and as a mark."""

    id: str
    name: str
    kind: str
    mark: str
    words: str
    times: int
    badge: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One executed level that can be looked at."""

    path: str
    name: str
    depth: int
    open: bool
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The chosen level with its elements, and all levels to choose from."""

    places: tuple[Place, ...]
    chosen: str
    title: str
    plane: str
    file: str
    rows: tuple[ShapeRow, ...]

    def marks(self) -> list[dict[str, str]]:
        """What the diagram draws on its shapes."""
        return [
            {"id": row.id, "mark": row.mark, "badge": row.badge, "words": row.words}
            for row in self.rows
        ]


def route(session: Session, record: RecordView, procedure: Procedure, wanted: str | None) -> Route:
    """The way through one level: the asked one, else the deepest that is open, else the first."""
    walks = flow.route(session, record.record) if record.header.started_at else []
    by_path = {walk.path: walk for walk in walks}
    chosen = by_path.get(wanted or "") or _interesting(walks)
    level = procedure.level(chosen.level if chosen else procedure.entry)
    drawn = [node for node in level.nodes if drawn_id(node.id) == node.id]
    rows = [_shape(record, procedure, level, node, chosen, by_path) for node in drawn]
    return Route(
        places=tuple(_place(procedure, walk) for walk in sorted(walks, key=lambda w: w.path)),
        chosen=chosen.path if chosen else "",
        title=level.name,
        plane=f"{level.part_of or level.id}_diagram",
        file=url_for("workflows.file", digest=record.header.file_digest),
        rows=tuple(rows),
    )


def _interesting(walks: Sequence[InstanceRoute]) -> InstanceRoute | None:
    still = [walk for walk in walks if walk.open]
    if still:
        return max(still, key=lambda walk: walk.path.count("/"))
    return walks[0] if walks else None


def _place(procedure: Procedure, walk: InstanceRoute) -> Place:
    return Place(
        path=walk.path,
        name=procedure.level(walk.level).name,
        depth=walk.path.count("/"),
        open=walk.open,
        round=walk.round,
    )


def _shape(
    record: RecordView,
    procedure: Procedure,
    level: Level,
    node: Node,
    walk: InstanceRoute | None,
    walks: Mapping[str, InstanceRoute],
) -> ShapeRow:
    element = next((e for e in walk.elements if e.id == node.id), None) if walk else None
    steps = _performed(record, node, walk)
    exceptions = sum(len(step.exceptions) for step in steps)
    mark, words, badge = _looks(procedure, level, element, exceptions, _held(steps))
    return ShapeRow(
        id=node.id,
        name=_name(node),
        kind=_kind(node),
        mark=mark,
        words=words,
        times=element.times if element else 0,
        badge=badge,
        address=_address(record, node, steps, walk, walks),
    )


def _performed(record: RecordView, node: Node, walk: InstanceRoute | None) -> list[StepView]:
    if walk is None or not isinstance(node, StepTask):
        return []
    inside = f"{walk.path}/"
    return [
        step
        for step in record.steps()
        if step.key == node.step.key and step.path.startswith(inside)
    ]


def _held(steps: Sequence[StepView]) -> bool:
    return any(step.state == "held" for step in steps)


def _looks(
    procedure: Procedure, level: Level, element: Element | None, exceptions: int, held: bool
) -> tuple[str, str, str]:
    if element is None or element.mark is Mark.TO_COME:
        return "", _("to come"), ""
    if held:
        return "held", _("held"), "‖"
    if exceptions:
        return "exception", _("%(n)s exceptions", n=exceptions), f"! {exceptions}"
    if element.mark is Mark.ACTIVE:
        return "active", _("in progress"), "▶"
    if element.mark is Mark.CANCELLED:
        return "cancelled", _("cancelled"), "×"
    if element.mark is Mark.NOT_TAKEN:
        return "not-taken", _cause(level, element), "↷"
    return "done", _("done"), "✓" if element.times == 1 else f"✓ {element.times}"


def _cause(level: Level, element: Element) -> str:
    if element.cause is None:
        return _("not taken")
    known = {node.id: _name(node) for node in level.nodes}
    named = known.get(element.cause.element, element.cause.element)
    return _("not taken") + ": " + CAUSES[element.cause.kind].format(named)


def _name(node: Node) -> str:
    return node.name or _kind(node)


def _kind(node: Node) -> str:
    if isinstance(node, StepTask):
        return node.step.key
    words = {
        "CallActivity": _("operation"),
        "ExclusiveGateway": _("decision"),
        "ParallelGateway": _("parallel branches"),
        "StartEvent": _("start"),
        "EndEvent": _("end"),
        "CatchEvent": _("event"),
        "BoundaryEvent": _("event"),
        "InclusiveGateway": _("decision"),
        "EventGateway": _("decision"),
        "SubProcess": _("operation"),
        "EventSubProcess": _("event"),
        "ThrowEvent": _("event"),
        "LinkEvent": _("event"),
        "SendTask": _("event"),
        "ReceiveTask": _("event"),
    }
    if isinstance(node, CatchEvent) and isinstance(node.trigger, Timer):
        return _("timer")
    return words[type(node).__name__]


def _address(
    record: RecordView,
    node: Node,
    steps: Sequence[StepView],
    walk: InstanceRoute | None,
    walks: Mapping[str, InstanceRoute],
) -> str:
    if steps:
        return step_address(record, steps[-1].path)
    if walk is None or not isinstance(node, CallActivity):
        return ""
    inside = [path for path in walks if path.startswith(f"{walk.path}/{node.id}#")]
    direct = [path for path in inside if "/" not in path.removeprefix(f"{walk.path}/")]
    if not direct:
        return ""
    return url_for("record.route", number=record.number, at=sorted(direct)[-1])
