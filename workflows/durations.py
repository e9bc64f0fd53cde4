"""ISO 8601 durations and timers as plain text: ``PT30M``, ``R3/PT15M``, a date with offset.

Only days and smaller, which all have a fixed length; months and years are refused.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from workflows.model import Timer
from workflows.words import TimerForm

_DURATION = re.compile(
    r"P(?:(?P<days>[0-9]{1,5})D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,5})H)?(?:(?P<minutes>[0-9]{1,5})M)?"
    r"(?:(?P<seconds>[0-9]{1,7})S)?)?"
)
_CYCLE = re.compile(r"R(?P<times>[0-9]{0,4})/(?P<every>P.*)")


class BadDuration(ValueError):
    """The text is not a duration, cycle or moment that we execute exactly."""


def duration(text: str) -> timedelta:
    """The length of ``PT1H30M``, at least one second. Raises BadDuration."""
    match = _DURATION.fullmatch(text)
    parts = {} if match is None else {k: int(v) for k, v in match.groupdict().items() if v}
    length = timedelta(**parts)
    if not parts or text.endswith("T") or not length:
        raise BadDuration(f"{text!r} is not a duration such as PT30M")
    return length


def cycle(text: str) -> tuple[int | None, timedelta]:
    """How often (None: without end) and how far apart ``R3/PT15M`` fires. Raises BadDuration."""
    match = _CYCLE.fullmatch(text)
    if match is None:
        raise BadDuration(f"{text!r} is not a cycle such as R/PT15M or R3/PT15M")
    times = int(match["times"]) if match["times"] else None
    if times == 0:
        raise BadDuration(f"{text!r} never fires")
    return times, duration(match["every"])


def moment(text: str) -> datetime:
    """The aware moment of ``2026-11-22T10:00:00Z``. Raises BadDuration without an offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadDuration(f"{text!r} is not a date with time") from None
    if found.tzinfo is None:
        raise BadDuration(f"{text!r} has no offset from UTC")
    return found


def check_timer(timer: Timer) -> None:
    """Raise BadDuration when the text is not of the timer's form."""
    {TimerForm.DATE: moment, TimerForm.DURATION: duration, TimerForm.CYCLE: cycle}[timer.form](
        timer.text
    )
