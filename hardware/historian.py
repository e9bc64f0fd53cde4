"""The historian: samples and current values in an SQLite file of their own.

The gateway is the only writer; everybody else opens it for reading. A record never depends on this
file: what a step needs is copied into it as a reading or a trend attachment. `ts` is site time,
freshness is real monotonic time (architecture, section 8). Values are text exactly as taken.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

from core.clock import RealClock, SystemClock
from core.types import EPOCH, MICROSECOND
from hardware import series, statuses
from hardware.rules import judge
from hardware.series import Hole, Point, Summary
from hardware.words import Quality, Reason

SCHEMA = """
CREATE TABLE IF NOT EXISTS link_session (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, device TEXT NOT NULL, endpoint TEXT NOT NULL,
  identity TEXT NOT NULL, gateway TEXT NOT NULL, driver TEXT NOT NULL, started_us INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sample (
  tag TEXT NOT NULL, ts INTEGER NOT NULL, seq INTEGER NOT NULL, value TEXT, raw TEXT NOT NULL,
  status INTEGER NOT NULL, status_name TEXT NOT NULL, reasons TEXT NOT NULL,
  source_us INTEGER, server_us INTEGER, received_us INTEGER NOT NULL, session INTEGER NOT NULL,
  map_version INTEGER NOT NULL, PRIMARY KEY (tag, ts, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag_current (
  tag TEXT PRIMARY KEY, ts INTEGER NOT NULL, value TEXT, raw TEXT NOT NULL,
  status INTEGER NOT NULL, status_name TEXT NOT NULL, reasons TEXT NOT NULL,
  source_us INTEGER, server_us INTEGER, received_us INTEGER NOT NULL, session INTEGER NOT NULL,
  map_version INTEGER NOT NULL, mono REAL NOT NULL, boot TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (
  id TEXT PRIMARY KEY, device TEXT NOT NULL, started_us INTEGER NOT NULL, ended_us INTEGER,
  cause TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_gap ON gap (device, started_us);
CREATE TABLE IF NOT EXISTS gateway_event (
  id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, real_us INTEGER NOT NULL, device TEXT NOT NULL,
  state TEXT NOT NULL, detail TEXT NOT NULL
);
"""
SAMPLE = "INSERT OR IGNORE INTO sample VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
CURRENT = "INSERT OR REPLACE INTO tag_current VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NEVER_SEEN = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One sample on its way into the historian; times are site time but for `mono`."""

    tag: str
    at: datetime
    value: str | None
    raw: str
    status: int
    status_name: str
    reasons: tuple[Reason, ...]
    source_at: datetime | None
    server_at: datetime | None
    received_at: datetime
    map_version: int
    session: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One connection to one device, from connect to close: the provenance of its samples."""

    name: str
    device: str
    endpoint: str
    identity: str
    gateway: str
    driver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The current value of a tag as stored, with its age in real seconds."""

    sample: Sampled
    session: Session
    age_seconds: float

    @property
    def source_age_seconds(self) -> float | None:
        """Age by the time stamp of the device: its lag at reception and the time since."""
        if self.sample.source_at is None:
            return None
        lag = (self.sample.received_at - self.sample.source_at).total_seconds()
        return max(lag, 0.0) + self.age_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Points of a tag between two site times, with the stretches without data."""

    tag: str
    points: tuple[Point, ...]
    holes: tuple[Hole, ...]


class Historian:
    """One historian file. Safe to share between threads; each has its own connection."""

    def __init__(self, path: Path, *, clock: RealClock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._local = threading.local()
        self._boot = BOOT_ID.read_text().strip() if BOOT_ID.exists() else "unknown"
        self._sequence = 0

    def create(self) -> None:
        """Make the file and its tables where they are missing; the gateway and seeding do it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
            connection.executescript(SCHEMA)
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connection of this thread."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    # What the gateway writes

    def open_session(self, session: Session) -> int:
        """Remember a new connection; its number stands in each sample."""
        row = self._connection().execute(
            "INSERT INTO link_session (name, device, endpoint, identity, gateway, driver,"
            " started_us) VALUES (?,?,?,?,?,?,?)",
            (
                session.name,
                session.device,
                session.endpoint,
                session.identity,
                session.gateway,
                session.driver,
                _us(self._clock.now()),
            ),
        )
        return int(row.lastrowid or 0)

    def store(self, keep: Sequence[Sampled], current: Sequence[Sampled]) -> None:
        """One commit: samples for history, and the values that are current from now on."""
        mono, boot = self._clock.monotonic(), self._boot
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(SAMPLE, [self._sample_row(sample) for sample in keep])
            connection.executemany(CURRENT, [(*_common(sample), mono, boot) for sample in current])
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def begin_gap(self, gap: UUID, device: str, at: datetime, cause: str) -> None:
        """No data from this device from this site time on."""
        self._connection().execute(
            "INSERT OR IGNORE INTO gap VALUES (?,?,?,NULL,?)", (str(gap), device, _us(at), cause)
        )

    def end_gap(self, gap: UUID, at: datetime) -> None:
        """Data again."""
        self._connection().execute(
            "UPDATE gap SET ended_us = ? WHERE id = ? AND ended_us IS NULL", (_us(at), str(gap))
        )

    def note(self, device: str, state: str, detail: str, *, at: datetime) -> None:
        """An event of the gateway itself, for the status screen and for looking back."""
        self._connection().execute(
            "INSERT INTO gateway_event (at_us, real_us, device, state, detail) VALUES (?,?,?,?,?)",
            (_us(at), _us(self._clock.now()), device, state, detail),
        )

    # What everybody reads

    def current(self, tag: str) -> Stored | None:
        """The last value of the tag, or None when the gateway never saw it."""
        return self.current_of([tag]).get(tag)

    def current_of(self, tags: Iterable[str]) -> dict[str, Stored]:
        """The last values of several tags, by tag, in one consistent look."""
        rows = self._rows(
            "SELECT c.*, s.name, s.device, s.endpoint, s.identity, s.gateway, s.driver"
            " FROM tag_current c JOIN link_session s ON s.id = c.session"
            " WHERE c.tag IN (SELECT value FROM json_each(?))",
            [json.dumps(list(tags))],
        )
        return {row[0]: self._stored(row) for row in rows}

    def last_seen(self, tags: Iterable[str]) -> datetime | None:
        """Site time of the newest current value among these tags; None when there is none."""
        rows = self._rows(
            "SELECT max(ts) FROM tag_current WHERE tag IN (SELECT value FROM json_each(?))",
            [json.dumps(list(tags))],
        )
        return None if rows[0][0] is None else _at(rows[0][0])

    def points(self, tag: str, start: datetime, end: datetime) -> list[Point]:
        """Samples in [start, end] in order, led by the one in force at `start` if there is one."""
        before = self._rows(
            "SELECT ts, value, status, reasons FROM sample WHERE tag = ? AND ts < ?"
            " ORDER BY ts DESC, seq DESC LIMIT 1",
            [tag, _us(start)],
        )
        inside = self._rows(
            "SELECT ts, value, status, reasons FROM sample WHERE tag = ? AND ts BETWEEN ? AND ?"
            " ORDER BY ts, seq",
            [tag, _us(start), _us(end)],
        )
        return [_point(row) for row in [*before, *inside]]

    def samples(self, tag: str, start: datetime, end: datetime) -> list[Sampled]:
        """Everything stored of a tag in [start, end], in order: for the record's attachment."""
        rows = self._rows(
            "SELECT tag, ts, value, raw, status, status_name, reasons, source_us, server_us,"
            " received_us, session, map_version FROM sample"
            " WHERE tag = ? AND ts BETWEEN ? AND ? ORDER BY ts, seq",
            [tag, _us(start), _us(end)],
        )
        return [_sampled(row) for row in rows]

    def trend(self, tag: str, start: datetime, end: datetime) -> Trend:
        """Points and holes for a chart; a hole is drawn as a break, never bridged."""
        points = self.points(tag, start, end)
        return Trend(tag=tag, points=tuple(points), holes=tuple(series.holes(points, start, end)))

    def summary(self, tag: str, start: datetime, end: datetime) -> Summary:
        """Minimum, maximum, time-weighted mean and so on over a window."""
        return series.summarize(self.points(tag, start, end), start, end)

    def mean_of_last(self, tag: str, length: timedelta, at: datetime) -> Decimal | None:
        """Time-weighted mean of the last `length` before `at`; None when a part is not known."""
        points = self.points(tag, at - length, at)
        if series.holes(points, at - length, at):
            return None
        return series.summarize(points, at - length, at).mean

    def total_since(
        self, tag: str, since: datetime, at: datetime, *, rollover: Decimal | None = None
    ) -> Decimal:
        """How much a counter or total rose between two site times."""
        return series.change(self.points(tag, since, at), rollover=rollover)

    def held_since(
        self,
        tags: Sequence[str],
        predicate: Callable[[Mapping[str, Decimal]], bool],
        start: datetime,
        at: datetime,
    ) -> datetime | None:
        """Since when, from `start` on, the predicate has held until `at` without interruption."""
        known = {tag: self.points(tag, start, at) for tag in tags}
        return series.held_since(known, predicate, start, at)

    def held_for(
        self,
        tags: Sequence[str],
        predicate: Callable[[Mapping[str, Decimal]], bool],
        duration: timedelta,
        at: datetime,
    ) -> bool:
        """Whether the predicate has held for the whole `duration` before `at`."""
        start = at - duration
        known = {tag: self.points(tag, start, at) for tag in tags}
        return series.held_throughout(known, predicate, start, at)

    def gaps(self, device: str, start: datetime, end: datetime) -> list[Hole]:
        """Times without data from a device that touch [start, end]."""
        rows = self._rows(
            "SELECT started_us, ended_us FROM gap WHERE device = ? AND started_us <= ?"
            " AND (ended_us IS NULL OR ended_us >= ?) ORDER BY started_us",
            [device, _us(end), _us(start)],
        )
        return [Hole(_at(row[0]), _at(row[1]) if row[1] is not None else None) for row in rows]

    def events(self, device: str, *, most: int = 100) -> list[tuple[datetime, str, str]]:
        """The last events of a device's link, newest first: site time, state, detail."""
        rows = self._rows(
            "SELECT at_us, state, detail FROM gateway_event WHERE device = ?"
            " ORDER BY id DESC LIMIT ?",
            [device, most],
        )
        return [(_at(row[0]), row[1], row[2]) for row in rows]

    def _rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._connection().execute(query, values).fetchall()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=10)
            # Samples survive a crash of the process; the last second may go with the machine,
            # and a record holds its own copies.
            connection.execute("PRAGMA synchronous=NORMAL").fetchall()
            self._local.connection = connection
        return connection

    def _sample_row(self, sample: Sampled) -> tuple[Any, ...]:
        self._sequence += 1
        tag, ts, *rest = _common(sample)
        return (tag, ts, self._sequence, *rest)

    def _stored(self, row: tuple[Any, ...]) -> Stored:
        age = self._clock.monotonic() - row[12] if row[13] == self._boot else NEVER_SEEN
        name, device, endpoint, identity, gateway, driver = row[14:]
        return Stored(
            sample=_sampled(row[:12]),
            session=Session(
                name=name,
                device=device,
                endpoint=endpoint,
                identity=identity,
                gateway=gateway,
                driver=driver,
            ),
            age_seconds=max(age, 0.0),
        )


def as_decimal(value: str | None) -> Decimal | None:
    """The number that a stored text means; None for nothing or for words."""
    if value is None:
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return None


def _common(sample: Sampled) -> tuple[Any, ...]:
    return (
        sample.tag,
        _us(sample.at),
        sample.value,
        sample.raw,
        sample.status,
        sample.status_name,
        ",".join(sample.reasons),
        _us(sample.source_at) if sample.source_at else None,
        _us(sample.server_at) if sample.server_at else None,
        _us(sample.received_at),
        sample.session,
        sample.map_version,
    )


def _sampled(row: Sequence[Any]) -> Sampled:
    return Sampled(
        tag=row[0],
        at=_at(row[1]),
        value=row[2],
        raw=row[3],
        status=row[4],
        status_name=row[5],
        reasons=_reasons(row[6]),
        source_at=None if row[7] is None else _at(row[7]),
        server_at=None if row[8] is None else _at(row[8]),
        received_at=_at(row[9]),
        session=row[10],
        map_version=row[11],
    )


def _point(row: Sequence[Any]) -> Point:
    ts, value, status, reasons = row
    usable = judge(_reasons(reasons)).quality is Quality.GOOD and not statuses.is_bad(status)
    return Point(_at(ts), as_decimal(value) if usable else None)


def _reasons(text: str) -> tuple[Reason, ...]:
    return tuple(Reason(word) for word in text.split(",") if word)


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _at(us: int) -> datetime:
    return EPOCH + us * MICROSECOND
