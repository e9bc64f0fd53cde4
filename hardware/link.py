"""The supervisor of one line (notes, finding 1): a new driver for each attempt, back-off up to 5 s,
and all tags bad the moment the line leaves ONLINE.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from core import logs
from hardware.drivers.base import Driver, Point, Sample, WriteAnswer, unreached
from hardware.errors import DecodeProblem, LinkProblem
from hardware.recorder import Recorder
from hardware.words import LinkState

CONNECT_PATIENCE = 10.0
SWEEP_PATIENCE = 2.0
CANCEL_AGAIN = 3.0
RECONNECT_PATIENCE = 1.5
FIRST_DELAY, LONGEST_DELAY = 0.5, 5.0
log = logs.logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One connection to be kept: where it goes, and the points behind it."""

    name: str
    endpoint: str
    points: tuple[Point, ...]
    fingerprint: str

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices on this line, in order."""
        return tuple(sorted({point.device for point in self.points}))

    def points_of(self, devices: Collection[str] | None) -> tuple[Point, ...]:
        """The points of some devices, or all."""
        if devices is None:
            return self.points
        return tuple(point for point in self.points if point.device in devices)


async def end(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended, whatever it ends with.

    Once is not enough: `asyncio.wait_for` of Python 3.11 swallows a cancellation that arrives in
    the same moment as the answer it waited for.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN)
    if not task.cancelled() and (problem := task.exception()) is not None:
        log.info("task.ended", task=task.get_name(), problem=str(problem))


class Link:
    """Keeps one line connected and its samples flowing until cancelled."""

    def __init__(
        self,
        line: Line,
        make_driver: Callable[[], Driver],
        recorder: Recorder,
        note: Callable[[str, LinkState, str], None],
    ) -> None:
        self.line = line
        self.state = LinkState.DISABLED
        self.problem = ""
        self.attempted = False
        """A first attempt to connect has come to its end, well or badly."""
        self._make_driver = make_driver
        self._recorder = recorder
        self._note = note
        self._driver: Driver | None = None
        self._wake = asyncio.Event()
        self._tried = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    @property
    def online(self) -> bool:
        """Samples flow."""
        return self._driver is not None and self.state in (LinkState.ONLINE, LinkState.DEGRADED)

    async def run(self) -> None:
        """Connect, watch, and begin again, until cancelled."""
        delay = FIRST_DELAY
        while True:
            was_online = await self._once()
            delay = FIRST_DELAY if was_online else min(2 * delay, LONGEST_DELAY)
            self._say(LinkState.BACKOFF, self.problem)
            # Full jitter: many gateways must not come back in the same moment.
            wait = random.uniform(0, delay)  # noqa: S311 -- no secret
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    async def sweep(self, at: datetime, devices: Collection[str] | None = None) -> None:
        """Read everything (or these devices) now and record it with this site time; a dead line
        records that for all of its points.

        An offline line is tried again at once: steps of the demonstration clock are shorter than
        any back-off.
        """
        if not self.online:
            await self._try_now()
        driver = self._driver
        if driver is None or not self.online:
            self._recorder.sweep([unreached(p, self.problem) for p in self.line.points], at)
            return
        try:
            samples = await self._swept(driver, self.line.points_of(devices))
        except (LinkProblem, TimeoutError) as problem:
            self.problem = str(problem) or "no answer in time"
            self._give_up()
            samples = [unreached(point, self.problem) for point in self.line.points]
        self._recorder.sweep(samples, at)

    async def _swept(self, driver: Driver, points: Sequence[Point]) -> list[Sample]:
        """Samples of a part of the line; when it is silent, of everything: some dead units do not
        make a dead line. Raises LinkProblem, TimeoutError."""
        if len(points) < len(self.line.points):
            with suppress(LinkProblem, TimeoutError):
                return await asyncio.wait_for(driver.read(points, hurry=True), SWEEP_PATIENCE)
        return await asyncio.wait_for(driver.read(self.line.points, hurry=True), SWEEP_PATIENCE)

    async def read_one(self, point: Point) -> Sample:
        """Read one point from the device itself, for a write's old value and read-back."""
        driver = self._driver
        if driver is None:
            return unreached(point, self.problem)
        try:
            return (await asyncio.wait_for(driver.read([point]), SWEEP_PATIENCE))[0]
        except (LinkProblem, TimeoutError) as problem:
            return unreached(point, str(problem))

    async def write(self, point: Point, value: Decimal) -> WriteAnswer:
        """Write once; whatever goes wrong is an answer, never an exception."""
        driver = self._driver
        if driver is None:
            return WriteAnswer(False, True, "not sent: no connection")
        try:
            return await driver.write(point, value)
        except DecodeProblem as problem:
            return WriteAnswer(False, True, f"not sent: {problem}")
        except LinkProblem as problem:
            return WriteAnswer(False, False, str(problem))

    async def _once(self) -> bool:
        """One attempt from connect to loss; True when it was online."""
        driver = self._make_driver()
        self._say(LinkState.CONNECTING, "")
        was_online = False
        try:
            await asyncio.wait_for(driver.connect(), CONNECT_PATIENCE)
            self._say(LinkState.SYNCING, "")
            self._recorder.connected(
                self.line.devices,
                name=driver.session,
                endpoint=self.line.endpoint,
                identity=driver.identity,
                driver=driver.version,
            )
            self._driver = driver
            self._watching = asyncio.create_task(
                driver.subscribe(self.line.points, self._take), name=f"watch {self.line.name}"
            )
            await self._watching
        except asyncio.CancelledError:
            if self._cancelled_from_outside():
                self.problem = "the gateway was stopped"
                raise
        except (LinkProblem, TimeoutError) as problem:
            self.problem = str(problem) or "no answer in time"
        except Exception as problem:
            # A surprise of a library must not end the line: it is begun again like any loss.
            self.problem = f"{type(problem).__name__}: {problem}"
            log.error("link.surprise", line=self.line.name, exc_info=True)
        finally:
            was_online = self.online
            await self._leave(driver)
        return was_online

    def _cancelled_from_outside(self) -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    async def _leave(self, driver: Driver) -> None:
        """All tags bad now; then close, so that no session is left on the server."""
        self._driver = None
        self._say(LinkState.OFFLINE, self.problem)
        self._recorder.lost(self.line.points, self.problem)
        self._settled()
        watching, self._watching = self._watching, None
        if watching is not None:
            await end(watching)
        await driver.close()

    def _take(self, samples: Sequence[Sample]) -> None:
        self._recorder.take(samples)
        if len(samples) == len(self.line.points):
            all_reached = all(sample.reached for sample in samples)
            self.problem = "" if all_reached else "some devices do not answer"
            self._say(LinkState.ONLINE if all_reached else LinkState.DEGRADED, self.problem)
            self._settled()

    def _settled(self) -> None:
        self.attempted = True
        self._tried.set()

    async def _try_now(self) -> None:
        self._tried.clear()
        self._wake.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._tried.wait(), RECONNECT_PATIENCE)

    def _give_up(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    def _say(self, state: LinkState, detail: str) -> None:
        if state is not self.state:
            self.state = state
            self._note(self.line.name, state, detail)
