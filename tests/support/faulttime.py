"""A site whose machine has its clock set: all parts run under libfaketime, which lies to them about
the wall clock in every library and lets monotonic time alone.

What they see is real time plus the seconds in a file that the test moves at any moment.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

from app import bootstrap, wsgi
from app.bootstrap import compose
from core.clock import SystemClock
from core.house import House
from core.settings import Settings
from core.steady import Steady
from tests.support.faultsite import PRELOADED, ZONE, Break, Running, Site, light_vault, part
from tools.systemlibs import faketime_libraries

ROOT = Path(__file__).parents[2]
DRIFT_SECONDS, DRIFT_PACE = 0.05, 0.1
"""The clock creeps by so much at this pace, each time far less than what counts as a step."""


@dataclass(frozen=True, slots=True)
class Process:
    """A part that was forked from the nursery, which takes no notice of its end."""

    number: int

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self.number

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return Path(f"/proc/{self.number}").exists()

    def kill(self) -> None:
        """kill -9."""
        with suppress(ProcessLookupError):
            os.kill(self.number, signal.SIGKILL)

    def join(self) -> None:
        """Wait for its end."""
        while self.is_alive():
            time.sleep(0.01)


class Nursery:
    """A process under libfaketime that has imported everything and forks the parts.

    The library must be there from the first moment of a process, and imports take seconds.
    """

    def __init__(self, file: Path) -> None:
        faked = {
            "LD_PRELOAD": str(faketime_libraries()[0]),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "TZ": ZONE,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=os.environ | faked,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, home: Path, name: str, arguments: list[str], broken: Break | None) -> Process:
        """Fork a part."""
        how = "" if broken is None else f"{broken.__module__}:{broken.__qualname__}"
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        asked.write(json.dumps([str(home), name, arguments, how]) + "\n")
        asked.flush()
        return Process(int(told.readline()))

    def end(self) -> None:
        """Let it go; its parts live on until they are killed."""
        self._process.communicate("")


@dataclass
class FakedSite(Site):
    """Parts that see the time which `step` and `creeping` make."""

    _nursery: Nursery | None = None
    _steps: list[tuple[datetime, timedelta]] = field(default_factory=list)

    @property
    def _file(self) -> Path:
        return self.home / "faketime"

    @property
    def offset(self) -> float:
        """Seconds that the parts see the clock ahead of real time."""
        return float(self._file.read_text()) if self._file.exists() else 0.0

    def now(self) -> datetime:
        """Aware UTC now, as the parts see it."""
        return SystemClock().now() + timedelta(seconds=self.offset)

    def set_within(self, start: datetime, end: datetime) -> timedelta:
        """By how much the clock was set between two moments that the parts saw."""
        inside = [by for at, by in self._steps if start <= at and at + by <= end]
        return sum(inside, timedelta(0))

    def step(self, by: timedelta) -> None:
        """Somebody sets the clock of the machine."""
        self._steps.append((self.now(), by))
        new = self._file.with_suffix(".new")
        new.write_text(f"{self.offset + by.total_seconds():+.3f}\n")
        new.replace(self._file)

    @contextmanager
    def creeping(self) -> Iterator[None]:
        """The clock goes too fast until the end of the block."""
        over = threading.Event()
        thread = threading.Thread(target=self._creep, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _creep(self, over: threading.Event) -> None:
        while not over.wait(DRIFT_PACE):
            self.step(timedelta(seconds=DRIFT_SECONDS))

    def _process(self, name: str, arguments: list[str], broken: Break | None) -> Running:
        if self._nursery is None:
            self.step(timedelta(0))
            self._nursery = Nursery(self._file)
        return self._nursery.begin(self.home, name, arguments, broken)

    def stop(self) -> None:
        """End every part at once, and what forked them."""
        super().stop()
        if self._nursery is not None:
            self._nursery.end()
            self._nursery = None


def counts_the_wall_clock() -> None:
    """Sessions, leases, locks and delays count the time that somebody sets."""
    Steady.now = lambda self: SystemClock().now()  # type: ignore[method-assign]


def as_the_machine_says(settings: Settings) -> House:
    """The house on the clock of the machine itself, not on one of ours."""
    return compose(settings, vault=light_vault(settings))


def _wait(seconds: float) -> None:
    # libfaketime and the clock_nanosleep of Python's own sleep do not understand each other.
    threading.Event().wait(seconds)


def fork(home: str, name: str, arguments: list[str], how: str) -> int:
    """A part in a process of its own, on the clock of the machine; answers its number."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def prepare() -> None:
        time.sleep = _wait  # type: ignore[assignment]  # takes what we call it with
        bootstrap.compose = as_the_machine_says  # type: ignore[assignment]
        wsgi.compose = as_the_machine_says  # type: ignore[attr-defined,assignment]
        if how:
            module, _, function = how.partition(":")
            getattr(import_module(module), function)()

    try:
        part(home, name, arguments, prepare)
    finally:
        os._exit(1)


def main() -> None:
    """Fork what is asked for, a line of JSON each, until there is nothing more to read."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for preloaded in PRELOADED:
        import_module(preloaded)
    while line := sys.stdin.readline():
        sys.stdout.write(f"{fork(*json.loads(line))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
