"""From the view of a record to what its tabs draw: rows of tables, bars of time, marks of shapes.

Nothing is decided here; words and states come from the record and the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from core.clock import local
from ebr.report.lists import CAUSES
from ebr.report.model import (
    EquipmentView,
    LevelView,
    MaterialView,
    RecordView,
    SignatureView,
    StepView,
    TrailLine,
    ValueView,
)
from engine import queries as flow
from engine.queries import InstanceRoute
from engine.routes import Element, Mark
from web import filters, scoping
from web.i18n import gettext as _
from workflows.drawn import drawn_id
from workflows.model import CallActivity, CatchEvent, Level, Node, Procedure, StepTask, Timer

WIDTH = 1000
LANE = 36
BAR = 22
TOP = 34
LEAST = 6
"""A bar is never thinner than this, so that a short step can be hit."""

Row = dict[str, Any]


# -- rows of tables --------------------------------------------------------------------------


def step_address(record: RecordView, path: str) -> str:
    """Where the evidence of a step stands."""
    return url_for("record.timeline", number=record.number, step=path) + "#evidence"


def address_of_key(record: RecordView, key: str) -> str:
    """Where the evidence of the last performance of a step stands."""
    found = [step.path for step in record.steps() if step.key == key]
    return step_address(record, found[-1]) if found else ""


def is_asked(only: str, value: ValueView) -> bool:
    """Whether the filter of the values tab lets a value through."""
    if only == "critical":
        return value.critical
    if only == "outside":
        return value.verdict not in ("", "in")
    if only == "typed":
        return value.grade == "manual_for_device"
    return True


def value_row(record: RecordView, step: StepView, value: ValueView) -> Row:
    """One value in force."""
    times = f" ({step.occurrence})" if step.occurrences > 1 else ""
    place = f" {value.position}" if value.of > 1 else ""
    return {
        "step": f"{step.key}{times}",
        "address": step_address(record, step.path),
        "label": f"{value.label}{place}" + (" · " + _("CRITICAL") if value.critical else ""),
        "text": filters.quantity(value.text, value.unit or None),
        "limits": "; ".join(f"{limit.tier} {limit.text}" for limit in value.limits),
        "verdict": value.verdict,
        "grade": value.grade_words,
        "source": value.source,
        "at": value.at,
        "by": str(value.by),
    }


def material_row(record: RecordView, use: MaterialView) -> Row:
    """One use of material."""
    return {
        "use": use.use,
        "material": f"{use.material} {use.name}".strip(),
        "lot": use.lot,
        "lot_address": url_for("finding.find", q=use.lot) if scoping.opens("finding.find") else "",
        "container": " · ".join(part for part in (use.container, use.portion) if part),
        "quantity": filters.quantity(use.quantity, use.unit),
        "step": use.step,
        "address": address_of_key(record, use.step),
        "at": use.at,
    }


def equipment_row(record: RecordView, use: EquipmentView) -> Row:
    """One use of a unit."""
    return {
        "unit": use.equipment,
        "unit_address": url_for("hardware.unit", number=use.equipment)
        if scoping.opens("hardware.unit")
        else "",
        "name": use.name,
        "use": use.requirement_label,
        "state": use.state,
        "calibration": use.calibration_due or filters.NO_VALUE,
        "step": use.step,
        "address": address_of_key(record, use.step),
        "at": use.at,
    }


def signature_row(each: SignatureView) -> Row:
    """One signature with the elements of 21 CFR 11.50."""
    remarks = [_("superseded by a correction")] if each.superseded else []
    remarks += [_("late")] if each.late else []
    remarks += [each.reason] if each.reason else []
    return {
        "at": each.at,
        "name": each.printed_name,
        "badge": each.badge,
        "role": each.role,
        "meaning": each.meaning,
        "what": each.what,
        "remark": "; ".join(remarks) or filters.NO_VALUE,
    }


def trail_row(line: TrailLine) -> Row:
    """One entry of the audit trail."""
    return {
        "entry": line.entry,
        "at": line.at,
        "by": f"{line.by}, {line.role}, {line.terminal}".rstrip(", "),
        "action": line.action_words,
        "what": line.what,
        "changes": _told_once(line.changes),
        "reason": line.reason or filters.NO_VALUE,
        "digest": f"{line.digest[:12]}…",
    }


def _told_once(changes: Sequence[str]) -> tuple[str, ...]:
    """Changes of one thing one after the other name it once."""
    found: list[str] = []
    before = ""
    for change in changes:
        thing, colon, rest = change.partition(": ")
        found.append(rest if colon and thing == before else change)
        before = thing if colon else ""
    return tuple(found)


# -- the timeline ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A level with its own steps, as deep as it lies in the record."""

    level: LevelView
    depth: int
    steps: tuple[StepView, ...]


