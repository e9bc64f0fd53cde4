"""Questions to the audit trail and their answers, exact and in pages (URS-AUD-100).

The order is that of the log, so a page stays what it was while entries arrive. An empty field asks
for nothing. Text is found by the beginnings of its words, all of them in any order; codes of
actions, tables and fields, numbers of records, units and recipes as they are, whatever their case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import searchterms
from audit.models import Entry, LogLeaf
from audit.searchindex import Postings, places
from core.db import site_of
from core.errors import Invalid

PER_PAGE = 50
IN_ONE_QUERY = 500
FIRST_DAY, LAST_DAY = "0", "9999-99"
SORTS = {"new": "", "old": "", "who": searchterms.WHO, "action": searchterms.ACTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked; `since` (inclusive) and `until` (exclusive) are site times, aware.

    `off_hours` asks for entries outside Monday to Friday, `from_hour` to below `to_hour` of the
    site's own time. `without` leaves out what the person with that badge did, so that somebody can
    review the rest (URS-AUD-110).
    """

    who: str = ""
    without: str = ""
    action: str = ""
    record: str = ""
    table: str = ""
    field: str = ""
    object: str = ""
    equipment: str = ""
    recipe: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    changed: bool = False
    refused: bool = False
    off_hours: bool = False
    from_hour: int = 6
    to_hour: int = 22
    rank: str = ""

    def as_json(self) -> dict[str, Any]:
        """What differs from an empty question, as plain values."""
        told = {}
        for name, value in asdict(self).items():
            if value != getattr(NOTHING_ASKED, name):
                told[name] = value.isoformat() if isinstance(value, datetime) else value
        return told

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Question:
        """A question as `as_json` tells it. `Invalid` for anything else."""
        known = {field.name for field in fields(cls)}
        if set(told) - known:
            raise Invalid(
                f"a question does not ask for {', '.join(sorted(set(told) - known))}",
                resolver="who made it, with a release that knows more",
            )
        given: dict[str, Any] = dict(told)
        for name in {"since", "until"} & told.keys():
            given[name] = datetime.fromisoformat(told[name])
        return replace(NOTHING_ASKED, **given)


NOTHING_ASKED = Question()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """Entries that count as critical or major, by one question each (URS-AUD-110)."""

    rank: str
    code: str
    question: Question


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry with its place in the log."""

    index: int
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an answer. `total` is exact; `through` of `logged` entries were searched.

    `following` is the place to ask for the next page with, None on the last one.
    """

    hits: Sequence[Hit]
    total: int
    through: int
    logged: int
    following: str | None


