"""kill -9 at random moments while batches are made, and what was found afterwards."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import faultcheck
from tests.support.faultcheck import Findings
from tests.support.faultdriver import Driver
from tests.support.faultsite import PARTS, Break, Site, open_copy

WEIGHTS = {"web": 12, "worker": 10, "gateway": 5, "cell": 3}
"""Out of thirty. The cell takes seconds to start, the gateway waits for the lease of the dead."""
LONGEST_PAUSE = 1.2
"""Seconds between two kills, at most, unless told."""
SETTLE_SECONDS = 30.0


@dataclass
class Killer:
    """Kills parts of a site and starts them again, in a thread of its own."""

    site: Site
    kills: int
    parts: tuple[str, ...]
    chance: random.Random
    pause: float = LONGEST_PAUSE
    killed: Counter[str] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)
    failure: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """All kills, at random moments; whatever goes wrong ends them and is kept."""
        try:
            for _ in range(self.kills):
                self.done.wait(self.chance.uniform(0, self.pause))
                self._kill_one()
        except BaseException as failure:
            self.failure.append(failure)
            raise
        finally:
            self.done.set()

    def _kill_one(self) -> None:
        weights = [WEIGHTS[name] for name in self.parts]
        (name,) = self.chance.choices(self.parts, weights)
        self.killed[name] += 1
        if name == "web" and self.chance.random() < 0.5 and self._kill_inside():
            return
        self.site.kill(name)
        self.site.begin(name)

    def _kill_inside(self) -> bool:
        """Kill the process that serves the pages; its master starts another one."""
        serving = self.site.family("web")[1:]
        if not serving:
            return False
        with suppress(ProcessLookupError):
            os.kill(serving[0], signal.SIGKILL)
        return True


@dataclass
class Outcome:
    """What a run of the programme came to."""

    findings: Findings
    kills: Counter[str]
    acknowledged: int
    resent: int
    refused: list[str]

    def told(self) -> str:
        """The run in words."""
        parts = ", ".join(f"{name} {times}" for name, times in sorted(self.kills.items()))
        return f"{self.acknowledged} acknowledged acts; kills: {parts}; {self.resent} forms resent"


def killed(
    template: Path,
    home: Path,
    batches: Iterable[str],
    *,
    kills: int,
    seed: int,
    parts: tuple[str, ...] = PARTS,
    pause: float = LONGEST_PAUSE,
    broken: dict[str, Break] | None = None,
) -> Outcome:
    """Make the batches one after the other while `kills` kills hit the parts; then check.

    Batches are begun until the kills are over; the last one is made to its end, unless something
    is `broken`: nobody knows whether that still can be done.
    """
    site = open_copy(template, home, broken=broken or {})
    site.start()
    driver = Driver.at(site)
    killer = Killer(site, kills, parts, random.Random(seed), pause)
    thread = threading.Thread(target=killer.run)
    thread.start()
    try:
        for batch in batches:
            if driver.make(batch, until=killer.done.is_set if broken else never):
                driver.comment(batch, "C", f"made through kills: {batch}")
            if killer.done.is_set():
                break
        assert killer.done.is_set(), "there were not enough batches for all kills"
        assert killer.failure == []
        thread.join()
        if not broken:
            settle(driver)
        site.stop()
        told = driver.acknowledged
        found = faultcheck.check(driver.house, site.settings, told, by_command=not broken)
        count = len(driver.acknowledged)
        return Outcome(found, killer.killed, count, driver.browser.resent, driver.refused)
    finally:
        killer.kills = 0
        thread.join()
        site.stop()
        driver.close()


def never() -> bool:
    """A batch is made to its end."""
    return False


def settle(driver: Driver) -> None:
    """Until the worker has nothing left to do, or patience ends; the checker says what is left."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while faultcheck.left_over(driver.house) and time.monotonic() < deadline:
        time.sleep(0.1)
