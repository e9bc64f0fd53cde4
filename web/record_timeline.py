"""From the view of a record to its timeline: levels with their steps, and bars of time.

Nothing is decided here; states come from the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import local
from ebr.report.model import RecordView
from ebr.report.stepmodel import LevelView, StepView
from web import filters
from web.i18n import gettext as _

WIDTH = 1000
LANE = 36
TOP = 34
LEAST = 6
"""A bar is never thinner than this, so that a short step can be hit."""


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
