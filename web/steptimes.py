"""The times that count at a step: its own, those before it, and every hold time that runs.

What runs out when, and what is over already, is said with the moment in site time and with what is
left; the card is asked for again while the page is open (URS-EXE-070).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.house import moment
from ebr import holds, intervals
from ebr.context import StepContext
from ebr.models import HoldTime, ProcedureRun, StepState
from web import filters
from web.i18n import gettext as _
from workflows.durations import duration
from workflows.words import AtMaximum, HoldAct

OPEN = (StepState.READY, StepState.STARTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLine:
    """One time in words: its moment, what is left of it, and whether it was passed and is broken.

    `met` tells of a shortest time that has passed.
    """

    words: str
    at: datetime | None
    left: str
    over: bool = False
    met: bool = False


def of(context: StepContext) -> Sequence[TimeLine]:
    """The times at a step that is open, then all that run in its record."""
    own = [*_before(context), *_own(context)] if context.step.state in OPEN else []
    return [*own, *_running(context)]


def of_run(session: Session, run: ProcedureRun) -> Sequence[TimeLine]:
    """Every hold time that runs in a record, the one that runs out first before the others."""
    now = moment(session).site
    return [_hold(row, now, _name(row)) for row in holds.running(session, run)]


def _before(context: StepContext) -> Iterator[TimeLine]:
    if context.step.state != StepState.READY:
        return
    for each in intervals.before(context):
        if each.earliest is not None:
            words = _("may begin, after %(key)s", key=each.interval.after)
            yield _shortest(words, each.earliest, context.at)


def _own(context: StepContext) -> Iterator[TimeLine]:
    timing, started = context.spec.timing, context.step.started_at
    if timing is None:
        return
    earliest = intervals.earliest_end(context)
    if earliest is not None:
        yield _shortest(_("may be performed"), earliest, context.at)
    elif timing.minimum:
        least = filters.span(duration(timing.minimum))
        yield TimeLine(words=_("takes at least %(span)s", span=least), at=None, left="")
    if not timing.maximum:
        return
    longest = duration(timing.maximum)
    if started is None:
        most = filters.span(longest)
        yield TimeLine(words=_("takes at most %(span)s", span=most), at=None, left="")
    else:
        ends = timing.at_maximum is AtMaximum.END
        words = _("ends by itself") if ends else _("must be performed")
        yield _longest(words, started + longest, context.at)


def _running(context: StepContext) -> Iterator[TimeLine]:
    ended = {hold.name for hold in context.spec.holds if hold.act is HoldAct.ENDS}
    ended |= {each.name_before(context.spec.key) for each in context.spec.intervals}
    for row in holds.running(context.session, context.run):
        name = _name(row)
        if row.name in ended and context.step.state == StepState.READY:
            name = _("%(name)s, ends with the start of this step", name=name)
        yield _hold(row, context.at, name)


def _name(row: HoldTime) -> str:
    said = _("hold time %(name)s", name=row.name.replace("_", " "))
    return f"{said} · {row.equipment}" if row.equipment else said


def _hold(row: HoldTime, now: datetime, name: str) -> TimeLine:
    if row.due_at is None:
        since = filters.span(now - row.started_at)
        return TimeLine(words=name, at=None, left=_("runs for %(span)s, no limit", span=since))
    return _longest(name, row.due_at, now)


def _shortest(words: str, earliest: datetime, now: datetime) -> TimeLine:
    met = now >= earliest
    left = _("has passed") if met else _("in %(span)s", span=filters.span(earliest - now))
    return TimeLine(words=words, at=earliest, left=left, met=met)


def _longest(words: str, latest: datetime, now: datetime) -> TimeLine:
    if now > latest:
        over = _("over for %(span)s", span=filters.span(now - latest))
        return TimeLine(words=words, at=latest, left=over, over=True)
    left = _("%(span)s left", span=filters.span(latest - now))
    return TimeLine(words=words, at=latest, left=left)
