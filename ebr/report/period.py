"""The days that a document is asked for: days of the site's calendar, the last one included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from core.errors import Invalid
from core.house import moment
from ebr.printables import Subject
from ebr.report.sheet import Place

NOT_OVER = "PERIOD NOT OVER"
DAY_NOT_OVER = "DAY NOT OVER"


class NoPeriod(Invalid):
    """The days of a document are missing, written otherwise, in the wrong order or to come."""

    rule = "document.period"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From the start of `first` to the end of `last`; `over` when that has passed already.

    `since` is inclusive, `until` exclusive, both aware UTC.
    """

    first: date
    last: date
    since: datetime
    until: datetime
    over: bool

    @property
    def words(self) -> str:
        """``2026-03-01 to 2026-03-31``."""
        return f"{self.first.isoformat()} to {self.last.isoformat()}"

    @property
    def file_words(self) -> str:
        """The days for the name of a file."""
        return f"{self.first.isoformat()} {self.last.isoformat()}"


def period_of(session: Session, subject: Subject, place: Place) -> Period:
    """The days ``since`` to ``until`` of a subject. Raises NoPeriod."""
    first, last = day_of(subject, "since"), day_of(subject, "until")
    if first > last:
        raise NoPeriod(
            f"{first.isoformat()} comes after {last.isoformat()}", resolver="you, by other days"
        )
    since, until = midnight(first, place.zone), midnight(last + timedelta(days=1), place.zone)
    now = moment(session).site
    if since > now:
        raise NoPeriod(f"{first.isoformat()} is still to come", resolver="you, by another day")
    return Period(first=first, last=last, since=since, until=until, over=until <= now)


def day_of(subject: Subject, name: str) -> date:
    """One day of a subject. Raises NoPeriod."""
    given = subject.get(name, "")
    try:
        found = date.fromisoformat(given)
    except ValueError:
        found = date.min
    # The ends of the calendar have no day before or after them to count from.
    if not date(1900, 1, 1) <= found <= date(2999, 12, 31) or len(given) != len("2026-03-02"):
        raise NoPeriod(
            f"“{given[:20]}” is no day; one is written like 2026-03-02",
            resolver="you, by choosing a day",
        )
    return found


def midnight(day: date, zone: str) -> datetime:
    """The first moment of a day of the site, in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)
