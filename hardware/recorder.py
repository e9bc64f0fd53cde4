"""From samples of drivers to rows of the historian, and to gaps and counters worth telling.

Lives in the gateway's event loop; nothing here waits. Site time comes from the gateway's view of
the site's clock; while the demonstration clock moves in steps only sweeps are recorded, because a
sample that arrives in between belongs to no known moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from core.clock import RealClock
from core.ids import new_id
from hardware import rules
from hardware.drivers.base import Point, Sample, unreached
from hardware.historian import Historian, Sampled, Session
from hardware.rules import Range
from hardware.words import Reason, SourceTime

LONGEST_SILENCE = timedelta(seconds=10)
"""An unchanged value is stored again after this, so that a trend shows that it was seen."""
NOT_RUNNING = timedelta(seconds=15)
NO_SESSION = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A tag as the recorder needs it."""

    point: Point
    span: Range
    dead_band: Decimal
    stuck_seconds: int | None
    source_time: SourceTime
    map_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapNews:
    """A device was lost or is back; to be written into the site database."""

    device: str
    gap: UUID
    lost: bool
    at: datetime
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterNews:
    """A usage counter has passed its limit."""

    tag: str
    value: Decimal


class SiteTime:
    """The gateway's view of the site's clock: real time and an offset."""

    def __init__(self, clock: RealClock) -> None:
        self._clock = clock
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """Site time now."""
        return self._clock.now() + self._offset

    def stand_at(self, moment: datetime) -> None:
        """The site's clock shows this moment now."""
        self._offset = moment - self._clock.now()


@dataclass(slots=True)
class _Memory:
    """What is remembered of a tag between samples."""

    value: Decimal | str | None = None
    reasons: tuple[Reason, ...] = ()
    stored_at: datetime | None = None
    moved_at: datetime | None = None
    shown: Decimal | str | None = None


@dataclass(slots=True)
class _Device:
    """What is known of a device's line."""

    points: list[Point] = field(default_factory=list)
    session: int = NO_SESSION
    gap: UUID | None = None
    up: bool | None = None
    heard_at: datetime | None = None