class Search:
    """The trail as one reader sees it, at one moment.

    `records` are the streams that the reader may see, None for all; `ranks` the rules in force.
    """

    def __init__(
        self,
        session: Session,
        *,
        ranks: Sequence[Rank] = (),
        records: Sequence[str] | None = None,
    ) -> None:
        self._session = session
        self._ranks = ranks
        self._records = records
        self.postings = Postings(session)

    def page(self, question: Question, *, sort: str = "new", after: str = "") -> Page:
        """The entries that fit, from behind `after`. `Invalid` for a place that is none."""
        found = self.matching(question)
        order = self._order(found, sort, after)
        taken = []
        for index in order:
            taken.append(index)
            if len(taken) > PER_PAGE:
                break
        shown = taken[:PER_PAGE]
        return Page(
            hits=self.hits(shown),
            total=found.bit_count(),
            through=self.postings.through,
            logged=self.postings.logged,
            following=self._place(shown[-1], sort) if len(taken) > PER_PAGE else None,
        )

    def matching(self, question: Question) -> int:
        """The set of all entries that fit, by their places in the log."""
        found = self.postings.everything
        for part in self._parts(question):
            found &= part
            if not found:
                break
        return found

    def hits(self, indexes: Sequence[int]) -> list[Hit]:
        """These entries, in this order."""
        entries: dict[int, Entry] = {}
        for start in range(0, len(indexes), IN_ONE_QUERY):
            query = (
                select(LogLeaf.idx, Entry)
                .join(Entry, Entry.id == LogLeaf.entry_id)
                .where(LogLeaf.site_id == site_of(self._session))
                .where(LogLeaf.idx.in_(indexes[start : start + IN_ONE_QUERY]))
            )
            for index, entry in self._session.execute(query):
                entries[index] = entry
        return [Hit(index, entries[index]) for index in indexes]

    def rank_of(self, hit: Hit, found: dict[str, int]) -> str:
        """The gravest rank of an entry; `found` are the sets of `ranked`."""
        return next((rank for rank, members in found.items() if members >> hit.index & 1), "")

    def ranked(self) -> dict[str, int]:
        """The entries of every rank, the gravest first."""
        found: dict[str, int] = {}
        for rule in self._ranks:
            found[rule.rank] = found.get(rule.rank, 0) | self.matching(rule.question)
        return found

    def _parts(self, asked: Question) -> Iterator[int]:
        """One set for each field that narrows; entries must be in all of them."""
        kinds = (
            (searchterms.ACTION, asked.action), (searchterms.RECORD, asked.record),
            (searchterms.TABLE, asked.table), (searchterms.FIELD, asked.field),
            (searchterms.EQUIPMENT, asked.equipment),
        )  # fmt: skip
        for kind, value in kinds:
            if value.strip():
                yield self.postings.of(kind, searchterms.fold(value))
        for flag, wanted in (
            (searchterms.CHANGED, asked.changed), (searchterms.REFUSED, asked.refused),
        ):  # fmt: skip
            if wanted:
                yield self.postings.of(searchterms.FLAG, flag)
        if asked.who.strip():
            yield self._who(asked.who)
        if asked.without.strip():
            yield self.postings.everything & ~self.done_by(asked.without)
        for kind, text in ((searchterms.OBJECT, asked.object), (searchterms.TEXT, asked.text)):
            if text.strip():
                yield self._worded(kind, text)
        if asked.recipe.strip():
            yield self._of_recipe(searchterms.fold(asked.recipe))
        if asked.off_hours:
            yield self._off_hours(asked)
        if asked.since is not None or asked.until is not None:
            yield self._between(asked.since, asked.until)
        if asked.rank:
            yield self.ranked().get(asked.rank, 0)
        if self._records is not None:
            yield self.postings.any_of(searchterms.RECORD, map(searchterms.fold, self._records))

    def done_by(self, badge: str) -> int:
        """The entries of acts of one person or service, by badge or name of the service."""
        return self.postings.of(searchterms.WHO, searchterms.fold(badge))

    def _who(self, asked: str) -> int:
        return self.done_by(asked) | self._worded(searchterms.NAME, asked)

    def _worded(self, kind: str, text: str) -> int:
        wanted = searchterms.words(text)
        found = self.postings.everything if wanted else 0
        for word in wanted:
            found &= self.postings.beginning(kind, word)
        return found

    def _of_recipe(self, recipe: str) -> int:
        """What names the recipe, and all entries of the batches that were made by it."""
        named = self.postings.of(searchterms.RECIPE, recipe)
        records = {hit.entry.rec for hit in self.hits(list(places(named)))}
        batches = [searchterms.fold(rec) for rec in records if rec.startswith("batch/")]
        return named | self.postings.any_of(searchterms.RECORD, batches)

    def _off_hours(self, asked: Question) -> int:
        outside = [
            searchterms.hour(weekday, number)
            for weekday in range(7)
            for number in range(24)
            if weekday > 4 or not asked.from_hour <= number < asked.to_hour
        ]
        return self.postings.any_of(searchterms.HOUR, outside)

    def _between(self, since: datetime | None, until: datetime | None) -> int:
        """By whole days from the search; the pieces of days at both ends from the entries."""
        first = FIRST_DAY if since is None else _day_from(since).isoformat()
        last = LAST_DAY if until is None else until.astimezone(UTC).date().isoformat()
        if since is not None and until is not None and first > last:
            return self._piece(since, until)
        found = self.postings.between(searchterms.DAY, first, last)
        if since is not None:
            found |= self._piece(since, _midnight(_day_from(since)))
        if until is not None:
            found |= self._piece(_midnight(until.astimezone(UTC).date()), until)
        return found

    def _piece(self, since: datetime, until: datetime) -> int:
        if since >= until:
            return 0
        # First the entries by their time, then their places: joined, SQLite reads the whole log.
        query = select(Entry.id).where(
            Entry.site_id == site_of(self._session), Entry.at >= since, Entry.at < until
        )
        ids = list(self._session.scalars(query))
        data = bytearray(self.postings.through // 8 + 1)
        for start in range(0, len(ids), IN_ONE_QUERY):
            part = LogLeaf.entry_id.in_(ids[start : start + IN_ONE_QUERY])
            for index in self._session.scalars(
                select(LogLeaf.idx).where(LogLeaf.site_id == site_of(self._session), part)
            ):
                if index < self.postings.through:
                    data[index >> 3] |= 1 << (index & 7)
        return int.from_bytes(data, "little")

    def _order(self, found: int, sort: str, after: str) -> Iterator[int]:
        if sort not in SORTS:
            raise _no_place(sort)
        value, index = _read_place(after)
        if kind := SORTS[sort]:
            yield from self._by_value(found, kind, value, index)
        elif sort == "old":
            yield from _rising(found, index)
        else:
            yield from _falling(found, index)

    def _by_value(self, found: int, kind: str, value: str, index: int | None) -> Iterator[int]:
        """By the values of a kind; of one value the newest first."""
        for each in self.postings.values(kind):
            if each >= value:
                here = found & self.postings.of(kind, each)
                yield from _falling(here, index if each == value else None)

    def _place(self, index: int, sort: str) -> str:
        if not SORTS[sort]:
            return str(index)
        entry = self.hits([index])[0].entry
        value = entry.actor if SORTS[sort] == searchterms.WHO else entry.action
        return f"{index}.{searchterms.fold(value)}"


def _day_from(since: datetime) -> date:
    """The first whole day (UTC) from that moment on."""
    there = since.astimezone(UTC)
    return there.date() if there.time() == time(0) else there.date() + timedelta(days=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def _read_place(after: str) -> tuple[str, int | None]:
    if not after:
        return "", None
    index, _, value = after.partition(".")
    if not (index.isascii() and index.isdigit() and len(index) < 16):
        raise _no_place(after)
    return value, int(index)


def _no_place(given: str) -> Invalid:
    return Invalid(f"{given[:40]!r} is no place in an answer", resolver="who asks, once more")


def _falling(found: int, below: int | None) -> Iterator[int]:
    """Members from the highest below `below`."""
    left = found if below is None else found & ((1 << below) - 1)
    while left:
        index = left.bit_length() - 1
        yield index
        left ^= 1 << index


def _rising(found: int, above: int | None) -> Iterator[int]:
    """Members from the lowest above `above`."""
    start = 0 if above is None else above + 1
    for index in places(found >> start):
        yield start + index
