"""The gateway: one process that owns the connections to all devices (notes, section 5).

It stores samples in the historian, carries out write requests, writes gaps into the site database,
and sweeps on demand for the demonstration clock. Web and worker processes never open a device's
socket. Each line has one owner by a lease in the database, in steady time.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from core import logs
from core.actors import Actor
from core.errors import Refusal
from core.house import House, moment
from core.ids import new_id
from core.settings import Settings
from hardware import commands, queries
from hardware.controlline import Answer
from hardware.drivers.base import Driver, Point
from hardware.drivers.modbus import ModbusDriver
from hardware.drivers.opcua import OpcUaDriver
from hardware.errors import LinkProblem
from hardware.gateway_control import ControlCommand, ControlServer
from hardware.historian import Historian
from hardware.link import Line, Link, end
from hardware.models import LineLease
from hardware.pki import Pki
from hardware.plan import Plan, host_and_port, load_plan
from hardware.recorder import CounterNews, GapNews, Recorder, SiteTime
from hardware.words import LinkState, Protocol
from hardware.writing import Writer

LEASE = timedelta(seconds=6)
RENEW_SECONDS = 2.0
WRITE_POLL_SECONDS = 0.1
CLOCK_SECONDS = 1.0
PAUSE_SECONDS = 2.0
T = TypeVar("T")
MakeDriver = Callable[[dict[str, Any]], Driver]
log = logs.logger(__name__)


@dataclass(slots=True)
class _Running:
    link: Link
    task: asyncio.Task[None]


@dataclass(slots=True)
class Gateway:
    """All lines of one installation. Run it with `run`; one object, one run."""

    house: House
    historian: Historian
    pki: Pki
    allowed_hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost"})
    name: str = field(default_factory=lambda: f"gateway@{socket.gethostname()}")
    run_id: str = field(default_factory=lambda: str(new_id()))
    drivers: MakeDriver | None = None
    """Makes the driver for a device instead of OPC UA and Modbus: for lines without a wire."""
    _plan: Plan | None = None
    _links: dict[str, _Running] = field(default_factory=dict)
    _owned: frozenset[str] = frozenset()
    _news: deque[Callable[[], object]] = field(default_factory=deque)
    _news_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _database: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "gateway"))
    site: SiteTime = field(init=False)
    recorder: Recorder = field(init=False)
    writer: Writer = field(init=False)

    def __post_init__(self) -> None:
        self.site = SiteTime(self.house.clock)
        self.recorder = Recorder(
            self.historian,
            self.site,
            self.house.clock,
            gateway=self.owner,
            gap_news=self._gap_news,
            counter_news=self._counter_news,
        )
        self.writer = Writer(
            self.house,
            owner=self.owner,
            by=self._actor("write requests"),
            find=self._find,
            in_database=self._in_database,
        )

    @property
    def owner(self) -> str:
        """Name of this gateway and this run of it."""
        return f"{self.name}/{self.run_id[-12:]}"

    async def run(self) -> None:
        """Keep all lines until cancelled; then mark everything bad and give the leases back."""
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [
            partial(self._every, RENEW_SECONDS, self.tend),
            partial(self._every, WRITE_POLL_SECONDS, self.writer.carry_out),
            partial(self._every, CLOCK_SECONDS, self._look_at_clock),
            partial(self._every, WRITE_POLL_SECONDS, self.deliver_news),
        ]
        tasks: list[asyncio.Task[None]] = []
        try:
            await self.open()
            tasks = [asyncio.create_task(loop()) for loop in loops]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                await end(task)
            await self.close()

    async def open(self) -> None:
        """Begin with all lines that are ours. Who calls this instead of `run` calls `tend` at
        least every 2 s, `sweep` and the writer as it likes, and `close` at the end."""
        await asyncio.to_thread(self.historian.create)
        await self._look_at_clock()
        await self.tend()

    async def close(self) -> None:
        """End all lines, mark everything bad, and give the leases back."""
        await self._stop_all()
        await self.deliver_news()
        await self._in_database(self._give_leases_back)
        self._database.shutdown()

    async def sweep(self, at: datetime, devices: Iterable[str] | None = None) -> dict[str, str]:
        """Read every tag now (or those of some devices) and store it with this site time; answers
        the state of each line that was asked once samples and gaps are committed."""
        self.site.stand_at(at)
        self.recorder.pause(PAUSE_SECONDS)
        wanted = None if devices is None else set(devices)
        links = [
            running.link
            for running in self._links.values()
            if wanted is None or wanted & set(running.link.line.devices)
        ]
        await asyncio.gather(*(link.sweep(at, wanted) for link in links))
        await self.deliver_news()
        return {link.line.name: link.state.value for link in links}

    def begin_steps(self, at: datetime) -> None:
        """The demonstration clock is about to move: samples in between belong to no moment."""
        self.site.stand_at(at)
        self.recorder.pause(PAUSE_SECONDS)

    def status(self) -> list[dict[str, Any]]:
        """What each line does, for the status screen."""
        return [
            {
                "line": running.link.line.name,
                "state": running.link.state.value,
                "problem": running.link.problem,
                "devices": list(running.link.line.devices),
                "tags": len(running.link.line.points),
            }
            for running in self._links.values()
        ]

    def _find(self, tag: str) -> tuple[Link, Point] | None:
        for running in self._links.values():
            for point in running.link.line.points:
                if point.key == tag:
                    return running.link, point
        return None

    # News for the site database

    def _gap_news(self, news: GapNews) -> None:
        by = self._actor(news.device)
        if news.lost:
            self._news.append(
                partial(
                    self.house.perform,
                    commands.begin_gap,
                    news.device,
                    gap=news.gap,
                    cause=news.cause,
                    gateway=self.owner,
                    started_at=news.at,
                    by=by,
                )
            )
        else:
            self._news.append(
                partial(
                    self.house.perform,
                    commands.end_gap,
                    news.device,
                    gateway=self.owner,
                    ended_at=news.at,
                    by=by,
                )
            )

    def _counter_news(self, news: CounterNews) -> None:
        by = self._actor(news.tag)
        self._news.append(
            partial(self.house.perform, commands.note_counter, news.tag, news.value, by=by)
        )

    async def deliver_news(self) -> None:
        """Write what happened into the site database, in order; kept until it is committed."""
        async with self._news_turn:
            while self._news:
                try:
                    await self._in_database(self._news[0])
                except Refusal as refusal:
                    log.error("gateway.news_refused", rule=refusal.rule, fact=refusal.fact)
                self._news.popleft()

    def _note(self, line: str, state: LinkState, detail: str) -> None:
        log.info("link.state", line=line, state=state.value, detail=detail)
        self.historian.note(line, state.value, detail, at=self.site.now())

    # Lines and leases

    async def tend(self) -> None:
        """Renew the leases, follow changes of devices and tag maps, watch the counters."""
        plan = await self._in_database(self._load_plan)
        owned = await self._in_database(partial(self._take_leases, tuple(plan.lines)))
        self.recorder.limits(await self._in_database(self._load_limits))
        known = self._plan is not None and plan.fingerprint == self._plan.fingerprint
        if known and owned == self._owned:
            return
        await self._rebuild(plan, owned)

    async def _rebuild(self, plan: Plan, owned: frozenset[str]) -> None:
        for name in list(self._links):
            line = plan.lines.get(name)
            if line is None or name not in owned or line != self._links[name].link.line:
                await self._stop(name)
        open_gaps = await self._in_database(partial(self._open_gaps, tuple(plan.devices)))
        mine = [w for w in plan.watched if plan.devices[w.point.device]["line"] in owned]
        self.recorder.watch(mine, open_gaps)
        self._plan, self._owned = plan, owned
        for name, line in plan.lines.items():
            if name in owned and name not in self._links:
                self._start(plan, line)

    def _start(self, plan: Plan, line: Line) -> None:
        device = plan.devices[line.devices[0]]
        make = partial(self.drivers or self._make_driver, device)
        link = Link(line, make, self.recorder, self._note)
        task = asyncio.create_task(link.run(), name=f"link {line.name}")
        self._links[line.name] = _Running(link, task)

    async def _stop(self, name: str) -> None:
        await end(self._links.pop(name).task)

    async def _stop_all(self) -> None:
        for name in list(self._links):
            await self._stop(name)

    def _make_driver(self, device: dict[str, Any]) -> Driver:
        """A new driver for one attempt. Raises LinkProblem for a host that is not allowed."""
        endpoint, settings = str(device["endpoint"]), device["settings"]
        host, port = host_and_port(endpoint)
        if host not in self.allowed_hosts:
            raise LinkProblem(f"{host} is not on the list of allowed hosts")
        if device["protocol"] == Protocol.OPCUA:
            return OpcUaDriver(endpoint, self.pki)
        return ModbusDriver(
            host,
            port,
            max_gap=int(settings.get("max_gap", 32)),
            max_span=int(settings.get("max_span", 125)),
        )

    def _take_leases(self, lines: Sequence[str]) -> frozenset[str]:
        with self.house.transaction() as session:
            now = moment(session).steady
            known = {lease.line: lease for lease in session.scalars(select(LineLease))}
            mine = set()
            for line in lines:
                lease = known.get(line)
                if lease is None:
                    session.add(LineLease(line=line, owner=self.owner, until=now + LEASE))
                elif lease.owner == self.owner or not now <= lease.until <= now + 2 * LEASE:
                    # One that lasts much longer than a lease can was given before this machine was
                    # started, with another time. Not one that lasts a little longer: clocks of two
                    # machines differ.
                    lease.owner, lease.until = self.owner, now + LEASE
                else:
                    continue
                mine.add(line)
            return frozenset(mine)

    def _give_leases_back(self) -> None:
        with self.house.transaction() as session:
            for lease in session.scalars(select(LineLease).where(LineLease.owner == self.owner)):
                lease.until = moment(session).steady

    # What is read from the site database

    def _load_plan(self) -> Plan:
        with self.house.reading() as session:
            return load_plan(session)

    def _load_limits(self) -> dict[str, Any]:
        with self.house.reading() as session:
            return {
                unit.counter_tag: unit.counter_limit
                for unit in queries.counters(session)
                if unit.counter_tag is not None and unit.counter_limit is not None
            }

    def _open_gaps(self, devices: Sequence[str]) -> dict[str, UUID]:
        with self.house.reading() as session:
            found = {name: queries.open_gap(session, name) for name in devices}
            return {name: gap.gap for name, gap in found.items() if gap is not None}

    async def _look_at_clock(self) -> None:
        self.recorder.awake()
        if not self.recorder.paused:
            self.site.stand_at(await self._in_database(self._site_now))

    def _site_now(self) -> datetime:
        with self.house.reading() as session:
            return moment(session).site

    # Threads and loops

    async def _in_database(self, work: Callable[[], T]) -> T:
        """Run in the one database thread, so that the loop keeps serving its sockets."""
        return await asyncio.get_running_loop().run_in_executor(self._database, work)

    def _actor(self, trigger: str) -> Actor:
        return Actor.service("gateway", trigger=f"{self.name}: {trigger}")

    async def _every(self, seconds: float, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Repeat for ever; a failure is logged and does not end the gateway."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                # The next round tries again.
                log.error("gateway.problem", exc_info=True)


async def run_gateway(
    house: House,
    settings: Settings,
    *,
    stop: asyncio.Event | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Run the gateway of an installation until cancelled or `stop` is set.

    `house` must be composed with all event handlers and the service ``historian``. `ready` is
    called when the control channel listens (`gateway_place`).
    """
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    pki = Pki(settings.pki)
    await asyncio.to_thread(pki.ensure_own, house.clock.now())
    historian: Historian = house.services["historian"]
    gateway = Gateway(house, historian, pki)
    control = ControlServer(control_commands(gateway), gateway_place(settings))
    running = asyncio.create_task(gateway.run(), name="gateway")
    stopped = asyncio.create_task((stop or asyncio.Event()).wait(), name="stop")
    try:
        await control.start()
        if ready is not None:
            ready()
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        stopped.cancel()
        await control.stop()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def gateway_place(settings: Settings) -> Path:
    """Where the gateway says how it is reached."""
    return settings.home / "gateway.json"


def control_commands(gateway: Gateway) -> dict[str, ControlCommand]:
    """What the control channel can ask for."""

    async def sweep(asked: Answer) -> Answer:
        at = datetime.fromisoformat(asked["site_time"])
        return {"lines": await gateway.sweep(at, asked.get("devices"))}

    async def begin_steps(asked: Answer) -> Answer:
        gateway.begin_steps(datetime.fromisoformat(asked["site_time"]))
        return {}

    async def write_now(asked: Answer) -> Answer:
        return {"ended": await gateway.writer.carry_out()}

    async def status(asked: Answer) -> Answer:
        return {"lines": gateway.status()}

    return {
        "sweep": sweep,
        "begin_steps": begin_steps,
        "write_now": write_now,
        "status": status,
    }
