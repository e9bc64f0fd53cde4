"""The clock of the processes under test: real time plus what a file beside the site says.

Stepping it stands for a wrong time server, a daylight error, or a laptop that was asleep: the wall
clock jumps and monotonic time does not.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class SteppedClock:
    """The clock of this machine, moved by the seconds in a file; monotonic time is real."""

    def __init__(self, home: Path) -> None:
        self._file = home / "clock-step"

    def now(self) -> datetime:
        """Aware UTC now, as this machine believes it to be."""
        return datetime.now(UTC) + timedelta(seconds=self._seconds())

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def step(self, by: timedelta) -> None:
        """Let the wall clock of every process jump."""
        self._file.write_text(str(self._seconds() + by.total_seconds()))

    def _seconds(self) -> float:
        try:
            return float(self._file.read_text() or 0)
        except FileNotFoundError:
            return 0.0
