"""A record cut into portions that are laid out by themselves, so that a long one needs no more
memory than a short one and two processors share the work.

The cuts depend on the record alone: the same record gives the same pages. A heading is never the
last thing before a cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from ebr.report.model import RecordView, TrailLine
from ebr.report.stepmodel import LevelView, StepView

LINES_TO_SHARE = 700
"""Fewer lines than these (about ten pages) are laid out in one piece."""
LINES_AT_MOST = 1200
"""What one portion holds at most: 18 to 30 pages, so that two processes take little memory."""
LETTERS_A_LINE = 95
CHART_LINES = 20
STEP_LINES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The heading of a unit procedure, operation or round."""

    depth: int
    words: str
    name: str
    round: int


@dataclass(frozen=True, slots=True)
class Lists:
    """Stands for the tables over the whole record, which stay together."""

    lines: int


Item = Heading | StepView | Lists | TrailLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What one piece shows: the first page, steps under their headings, the lists, the trail."""

    first: bool
    items: tuple[Heading | StepView, ...] = ()
    lists: bool = False
    trail: tuple[TrailLine, ...] = ()
    begins_trail: bool = False


def portions_of(record: RecordView) -> list[Portion]:
    """The whole record in order, in as many portions as its length asks for."""
    items = list(_items(record))
    weights = [_lines(item) for item in items]
    total = sum(weights)
    count = max(1 if total <= LINES_TO_SHARE else 2, ceil(total / LINES_AT_MOST))
    pieces = _cut(items, weights, total / count)
    opening = record.trail[0] if record.trail else None
    return [_portion(piece, index == 0, opening) for index, piece in enumerate(pieces)]


def _items(record: RecordView) -> Iterator[Item]:
    for level in record.levels:
        yield from _inside(level, 0)
    yield Lists(_list_lines(record))
    yield from record.trail


def _inside(level: LevelView, depth: int) -> Iterator[Heading | StepView]:
    if depth:
        yield Heading(depth=depth, words=level.isa88_words, name=level.name, round=level.round)
    for item in level.items:
        if isinstance(item, StepView):
            yield item
        else:
            yield from _inside(item, depth + 1)


def _lines(item: Item) -> int:
    """About how many lines an item takes."""
    if isinstance(item, Heading):
        return 2
    if isinstance(item, Lists):
        return item.lines
    if isinstance(item, TrailLine):
        return 2 + sum(len(change) + 3 for change in item.changes) // LETTERS_A_LINE
    values = sum(1 + len(value.source) // LETTERS_A_LINE for value in item.values)
    rows = len(item.signatures) + len(item.materials) + len(item.equipment) // 2
    return STEP_LINES + values + rows + CHART_LINES * len(item.attachments)


def _list_lines(record: RecordView) -> int:
    cases = 6 * len(record.exceptions) + 3 * len(record.attempts) + 3 * len(record.decisions)
    tables = (record.materials, record.equipment, record.signatures, record.attachments)
    return cases + len(record.not_executed) + sum(map(len, tables))


def _cut(items: Sequence[Item], weights: Sequence[int], share: float) -> list[list[Item]]:
    """Cut where the shares are full, at the next place where a cut is allowed."""
    pieces: list[list[Item]] = [[]]
    done = 0
    for index, item in enumerate(items):
        full = done >= share * len(pieces)
        if full and pieces[-1] and not isinstance(items[index - 1], Heading):
            pieces.append([])
        pieces[-1].append(item)
        done += weights[index]
    return pieces


def _portion(piece: Sequence[Item], first: bool, opening: TrailLine | None) -> Portion:
    steps = tuple(item for item in piece if isinstance(item, Heading | StepView))
    trail = tuple(item for item in piece if isinstance(item, TrailLine))
    return Portion(
        first=first,
        items=steps,
        lists=any(isinstance(item, Lists) for item in piece),
        trail=trail,
        begins_trail=bool(trail) and trail[0] is opening,
    )
