"""Steady time: real time that nobody can set, for everything that lasts.

It is what the clock of this machine showed when an installation was first used after the machine
was started, plus what the monotonic clock has counted since. Sessions, leases, locks and delays
count it, so that setting the clock makes none of them longer or shorter, and the time that it and
the clock have parted by is the measure of a step (URS-TIM-020).

All processes of an installation on one machine must agree, so the first look is kept in a file. It
is worth nothing after the next start of the machine and is therefore never synced. Several hosts
agree as well as their clocks did at the first look.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from core.clock import RealClock

BOOTS = 8
"""So many boots (or hosts that share one folder) are kept apart in one file."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the clock of this machine since it was started.

    `zero` is the real time at which its monotonic clock stood at nought; `told` how far the clock
    has been from steady time since the last step that the trail knows; `trusted` whether a time
    server was seen to keep it right, as far as the trail knows.
    """

    zero: datetime
    told: timedelta = timedelta(0)
    trusted: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "zero": self.zero.isoformat(),
            "told_us": self.told // timedelta(microseconds=1),
            "trusted": self.trusted,
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Known:
        """Back from the file; KeyError, ValueError, TypeError when it is none of ours."""
        told = timedelta(microseconds=kept["told_us"])
        return cls(datetime.fromisoformat(kept["zero"]), told, kept["trusted"])


class Steady:
    """Steady time of one installation on this machine.

    `place` is the file in which its processes agree; without one, each object goes its own way.
    """

    def __init__(self, clock: RealClock, place: Path | None = None) -> None:
        self._clock = clock
        self._place = place
        self._boot = clock.boot()
        self._known = self._first_look()
        with suppress(OSError):  # a full disk stops no work: this process goes its own way
            self._agree()

    def now(self) -> datetime:
        """Aware UTC now, as if nobody had set the clock since the first look."""
        return self._known.zero + timedelta(seconds=self._clock.monotonic())

    def parted(self) -> timedelta:
        """How far the clock has gone from steady time beyond what this process knows as told."""
        return self._clock.now() - self.now() - self._known.told

    @property
    def trusted(self) -> bool | None:
        """Whether a time server kept the clock right when this process was last told."""
        return self._known.trusted

    @contextmanager
    def telling(self) -> Iterator[Known]:
        """What all processes know, to be told by one at a time; nothing is kept after an error.

        In the block `tell` keeps what has been written down.
        """
        with self._locked():
            self._known = self._read() or self._known
            yield self._known
            self._write()

    def _agree(self) -> None:
        with self._locked():
            self._known = self._read() or self._known
            self._write()

    def tell(self, *, told: timedelta | None = None, trusted: bool | None = None) -> None:
        """Inside `telling`, once the trail has it: how far the clock is off, whether it is kept."""
        known = self._known if told is None else replace(self._known, told=told)
        self._known = known if trusted is None else replace(known, trusted=trusted)

    def _first_look(self) -> Known:
        return Known(self._clock.now() - timedelta(seconds=self._clock.monotonic()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._place is None:
            yield
            return
        file = os.open(self._place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _boots(self) -> dict[str, Any]:
        try:
            found = json.loads(self._place.read_text("utf-8")) if self._place else {}
        except (FileNotFoundError, ValueError):
            return {}  # as after a start of the machine
        return found if isinstance(found, dict) else {}

    def _read(self) -> Known | None:
        try:
            return Known.from_json(self._boots()[self._boot])
        except (KeyError, ValueError, TypeError):
            return None

    def _write(self) -> None:
        if self._place is None or self._read() == self._known:
            return
        others = {name: kept for name, kept in self._boots().items() if name != self._boot}
        kept = dict(list(others.items())[1 - BOOTS :]) | {self._boot: self._known.to_json()}
        new = self._place.with_suffix(".new")
        new.write_text(json.dumps(kept), encoding="utf-8")
        new.replace(self._place)
