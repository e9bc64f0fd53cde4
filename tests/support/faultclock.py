"""The clock of the processes under test: real time plus what a file beside the site says.

Stepping it stands for a wrong time server or a daylight error: the wall clock jumps and monotonic
time does not. A laptop that sleeps wakes with both gone on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from core.clock import SystemClock


class SteppedClock:
    """The clock of this machine, moved by the seconds in files."""

    def __init__(self, home: Path) -> None:
        self._real = SystemClock()
        self._stepped, self._slept = home / "clock-step", home / "clock-sleep"

    def now(self) -> datetime:
        """Aware UTC now, as this machine believes it to be."""
        moved = _seconds(self._stepped) + _seconds(self._slept)
        return self._real.now() + timedelta(seconds=moved)

    def monotonic(self) -> float:
        """Seconds that never go back; sleep counts."""
        return self._real.monotonic() + _seconds(self._slept)

    def boot(self) -> str:
        """That of this machine."""
        return self._real.boot()

    def synchronised(self) -> bool | None:
        """Nobody can tell."""
        return None

    def step(self, by: timedelta) -> None:
        """Let the wall clock of every process jump."""
        _add(self._stepped, by)

    def sleep(self, span: timedelta) -> None:
        """Let the machine have slept so long."""
        _add(self._slept, span)


def _add(file: Path, span: timedelta) -> None:
    file.write_text(str(_seconds(file) + span.total_seconds()))


def _seconds(file: Path) -> float:
    try:
        return float(file.read_text() or 0)
    except FileNotFoundError:
        return 0.0