class Recorder:
    """Judges, thins out and stores samples; notices lost and returned devices."""

    def __init__(
        self,
        historian: Historian,
        site: SiteTime,
        clock: RealClock,
        *,
        gateway: str,
        gap_news: Callable[[GapNews], None],
        counter_news: Callable[[CounterNews], None],
    ) -> None:
        self._historian = historian
        self._site = site
        self._clock = clock
        self._gateway = gateway
        self._gap_news = gap_news
        self._counter_news = counter_news
        self._watched: dict[str, Watched] = {}
        self._memory: dict[str, _Memory] = {}
        self._devices: dict[str, _Device] = {}
        self._limits: dict[str, Decimal] = {}
        self._paused_until = 0.0
        self._awake_at: float | None = None

    def watch(self, watched: Iterable[Watched], open_gaps: Mapping[str, UUID]) -> None:
        """From now on record these tags; `open_gaps` are known from the site database."""
        self._watched = {each.point.key: each for each in watched}
        devices: dict[str, _Device] = {}
        for each in self._watched.values():
            name = each.point.device
            if name not in devices:
                known = self._devices.get(name, _Device())
                gap = known.gap or open_gaps.get(name)
                up = False if gap is not None else known.up
                devices[name] = _Device(
                    session=known.session, gap=gap, up=up, heard_at=known.heard_at
                )
            devices[name].points.append(each.point)
        self._devices = devices
        for device in devices.values():
            if device.session == NO_SESSION:
                device.session = self._open(device.points[0].device, "", "", "", "none")

    def limits(self, limits: Mapping[str, Decimal]) -> None:
        """Counters to watch: tag and the limit that has not been passed yet."""
        self._limits = dict(limits)

    def connected(
        self, devices: Iterable[str], *, name: str, endpoint: str, identity: str, driver: str
    ) -> None:
        """A new connection serves these devices; their samples carry it."""
        for device in devices:
            self._devices[device].session = self._open(device, name, endpoint, identity, driver)

    def awake(self) -> None:
        """Told every second that the gateway runs; a longer silence is a gap of every device.

        Monotonic time counts what the machine slept and what a process stood still. The wall clock
        is not asked: it jumps when somebody sets it, and then nothing was missed.
        """
        seconds = self._clock.monotonic()
        before, self._awake_at = self._awake_at, seconds
        if before is None:
            return
        silence = timedelta(seconds=seconds - before)
        if silence > NOT_RUNNING:
            for name, device in self._devices.items():
                if device.up:
                    asleep = self._site.now() - silence
                    since = min(device.heard_at or asleep, asleep)
                    self._lost(name, device, since, "the gateway or its machine stood still")

    def pause(self, seconds: float) -> None:
        """Only sweeps count for the next real seconds."""
        self._paused_until = self._clock.monotonic() + seconds

    @property
    def paused(self) -> bool:
        """The demonstration clock is moving in steps."""
        return self._clock.monotonic() < self._paused_until

    def take(self, samples: Sequence[Sample]) -> None:
        """Samples as they come in, stamped with site time now."""
        if self.paused:
            return
        self._record(samples, self._site.now(), keep_all=False)

    def sweep(self, samples: Sequence[Sample], at: datetime) -> None:
        """One read of everything at a known site time; all of it is kept."""
        self._record(samples, at, keep_all=True)

    def lost(self, points: Sequence[Point], cause: str) -> None:
        """The line is gone: all its tags are bad now, not when they get old."""
        self.sweep([unreached(point, cause) for point in points], self._site.now())

    def _record(self, samples: Sequence[Sample], at: datetime, *, keep_all: bool) -> None:
        current, keep = [], []
        for sample in samples:
            watched = self._watched.get(sample.key)
            if watched is None:
                continue
            memory = self._memory.setdefault(sample.key, _Memory())
            row = self._sampled(watched, sample, at, memory)
            current.append(row)
            if keep_all or _worth_keeping(watched, memory, sample, row):
                memory.value, memory.reasons, memory.stored_at = sample.value, row.reasons, row.at
                keep.append(row)
        self._reached(samples, at)
        self._historian.store(keep, current)
        self._counters(samples)

    def _sampled(self, watched: Watched, sample: Sample, at: datetime, memory: _Memory) -> Sampled:
        reasons = rules.sample_reasons(sample.status, sample.value, watched.span)
        cyclic = watched.source_time is SourceTime.CYCLIC
        reasons += rules.clock_reasons(sample.source_at, at, wanted=cyclic)
        if _stuck(watched, memory, sample, at):
            reasons += (Reason.STUCK,)
        return Sampled(
            tag=sample.key,
            at=at,
            value=_text(sample.value),
            raw=sample.raw,
            status=sample.status,
            status_name=sample.status_name,
            reasons=reasons,
            source_at=sample.source_at,
            server_at=sample.server_at,
            received_at=at,
            map_version=watched.map_version,
            session=self._devices[watched.point.device].session,
        )

    def _reached(self, samples: Sequence[Sample], at: datetime) -> None:
        heard: dict[str, bool] = {}
        causes: dict[str, str] = {}
        for sample in samples:
            watched = self._watched.get(sample.key)
            if watched is not None:
                name = watched.point.device
                heard[name] = heard.get(name, False) or sample.reached
                causes[name] = sample.raw or sample.status_name
        for name, reached in heard.items():
            device = self._devices[name]
            if reached:
                self._heard(name, device, at)
            elif device.up is not False:
                self._lost(name, device, device.heard_at or at, causes[name])

    def _heard(self, name: str, device: _Device, at: datetime) -> None:
        if device.up is None:
            self._note_standstill(name, device, at)
        device.up, device.heard_at = True, at
        if device.gap is not None:
            gap, device.gap = device.gap, None
            self._historian.end_gap(gap, at)
            self._tell_gap(name, gap, False, at, "")

    def _lost(self, name: str, device: _Device, since: datetime, cause: str) -> None:
        """A gap lasts from the last sample that came to the first that comes again."""
        device.up, device.gap = False, new_id()
        self._historian.begin_gap(device.gap, name, since, cause)
        self._tell_gap(name, device.gap, True, since, cause)

    def _note_standstill(self, name: str, device: _Device, at: datetime) -> None:
        """Nobody recorded since the last stored sample: the gateway itself was not running."""
        last = self._historian.last_seen([point.key for point in device.points])
        if device.gap is None and last is not None and at - last > NOT_RUNNING:
            self._lost(name, device, last, "the gateway was not running")

    def _tell_gap(self, device: str, gap: UUID, lost: bool, at: datetime, cause: str) -> None:
        self._gap_news(GapNews(device=device, gap=gap, lost=lost, at=at, cause=cause))

    def _counters(self, samples: Sequence[Sample]) -> None:
        for sample in samples if self._limits else ():
            limit = self._limits.get(sample.key)
            if limit is not None and isinstance(sample.value, Decimal) and sample.value > limit:
                del self._limits[sample.key]
                self._counter_news(CounterNews(tag=sample.key, value=sample.value))

    def _open(self, device: str, name: str, endpoint: str, identity: str, driver: str) -> int:
        return self._historian.open_session(
            Session(
                name=name,
                device=device,
                endpoint=endpoint,
                identity=identity,
                gateway=self._gateway,
                driver=driver,
            )
        )


def _stuck(watched: Watched, memory: _Memory, sample: Sample, at: datetime) -> bool:
    """Unchanged for longer than noise allows."""
    if memory.moved_at is None or sample.value != memory.shown:
        memory.shown, memory.moved_at = sample.value, at
    if watched.stuck_seconds is None or sample.value is None:
        return False
    return at - memory.moved_at >= timedelta(seconds=watched.stuck_seconds)


def _worth_keeping(watched: Watched, memory: _Memory, sample: Sample, row: Sampled) -> bool:
    if memory.stored_at is None or row.at - memory.stored_at >= LONGEST_SILENCE:
        return True
    if row.reasons != memory.reasons:
        return True
    before, now = memory.value, sample.value
    if isinstance(before, Decimal) and isinstance(now, Decimal):
        return abs(now - before) > watched.dead_band
    return before != now


def _text(value: Decimal | str | None) -> str | None:
    return format(value, "f") if isinstance(value, Decimal) else value
