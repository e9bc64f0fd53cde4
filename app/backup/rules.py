"""Pure decisions about backups: when the next one is due, and which files may go (URS-BAK-030)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

HOURS, DAYS = "h", "d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often, and what is kept.

    A backup each `every`; a file is never removed before it is `locked` old; then the newest
    of each of the last `daily` days, `weekly` weeks and `monthly` months that have one stays. A
    drill each `drill`.
    """

    every: timedelta = timedelta(hours=24)
    locked: timedelta = timedelta(days=35)
    daily: int = 7
    weekly: int = 8
    monthly: int = 24
    drill: timedelta = timedelta(days=90)

    @property
    def grace(self) -> timedelta:
        """How much later than planned a backup may come before it is overdue."""
        return self.every / 2


LENGTHS = ("every", "locked", "drill")
COUNTS = ("daily", "weekly", "monthly")


def read_plan(text: str) -> Plan:
    """A plan such as ``every=12h locked=35d daily=7 weekly=8 monthly=24 drill=90d``.

    What is not named has its default. ValueError for anything else, also for a word given twice.
    """
    found: dict[str, timedelta | int] = {}
    for word in text.split():
        name, _equals, value = word.partition("=")
        if name in found or name not in (*LENGTHS, *COUNTS):
            raise ValueError(f"{word!r} is no part of a plan, or stands there twice")
        found[name] = _length(word, value) if name in LENGTHS else _count(word, value)
    return Plan(**found)  # type: ignore[arg-type]  # each name with the type of its field


def _length(word: str, value: str) -> timedelta:
    number, unit = _count(word, value[:-1]), value[-1:]
    if number == 0 or unit not in (HOURS, DAYS):
        raise ValueError(f"{word!r}: a length is hours or days, such as 12h or 90d")
    return timedelta(hours=number) if unit == HOURS else timedelta(days=number)


def _count(word: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 6):
        raise ValueError(f"{word!r}: a whole number is missing")
    return int(value)


def removable(taken: Iterable[datetime], plan: Plan, now: datetime) -> set[datetime]:
    """Which backups, told by the times at which they were taken (UTC), may be removed now.

    Days, weeks and months are counted by the backups that are there, so that no clock that is set
    to another year makes them all old; the newest one always stays.
    """
    newest_first = sorted(set(taken), reverse=True)
    kept = {
        *newest_first[:1],
        *(at for at in newest_first if now - at < plan.locked),
        *_newest_of_each(newest_first, lambda at: at.date(), plan.daily),
        *_newest_of_each(newest_first, lambda at: at.isocalendar()[:2], plan.weekly),
        *_newest_of_each(newest_first, lambda at: (at.year, at.month), plan.monthly),
    }
    return set(newest_first) - kept


def _newest_of_each(
    newest_first: list[datetime], period: Callable[[datetime], object], count: int
) -> Iterable[datetime]:
    first_seen: dict[object, datetime] = {}
    for at in newest_first:
        first_seen.setdefault(period(at), at)
    return islice(first_seen.values(), count)