def listed(record: RecordView) -> list[Listed]:
    """Levels and steps in the order they came: the list that says all that the bars say."""
    found: list[Listed] = []

    def walk(levels: Iterable[LevelView], depth: int) -> None:
        for level in levels:
            steps = tuple(item for item in level.items if isinstance(item, StepView))
            found.append(Listed(level=level, depth=depth, steps=steps))
            walk((item for item in level.items if isinstance(item, LevelView)), depth + 1)

    walk(record.levels, 0)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One step on its lane; lengths in drawing units."""

    path: str
    words: str
    x: float
    width: float
    y: float
    state: str
    marks: tuple[tuple[float, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Lanes with bars, ticks and the window that is shown."""

    lanes: tuple[tuple[str, float], ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    height: float
    start: datetime | None
    end: datetime | None


Window = tuple[datetime, datetime] | None


def window(steps: Sequence[StepView], zoom: str) -> Window:
    """The time that the steps (of one level with `zoom`) took; None before the first began."""
    wanted = [step for step in steps if step.started_at and step.path.startswith(zoom)]
    if not wanted:
        return None if not zoom else window(steps, "")
    start = min(step.started_at for step in wanted if step.started_at)
    end = max(_end(step) for step in wanted)
    return start, max(end, start + timedelta(minutes=1))


def _end(step: StepView) -> datetime:
    known = [step.completed_at, step.performed_at, step.started_at]
    return next(moment for moment in known if moment is not None)


def zooms(record: RecordView) -> list[tuple[str, str]]:
    """The batch and its unit procedures, to look at one of them."""
    found = [("", _("whole batch"))]
    for level in record.levels:
        found += [(item.path, item.name) for item in level.items if isinstance(item, LevelView)]
    return found


def timeline(record: RecordView, shown: Window) -> Timeline:
    """The bars of a window, one lane per unit or room."""
    if shown is None:
        return Timeline(lanes=(), bars=(), ticks=(), height=0, start=None, end=None)
    start, end = shown
    within = [
        step
        for step in record.steps()
        if step.started_at is not None and step.started_at <= end and _end(step) >= start
    ]
    names = list(dict.fromkeys(_lane(step) for step in sorted(within, key=_begun)))
    tops = {name: float(TOP + index * LANE) for index, name in enumerate(names)}
    severities = {case.number: case.severity for case in record.exceptions}
    bars = tuple(_bar(step, tops[_lane(step)], start, end, severities) for step in within)
    return Timeline(
        lanes=tuple(tops.items()),
        bars=bars,
        ticks=tuple(_ticks(start, end)),
        height=TOP + len(names) * LANE + 8,
        start=start,
        end=end,
    )


def _begun(step: StepView) -> datetime:
    """When a step was begun; lanes stand in the order in which the batch reached them."""
    return step.started_at or _end(step)


def _lane(step: StepView) -> str:
    if step.equipment:
        return step.equipment[0].equipment
    return _("Room %(room)s", room=step.room) if step.room else _("Office and system")


def _apart(places: Iterable[float]) -> list[float]:
    """Places of marks without those that would be drawn over the one before."""
    kept: list[float] = []
    for place in sorted(places):
        if not kept or place - kept[-1] >= LEAST:
            kept.append(place)
    return kept


def _bar(
    step: StepView, top: float, start: datetime, end: datetime, severities: Mapping[int, str]
) -> Bar:
    began = max(step.started_at or start, start)
    x = _x(began, start, end)
    width = max(_x(min(_end(step), end), start, end) - x, LEAST)
    signed = [_x(s.at, start, end) for s in step.signatures if s.at >= start]
    marks = [(place, "s", _("signature")) for place in _apart(signed)]
    marks += [(x + width / 2, "x", _("correction")) for v in step.values if v.former][:1]
    grave = [n for n in step.exceptions if severities.get(n) in ("major", "critical")]
    if step.exceptions:
        marks.append((x + width, "!" if not grave else "‼", _("exception")))
    return Bar(
        path=step.path,
        words=f"{step.key} {step.name}: {step.state_words}",
        x=x,
        width=width,
        y=top,
        state=step.state,
        marks=tuple(marks),
    )


def _x(moment: datetime, start: datetime, end: datetime) -> float:
    share = (moment - start) / (end - start)
    return round(min(max(share, 0), 1) * (WIDTH - 20) + 10, 1)


def _ticks(start: datetime, end: datetime) -> Iterable[tuple[float, str]]:
    span = (end - start) / 6
    for index in range(7):
        moment = start + span * index
        yield _x(moment, start, end), f"{local(moment, filters.zone()):%H:%M}"


# -- the route -------------------------------------------------------------------------------


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
