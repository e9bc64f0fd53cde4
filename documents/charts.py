"""Trend charts as inline SVG, for print and for the screen; the same input gives the same bytes.

Rules: a gap is never joined but shown as a marked band with its length; thinning keeps the
smallest and the largest value of every pixel column, so no peak disappears; values that are not
good are drawn hollow; limits carry their tier as text. Drawing may use floats: no number of the
record comes from here, minimum, mean and maximum are handed back as they are computed from the
decimals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import ceil, floor, log10
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from documents.errors import RenderingFailed

WIDTH, HEIGHT = 680.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 104.0, 44.0, 38.0
_PLOT_WIDTH = WIDTH - _LEFT - _RIGHT

_INK, _MUTED, _GRID = "#14191d", "#4a555e", "#d9dee1"
# Lines differ by dash as well as by grey or hue, so that a copy in black and white still reads.
_STROKES = (("#0b57a4", ""), ("#14191d", "5 2"), ("#6f7a83", "1.5 1.5"), ("#8a4b08", "7 2 1.5 2"))
_TIER_STROKES = {
    "target": ("#4a555e", "8 3", 0.7),
    "alert": ("#14191d", "3 2", 0.8),
    "action": ("#a4262c", "", 1.1),
    "registered": ("#a4262c", "", 1.8),
}
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Point:
    """One reading: aware moment, value (None: no value) and whether its quality was good."""

    at: datetime
    value: Decimal | None
    good: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart: name, readings in time order, and the longest step that is no gap."""

    name: str
    points: Sequence[Point]
    longest_step: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitLine:
    """A limit over the whole time: tier (target, alert, action, registered), value, label."""

    tier: str
    value: Decimal
    label: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without a value between two readings."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> int:
        """Length in whole seconds."""
        return round((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class Summary:
    """Smallest, mean and largest good value of a series, and how many there are."""

    count: int
    minimum: Decimal
    mean: Decimal
    maximum: Decimal


def summarise(series: Series, *, decimals: int) -> Summary | None:
    """Summary over the good values, the mean rounded half up; None when there is no good value."""
    values = [p.value for p in series.points if p.good and p.value is not None]
    if not values:
        return None
    step = Decimal(1).scaleb(-decimals)
    mean = (sum(values, Decimal(0)) / len(values)).quantize(step, ROUND_HALF_UP)
    return Summary(len(values), min(values), mean, max(values))


def gaps_of(series: Series) -> list[Gap]:
    """Every stretch between two values that is too long or holds a reading without a value."""
    gaps: list[Gap] = []
    last: Point | None = None
    lost = False
    for point in series.points:
        if point.value is None:
            lost = True
            continue
        if last and (lost or point.at - last.at > series.longest_step):
            gaps.append(Gap(last.at, point.at))
        last, lost = point, False
    return gaps


def trend_chart(
    series: Sequence[Series],
    *,
    unit: str,
    zone: str,
    decimals: int,
    limits: Sequence[LimitLine] = (),
    no_data: str = "no data",
    title: str = "Trend",
    height: float = HEIGHT,
) -> Markup:
    """Draw up to four series over one time axis; `RenderingFailed` when there is nothing to draw.

    `unit` labels the value axis, `zone` names the zone of the ticks, `decimals` those of the
    printed numbers, `height` is that of the drawing whose width is 680.
    """
    if not 1 <= len(series) <= len(_STROKES):
        raise RenderingFailed(f"a chart shows one to {len(_STROKES)} series, not {len(series)}")
    frame = _Frame.around(series, limits, height)
    parts = [
        *_value_axis(frame, unit),
        *_time_axis(frame, ZoneInfo(zone), zone),
        *_gap_bands(frame, series, no_data),
        *_limit_lines(frame, limits),
        *(mark for index, each in enumerate(series) for mark in _line(frame, each, index)),
        *_legend(series, unit, decimals),
    ]
    return Markup(  # noqa: S704 - every text in the parts is escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}"'
        f' width="{WIDTH:.0f}" height="{height:.0f}" class="trend" role="img" font-size="8.5">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps moments and values to the drawing."""

    start: datetime
    seconds: float
    low: float
    high: float
    step: float
    bottom: float

    @classmethod
    def around(cls, series: Sequence[Series], limits: Sequence[LimitLine], height: float) -> _Frame:
        valued = [p for each in series for p in each.points if p.value is not None]
        if not valued:
            raise RenderingFailed("a chart needs at least one value")
        moments = [p.at for each in series for p in each.points]
        numbers = [float(p.value) for p in valued if p.value is not None]
        numbers += [float(line.value) for line in limits]
        low, high, step = _nice_range(min(numbers), max(numbers))
        seconds = max((max(moments) - min(moments)).total_seconds(), 1.0)
        return cls(min(moments), seconds, low, high, step, height - _BOTTOM)

    def x(self, at: datetime) -> float:
        return _LEFT + (at - self.start).total_seconds() / self.seconds * _PLOT_WIDTH

    def y(self, value: float | Decimal) -> float:
        share = (float(value) - self.low) / (self.high - self.low)
        return _TOP + (1 - share) * (self.bottom - _TOP)


def _nice_range(low: float, high: float) -> tuple[float, float, float]:
    """Range and tick step around the values: steps of 1, 2 or 5 times a power of ten."""
    span = (high - low) or abs(high) * 0.1 or 1.0
    raw = span * 1.12 / 5
    magnitude = 10.0 ** floor(log10(raw))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw * 0.999)
    bottom = floor((low - span * 0.06) / step) * step
    # No room below zero for what is never negative: a pressure of -1000 Pa would look measured.
    bottom = max(bottom, 0.0) if low >= 0 else bottom
    top = ceil((high + span * 0.06) / step) * step
    return bottom, top, step


def _value_axis(frame: _Frame, unit: str) -> Iterator[str]:
    decimals = max(0, -floor(log10(frame.step)))
    for index in range(round((frame.high - frame.low) / frame.step) + 1):
        value = frame.low + index * frame.step
        y = frame.y(value)
        yield _segment(_LEFT, y, WIDTH - _RIGHT, y, _GRID, 0.5)
        yield _text(_LEFT - 6, y + 3, f"{value:.{decimals}f}", anchor="end", fill=_MUTED)
    yield _text(_LEFT - 6, _TOP - 12, unit, anchor="end", weight="700")


def _time_axis(frame: _Frame, zone: ZoneInfo, name: str) -> Iterator[str]:
    bottom = frame.bottom
    yield _segment(_LEFT, bottom, WIDTH - _RIGHT, bottom, _INK, 0.9)
    step = next((s for s in _STEPS_S if frame.seconds / s <= 8), _DAY_S)
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < _DAY_S else "%m-%d"
    for moment in _ticks(frame, zone, step):
        x = frame.x(moment)
        yield _segment(x, bottom, x, bottom + 4, _INK, 0.9)
        local = moment.astimezone(zone)
        yield _text(x, bottom + 14, local.strftime(pattern), anchor="middle", fill=_MUTED)
    start = frame.start.astimezone(zone)
    label = f"{start:%Y-%m-%d}, {name} (UTC{start:%z})"
    yield _text(_LEFT, bottom + 28, f"{label[:-3]}:{label[-3:]}", fill=_MUTED)


def _ticks(frame: _Frame, zone: ZoneInfo, step: int) -> Iterator[datetime]:
    """Round local times inside the frame; longer frames than eight days take whole multiples."""
    while frame.seconds / step > 8 and step >= _DAY_S:
        step += _DAY_S
    offset = frame.start.astimezone(zone).utcoffset() or timedelta()
    first = frame.start.timestamp() + offset.total_seconds()
    delay = -first % step
    while delay <= frame.seconds:
        yield frame.start + timedelta(seconds=delay)
        delay += step


def _gap_bands(frame: _Frame, series: Sequence[Series], no_data: str) -> Iterator[str]:
    found = {
        (gap, each.name if len(series) > 1 else "") for each in series for gap in gaps_of(each)
    }
    free_from = 0.0
    for gap, name in sorted(found, key=lambda pair: (pair[0].start, pair[1])):
        left, right = frame.x(gap.start), frame.x(gap.end)
        yield (
            f'<rect x="{left:.1f}" y="{_TOP:.1f}" width="{max(right - left, 0.8):.1f}"'
            f' height="{frame.bottom - _TOP:.1f}" fill="#eceff1"/>'
        )
        for x in (left, right):
            yield _segment(x, _TOP, x, frame.bottom, _MUTED, 0.6, "2 2")
        text = f"{name} {no_data} {gap.seconds} s".strip()
        middle, half = (left + right) / 2, len(text) * 2.4
        # Every band is drawn; a text that would print over its neighbour is not, and the table
        # beside the chart lists all gaps.
        if middle - half >= free_from:
            yield _text(middle, _TOP - 5, text, anchor="middle", weight="700")
            free_from = middle + half


def _limit_lines(frame: _Frame, limits: Sequence[LimitLine]) -> Iterator[str]:
    placed: list[float] = []
    for limit in sorted(limits, key=lambda each: (-each.value, each.tier)):
        colour, dash, width = _TIER_STROKES[limit.tier]
        y = frame.y(limit.value)
        yield _segment(_LEFT, y, WIDTH - _RIGHT, y, colour, width, dash)
        # Labels of near limits move down rather than print over each other.
        label_y = max(y + 3, placed[-1] + 9.5 if placed else 0.0)
        placed.append(label_y)
        yield _text(WIDTH - _RIGHT + 5, label_y, limit.label, fill=colour)


def _line(frame: _Frame, series: Series, index: int) -> Iterator[str]:
    colour, dash = _STROKES[index]
    for run in _runs(series):
        path = [(frame.x(p.at), frame.y(p.value)) for p in run if p.value is not None]
        thin = _thinned(path)
        if len(thin) == 1:
            yield f'<circle cx="{thin[0][0]:.1f}" cy="{thin[0][1]:.1f}" r="1.4" fill="{colour}"/>'
            continue
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in thin)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        yield (
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"'
            f' stroke-linejoin="round"{dashed}/>'
        )
    doubtful = [p for p in series.points if not p.good and p.value is not None]
    for x, y in _thinned(
        [(frame.x(p.at), frame.y(p.value)) for p in doubtful if p.value is not None]
    ):
        yield (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="#fff" stroke="#a4262c"'
            ' stroke-width="0.9"/>'
        )


def _runs(series: Series) -> Iterator[list[Point]]:
    """Stretches without a gap; a reading without value ends a stretch."""
    run: list[Point] = []
    for point in series.points:
        if run and (point.value is None or point.at - run[-1].at > series.longest_step):
            yield run
            run = []
        if point.value is not None:
            run.append(point)
    if run:
        yield run


def _thinned(path: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """First, lowest, highest and last point of every half pixel column, in time order."""
    if len(path) <= 4 * _PLOT_WIDTH:
        return list(path)
    columns: dict[int, list[int]] = {}
    for index, (x, _) in enumerate(path):
        columns.setdefault(int(x * 2), []).append(index)
    kept: list[tuple[float, float]] = []
    for members in columns.values():
        extremes = {members[0], members[-1]}
        extremes.add(min(members, key=lambda i: path[i][1]))
        extremes.add(max(members, key=lambda i: path[i][1]))
        kept.extend(path[i] for i in sorted(extremes))
    return kept


def _legend(series: Sequence[Series], unit: str, decimals: int) -> Iterator[str]:
    for index, each in enumerate(series):
        colour, dash = _STROKES[index]
        summary = summarise(each, decimals=decimals)
        text = each.name
        if summary:
            text += (
                f"  min {_fixed(summary.minimum, decimals)} · mean {_fixed(summary.mean, decimals)}"
                f" · max {_fixed(summary.maximum, decimals)} {unit}"
            )
        column, row = index % 2, index // 2
        x, y = _LEFT + 250 * column + 26, 8.0 + 10 * row
        yield _segment(x - 22, y - 3, x - 4, y - 3, colour, 1.4, dash)
        yield _text(x, y, text)


def _fixed(value: Decimal, decimals: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):f}"


def _segment(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float, dash: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        f' stroke="{colour}" stroke-width="{width}"{dashed}/>'
    )


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", fill: str = _INK, weight: str = ""
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{bold}>'
        f"{escape(text)}</text>"
    )
