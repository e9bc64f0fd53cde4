"""A site, the simulated cell and a gateway, all on real sockets of this machine."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.house import House
from core.settings import Settings
from hardware import demo_plant, setup_commands
from hardware.gateway import gateway_place, run_gateway
from hardware.gateway_control import GatewayClient
from hardware.historian import Historian
from hardware.pki import Pki
from hardware.setup_commands import NewEquipment
from hardware.simulators.control import ControlClient
from hardware.words import Cleaning
from tests.integration.hardware.conftest import APPROVER, AUTHOR

PATIENCE = 20.0


@dataclass
class Cell:
    """The running simulators: their ports, and a client of their control channel."""

    opcua: str
    modbus: str
    control: ControlClient
    pki: Path
    process: int


@contextmanager
def running_cell(folder: Path, *, offset: timedelta = timedelta(0)) -> Iterator[Cell]:
    """The simulators in a process of their own."""
    token = secrets.token_urlsafe(24)
    (folder / "token").write_text(token)
    host = subprocess.Popen(
        [
            sys.executable, "-m", "hardware.simulators.host", "--pki", str(folder / "sim-pki"),
            "--token-file", str(folder / "token"), "--offset", str(offset.total_seconds()),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert host.stdout is not None
        ports = json.loads(host.stdout.readline())
        control = ControlClient("127.0.0.1", ports["control_port"], token)
        with control:
            yield Cell(
                opcua=f"opc.tcp://127.0.0.1:{ports['opcua_port']}/gran",
                modbus=f"127.0.0.1:{ports['modbus_port']}",
                control=control,
                pki=folder / "sim-pki",
                process=host.pid,
            )
    finally:
        host.terminate()
        host.communicate(timeout=10)


def settings_in(folder: Path, url: str) -> Settings:
    return Settings(home=folder / "site", database_url=url, owner_url=url)


def trust_each_other(settings: Settings, cell: Cell, now: Any) -> None:
    """What an administrator does once on both sides."""
    pki = Pki(settings.pki)
    pki.ensure_own(now)
    (cell.pki / "trusted" / "gateway.der").write_bytes(pki.certificate_path.read_bytes())
    pki.trust((cell.pki / "own" / "cert.der").read_bytes(), "gran")


def seed(house: House, *, opcua: str, modbus: str, only: set[str] | None = None) -> None:
    """Units, devices and approved tag maps of the demo plant (or some of its units)."""
    for device in demo_plant.devices(opcua=opcua, modbus=modbus):
        if only is None or device.name in only:
            house.perform(
                setup_commands.register_device,
                device.name,
                protocol=device.protocol,
                endpoint=device.endpoint,
                unit=device.unit,
                writable=device.writable,
                by=AUTHOR,
            )
    for number, specs in demo_plant.tag_maps().items():
        if only is None or number in only:
            unit = NewEquipment(
                number=number, name=number, equipment_class="unit", cleaning=Cleaning.CLEAN
            )
            house.perform(setup_commands.register_equipment, unit, by=AUTHOR)
            house.perform(setup_commands.propose_tag_map, number, specs, by=AUTHOR)
            house.perform(setup_commands.approve_tag_map, number, 1, by=APPROVER)


class RunningGateway:
    """A gateway in a thread of its own, with a client of its control channel."""

    def __init__(self, house: House, settings: Settings) -> None:
        self._house, self._settings = house, settings
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="gateway under test")

    def _work(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as failure:
            self.failure = failure
            self._ready.set()
            raise

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await run_gateway(self._house, self._settings, stop=self._stop, ready=self._ready.set)

    def start(self) -> GatewayClient:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        assert self.failure is None
        return GatewayClient(gateway_place(self._settings))

    def stop(self) -> None:
        assert self._loop is not None
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@contextmanager
def running_gateway(house: House, settings: Settings) -> Iterator[GatewayClient]:
    """The gateway until the end of the block."""
    gateway = RunningGateway(house, settings)
    client = gateway.start()
    try:
        with client:
            yield client
    finally:
        gateway.stop()


def eventually(check: Callable[[], Any], *, seconds: float = PATIENCE) -> Any:
    """The first true answer of `check`, asked every 20 ms; fails after `seconds`."""
    waiter = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if answer := check():
            return answer
        waiter.wait(0.02)
    raise AssertionError(f"not within {seconds} s")


def online(client: GatewayClient) -> bool:
    """Every line is connected and every device answers."""
    lines = client.status()
    return bool(lines) and all(line["state"] == "ONLINE" for line in lines)


def historian_of(house: House) -> Historian:
    found: Historian = house.services["historian"]
    return found
