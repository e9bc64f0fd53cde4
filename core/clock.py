"""Time: real UTC, and the site's clock, which a DEMONSTRATION site may move forward.

Records carry both. Freshness and time-outs use monotonic time; locks, sessions and leases use
steady time (`core.steady`), which nobody can set (architecture, section 8).
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
UNSYNCHRONISED = 5
"""What `adjtimex` answers (TIME_ERROR) while no time server disciplines the clock."""


class RealClock(Protocol):
    """Where real time comes from; injected, so that tests can hold it."""

    def now(self) -> datetime:
        """Aware UTC now, as this machine believes it to be; somebody may set it."""

    def monotonic(self) -> float:
        """Seconds that never go back and that nobody can set; time spent asleep counts."""

    def boot(self) -> str:
        """Names what `monotonic` counts from: other processes of one boot count alike."""

    def synchronised(self) -> bool | None:
        """Whether a time server keeps the clock right; None where the machine cannot tell."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Aware UTC now, to the microsecond."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed point of this boot.

        Python's own monotonic clock stands still on Linux and macOS while the machine sleeps: a
        value or a session would look as fresh after the night as before it.
        """
        return _counted()

    def boot(self) -> str:
        """The kernel's name of this boot, or one of this process where it tells none."""
        return _boot()

    def synchronised(self) -> bool | None:
        """What the kernel knows of its time server (Linux), else None."""
        return _disciplined()


if hasattr(time, "CLOCK_BOOTTIME"):

    def _counted() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif hasattr(time, "clock_gettime"):

    def _counted() -> float:  # macOS: CLOCK_MONOTONIC counts sleep, time.monotonic() does not
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:

    def _counted() -> float:
        return time.monotonic()


@cache
def _boot() -> str:
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else f"process {uuid4()}"


def _disciplined() -> bool | None:
    library = ctypes.CDLL(None)
    if not hasattr(library, "adjtimex"):
        return None
    asked = ctypes.create_string_buffer(512)  # struct timex, all noughts: asks, changes nothing
    answer = int(library.adjtimex(asked))
    return None if answer < 0 else answer != UNSYNCHRONISED


class HeldClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._seconds = 0.0
        self._boot = f"held {uuid4()}"
        self.time_server: bool | None = True
        """What `synchronised` answers."""

    def now(self) -> datetime:
        """The moment it was last set to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds it was moved forward by so far."""
        return self._seconds

    def boot(self) -> str:
        """A name of its own."""
        return self._boot

    def synchronised(self) -> bool | None:
        """As it was told."""
        return self.time_server

    def move(self, by: timedelta) -> None:
        """Let time pass (or go back: monotonic time never does)."""
        self._now += by
        self._seconds += max(by.total_seconds(), 0.0)

    def step(self, by: timedelta) -> None:
        """Set the wall clock to another time, as a wrong time server does; nothing has passed."""
        self._now += by


@dataclass(frozen=True, slots=True)
class Moment:
    """One transaction's time: the site's, the real one, the steady one, and the site's zone.

    `real` is the clock of the machine, for records; `steady` the time that nobody can set, for
    everything that lasts (sessions, leases, locks, delays).
    """

    site: datetime
    real: datetime
    steady: datetime
    zone: str

    @property
    def simulated(self) -> bool:
        """True when the site's clock stands ahead of or behind real time."""
        return self.site != self.real

    def as_shown(self, steady: datetime) -> datetime:
        """What the clock of the machine will show at a steady time, for people."""
        return steady + (self.real - self.steady)


def local(moment: datetime, zone: str) -> datetime:
    """The moment in the site's zone, with its offset (URS-TIM-030)."""
    return moment.astimezone(ZoneInfo(zone))


def show(moment: datetime, zone: str) -> str:
    """A moment for people: ``2026-10-25 02:30:00 +02:00``, in the site's zone."""
    return stamp(local(moment, zone))


def stamp(there: datetime) -> str:
    """A moment that is already in the site's zone, as `show` writes it."""
    # Pages of trends print thousands of moments; this is five times as fast as strftime.
    iso = there.isoformat(timespec="seconds")
    return f"{iso[:10]} {iso[11:19]} {iso[19:25]}"
