"""The stage of a past batch: the same scenes, with cell and gateway in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from app import clock
from app.demo.script import Script
from app.demo.stage import CLOCK, Stage, StoryBroken
from ebr.models import StepRecord
from hardware.localgateway import LocalGateway
from hardware.simulators.local import LocalCell

FRESH_SECONDS = 2.0
"""Nobody sweeps in the background: values are read again when they are older."""
TRIALS, PAUSE_SECONDS = 6, 0.5


@dataclass
class PastStage(Stage):
    """A stage without processes beside it; time passes only while it is waited for."""

    s: datetime = field(kw_only=True)
    """The seeding day that all dates of the plant count from."""
    plant: LocalCell = field(kw_only=True)
    gateway: LocalGateway = field(kw_only=True)
    _swept: float = field(default=float("-inf"), init=False)

    def step(self, key: str) -> StepRecord:
        """The latest occurrence of a step. Automatic steps before it find fresh values; one that
        was refused is tried again after a second."""
        for _ in range(TRIALS - 1):
            self._refresh()
            try:
                return super().step(key)
            except StoryBroken:
                time.sleep(PAUSE_SECONDS)
        self.sweep()
        return super().step(key)

    def _refresh(self) -> None:
        if self.house.clock.monotonic() - self._swept > FRESH_SECONDS:
            self.sweep()

    def sweep(self) -> None:
        """Let the gateway look at every device now."""
        self._swept = self.house.clock.monotonic()
        self.plant.follow()
        self.gateway.sweep(clock.site_now(self.house))

    def writes(self) -> None:
        """Let the gateway carry out open writes now, and the worker take their results."""
        self.gateway.write_now()
        self.worker.settle()

    def wait(self, minutes: float, why: str, until: Callable[[], bool] | None = None) -> None:
        """Let site time pass, with the plant and the gateway in step."""
        to = clock.site_now(self.house) + timedelta(minutes=minutes)
        self._advance(to, why, until)

    def at(self, days: float, script: Script, number: int) -> Self:
        """The stage for another batch, `days` before S."""
        self.wait_until(self.s - timedelta(days=days), f"until B-{number} begins")
        return replace(self, record=f"batch/B-{number}", script=script)

    def wait_until(self, to: datetime, why: str) -> None:
        """Let site time pass until a moment; nothing when it is over already."""
        if to > clock.site_now(self.house):
            self._advance(to, why, None)

    def _advance(self, to: datetime, why: str, until: Callable[[], bool] | None) -> None:
        clock.advance_with(
            self.house,
            self.plant,
            self.gateway,
            to,
            reason=why,
            by=CLOCK,
            worker=self.worker,
            until=until,
        )
