"""Time: real UTC, and the site's clock, which a DEMONSTRATION site may move forward.

Records carry both. Freshness, time-outs, locks, sessions and leases use real or monotonic time
only (architecture, section 8).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class RealClock(Protocol):
    """Where real time comes from; injected, so that tests can hold it."""

    def now(self) -> datetime:
        """Aware UTC now."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Aware UTC now, to the microsecond."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed point of this boot."""
        return time.monotonic()


class HeldClock:
    """A clock that stands still until it is moved; for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._seconds = 0.0

    def now(self) -> datetime:
        """The moment it was last set to."""
        return self._now

    def monotonic(self) -> float:
        """Seconds it was moved forward by so far."""
        return self._seconds

    def move(self, by: timedelta) -> None:
        """Let time pass (or go back: monotonic time never does)."""
        self._now += by
        self._seconds += max(by.total_seconds(), 0.0)

    def step(self, by: timedelta) -> None:
        """Set the wall clock to another time, as a wrong time server does; nothing has passed."""
        self._now += by


@dataclass(frozen=True, slots=True)
class Moment:
    """One transaction's time: the site's, the real one, and the site's zone."""

    site: datetime
    real: datetime
    zone: str

    @property
    def simulated(self) -> bool:
        """True when the site's clock stands ahead of or behind real time."""
        return self.site != self.real


def local(moment: datetime, zone: str) -> datetime:
    """The moment in the site's zone, with its offset (URS-TIM-030)."""
    return moment.astimezone(ZoneInfo(zone))


def show(moment: datetime, zone: str) -> str:
    """A moment for people: ``2026-10-25 02:30:00 +02:00``, in the site's zone."""
    there = local(moment, zone)
    offset = there.strftime("%z")
    return f"{there:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"
