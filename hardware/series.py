"""What can be said about a tag over a stretch of site time: pure, reproducible, never interpolated.

Between two samples the earlier value holds (samples are stored by exception, see the dead band).
A bad sample ends that: from there on nothing is known until the next good one. Two samples further
apart than `spacing` are a hole as well (URS-PRO-040).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise, zip_longest

MICROSECOND = timedelta(microseconds=1)
SPACING = timedelta(seconds=15)
"""Steps of the demonstration clock are 10 s at most, values go stale 5 s later."""

Values = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Point:
    """One stored sample: site time, and the value, or None when it was bad."""

    at: datetime
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch without usable data; `end` is None while it lasts."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers of one tag over a window; `known` is the time for which a value was known.

    `mean` is weighted with time. Everything is None when nothing usable lies in the window.
    """

    samples: int
    known: timedelta
    minimum: Decimal | None
    maximum: Decimal | None
    mean: Decimal | None
    deviation: Decimal | None
    first: Decimal | None
    last: Decimal | None

    @property
    def empty(self) -> bool:
        """Nothing usable lies in the window."""
        return self.last is None


def summarize(
    points: Sequence[Point], start: datetime, end: datetime, *, spacing: timedelta = SPACING
) -> Summary:
    """Summary over [start, end]; `points` are in order and may begin with the one before it."""
    pieces = list(_pieces(points, start, end, spacing))
    values = [value for value, _ in pieces]
    inside = sum(1 for point in points if start <= point.at <= end and point.value is not None)
    known = sum((length for _, length in pieces), timedelta(0))
    mean = _weighted_mean(pieces)
    return Summary(
        samples=inside,
        known=known,
        minimum=min(values, default=None),
        maximum=max(values, default=None),
        mean=mean,
        deviation=_weighted_deviation(pieces, mean),
        first=values[0] if values else None,
        last=values[-1] if values else None,
    )


def holes(
    points: Sequence[Point], start: datetime, end: datetime, *, spacing: timedelta = SPACING
) -> list[Hole]:
    """Stretches of [start, end] for which nothing is known, in order; the last may be open."""
    found: list[Hole] = []
    known_until = start
    for begin, finish, _ in _known(points, start, end, spacing):
        if begin > known_until:
            found.append(Hole(known_until, begin))
        known_until = max(known_until, finish)
    if known_until < end:
        found.append(Hole(known_until, None))
    return found


def change(points: Iterable[Point], *, rollover: Decimal | None = None) -> Decimal:
    """How much a counter or total rose, over roll-overs and resets, never negative.

    A fall is a roll-over when the counter was in the last tenth before `rollover`, else a reset
    from zero: then what it shows now has risen since.
    """
    total = Decimal(0)
    usable = [point.value for point in points if point.value is not None]
    for before, after in pairwise(usable):
        if after >= before:
            total += after - before
        elif rollover is not None and before >= rollover * Decimal("0.9"):
            total += rollover + 1 - before + after
        else:
            total += after
    return total


def held_since(
    series: Mapping[str, Sequence[Point]],
    predicate: Callable[[Values], bool],
    start: datetime,
    at: datetime,
    *,
    spacing: timedelta = SPACING,
) -> datetime | None:
    """Since when (not before `start`) the predicate has held without interruption until `at`.

    None when it does not hold now, or when a value is not known now. Any hole interrupts.
    """
    since: datetime | None = None
    for moment in _moments(series, start, at, spacing):
        values = _values_at(series, moment, spacing)
        if values is None or not predicate(values):
            since = None
        elif since is None:
            since = moment
    return since


def held_throughout(
    series: Mapping[str, Sequence[Point]],
    predicate: Callable[[Values], bool],
    start: datetime,
    at: datetime,
    *,
    spacing: timedelta = SPACING,
) -> bool:
    """Whether the predicate has held without interruption from `start` until `at`.

    The same as `held_since` answering `start`; the present is looked at first, so that what does
    not hold now costs one look.
    """
    for moment in reversed(_moments(series, start, at, spacing)):
        values = _values_at(series, moment, spacing)
        if values is None or not predicate(values):
            return False
    return True


def value_at(
    points: Sequence[Point], moment: datetime, *, spacing: timedelta = SPACING
) -> Decimal | None:
    """The value in force at a moment; None when it is not known."""
    place = bisect_right(points, moment, key=lambda point: point.at)
    if place == 0 or moment - points[place - 1].at > spacing:
        return None
    return points[place - 1].value


def _known(
    points: Sequence[Point], start: datetime, end: datetime, spacing: timedelta
) -> Iterable[tuple[datetime, datetime, Decimal]]:
    """(from, until, value) of each stretch that a sample accounts for, cut to the window."""
    for point, following in zip_longest(points, points[1:]):
        if point.value is None or point.at > end:
            continue
        until = end if following is None else following.at
        begin = max(point.at, start)
        finish = min(until, end, point.at + spacing)
        if finish >= begin:
            yield begin, finish, point.value


def _pieces(
    points: Sequence[Point], start: datetime, end: datetime, spacing: timedelta
) -> Iterable[tuple[Decimal, timedelta]]:
    for begin, finish, value in _known(points, start, end, spacing):
        yield value, finish - begin


def _weighted_mean(pieces: Sequence[tuple[Decimal, timedelta]]) -> Decimal | None:
    if not pieces:
        return None
    weight = sum(length // MICROSECOND for _, length in pieces)
    if weight == 0:
        return pieces[-1][0]
    return sum((value * (length // MICROSECOND) for value, length in pieces), Decimal(0)) / weight


def _weighted_deviation(
    pieces: Sequence[tuple[Decimal, timedelta]], mean: Decimal | None
) -> Decimal | None:
    if mean is None:
        return None
    variance = _weighted_mean([((value - mean) ** 2, length) for value, length in pieces])
    return None if variance is None else variance.sqrt()


def _moments(
    series: Mapping[str, Sequence[Point]], start: datetime, at: datetime, spacing: timedelta
) -> list[datetime]:
    """Where something may change: samples, and where a sample runs out of its reach."""
    moments = {start, at}
    for points in series.values():
        for point in points:
            moments.add(point.at)
            moments.add(point.at + spacing + MICROSECOND)
    return sorted(moment for moment in moments if start <= moment <= at)


def _values_at(
    series: Mapping[str, Sequence[Point]], moment: datetime, spacing: timedelta
) -> dict[str, Decimal] | None:
    values = {}
    for name, points in series.items():
        value = value_at(points, moment, spacing=spacing)
        if value is None:
            return None
        values[name] = value
    return values
