"""A whole site for the fault programme: real processes that can be killed and started again.

The parts are those of the command line (`web` under gunicorn, `worker`, `gateway`) and the
simulated cell, each in a session of its own, forked from a process that has imported everything:
so that a start costs a fraction of a second and thirty kills fit into a test run. Passphrases use
the light profile of the tests; everything else is the product.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.orm import Session

from app import bootstrap, making, serving
from app.acting import Person
from app.bootstrap import compose
from app.seed import people
from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.house import House, moment
from core.settings import Settings
from core.sites import SiteMode
from ebr.commands import runs
from ebr.commands.runs import NewRun
from hardware import demo_plant, setup_commands
from hardware.pki import Pki
from hardware.setup_commands import NewEquipment
from hardware.simulators import pki as cell_pki
from hardware.simulators.control import ControlClient
from hardware.words import Cleaning
from personnel.crypto import LIGHT, Vault
from tests.support.faultclock import SteppedClock
from tests.support.faultrecipe import recipe
from tests.support.places import owner_url, site_url
from workflows.importing import import_procedure
from workflows.models import DefinitionFile

SETUP = Actor.service("set-up", trigger="fault programme")
HOST, ZONE, GMP_MARK = "127.0.0.1", "Europe/Zurich", "gmp"
UNITS = ("FBD-01", "PW-03")
"""A dryer over OPC UA and a water station over Modbus: two lines of the gateway."""
PRELOADED = ["app.cli", "app.wsgi", "web.application", "hardware.simulators.host", __name__]
START_SECONDS = 60.0
FORKSERVER = multiprocessing.get_context("forkserver")
PARTS = ("web", "worker", "gateway", "cell")
Break = Callable[[], None]
"""Makes a part of the product wrong in its own process, for a control."""


class Running(Protocol):
    """A process of a site: of `multiprocessing`, or one that was started otherwise."""

    @property
    def pid(self) -> int | None:
        """Its number, which is that of its session as well."""

    def is_alive(self) -> bool:
        """Whether it has not ended yet."""

    def kill(self) -> None:
        """kill -9."""

    def join(self) -> None:
        """Wait for its end."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen, the same after every start."""

    web: int
    opcua: int
    modbus: int
    control: int


def free_ports(count: int) -> list[int]:
    """Different free ports of this machine."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def settings_in(home: Path) -> Settings:
    """Settings of a site in a folder, with the database that the run was asked for.

    A process of the site finds the database by what lies in the folder.
    """
    url = site_url(home / "site.db")
    return Settings(home=home, database_url=url, owner_url=owner_url(url), log_level="WARNING")


def light_vault(settings: Settings) -> Vault | None:
    """The vault with the light profile of the tests; None in a GMP site, which takes the real."""
    if (settings.home / GMP_MARK).exists():
        return None
    pepper = (settings.keys / "pepper").read_bytes()
    return Vault(pepper, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True)


def composed(settings: Settings) -> House:
    """The house of the site as its processes see it, on a clock that tests can step."""
    return compose(settings, clock=SteppedClock(settings.home), vault=light_vault(settings))


def make(
    home: Path, *, batches: Iterable[str], mode: SiteMode = SiteMode.DEMONSTRATION
) -> dict[str, str]:
    """Make the site: people, two units with tag maps, and started batches; answers passphrases.

    The devices have no address yet (`move_devices`). Batches of a GMP site take no value from a
    machine: ours are simulated, and simulated values are bad there.
    """
    settings, gmp = settings_in(home), mode is SiteMode.GMP
    clock = SteppedClock(home)
    making.make_site(settings, name="Fault programme", mode=mode, zone=ZONE, clock=clock)
    if gmp:
        (home / GMP_MARK).touch()
    house = composed(settings)
    at = _now(house)
    staff = people.seed(house, at)
    _equip(house, staff, at)
    supervisor = staff["P-105"].actor
    for number in batches:
        start = partial(_start_batch, data=recipe(machines=not gmp))
        house.perform(start, number, by=supervisor, record=f"batch/{number}")
    house.database.close()
    return {badge: person.passphrase for badge, person in staff.items()}


def _now(house: House) -> datetime:
    with house.reading() as session:
        return moment(session).site


def _equip(house: House, staff: dict[str, Person], at: datetime) -> None:
    for device in demo_plant.devices(opcua=f"opc.tcp://{HOST}:1", modbus=f"{HOST}:1"):
        if device.name in UNITS:
            house.perform(
                setup_commands.register_device,
                device.name,
                protocol=device.protocol,
                endpoint=device.endpoint,
                unit=device.unit,
                writable=device.writable,
                by=SETUP,
            )
    author, approver = staff["P-109"].actor, staff["P-107"].actor
    for number in UNITS:
        unit = NewEquipment(
            number=number,
            name=number,
            equipment_class="fluid_bed_dryer" if number == "FBD-01" else "water",
            room="1.12",
            cleaning=Cleaning.CLEAN,
            clean_until=at + timedelta(days=7),
            calibration_due=at + timedelta(days=100),
        )
        house.perform(setup_commands.register_equipment, unit, by=SETUP)
        specs = demo_plant.tag_maps()[number]
        house.perform(setup_commands.propose_tag_map, number, specs, by=author)
        house.perform(setup_commands.approve_tag_map, number, 1, by=approver)


def _start_batch(session: Session, number: str, *, data: bytes, by: Actor, at: datetime) -> None:
    imported = import_procedure(data)
    header, stream = imported.procedure.header, Stream("batch", number)
    with trail.act(session, "batch.opened", stream=stream, by=by, object=number):
        known = session.query(DefinitionFile).filter_by(file_digest=imported.file_digest).count()
        if not known:
            session.add(
                DefinitionFile(
                    file_digest=imported.file_digest,
                    content_digest=imported.content_digest,
                    body=data.decode(),
                )
            )
            session.flush()
        new = NewRun(
            number=number,
            stream=stream,
            code=header.code,
            version_label="v3",
            title=header.title,
            language="en",
            file_digest=imported.file_digest,
            content_digest=imported.content_digest,
        )
        runs.start_run(session, runs.open_run(session, new), by=by, at=at)


# --- the parts, as processes ---------------------------------------------------------------------


def part(home: str, name: str, arguments: list[str], broken: Break | None) -> None:
    """One part of the installation, in a process of its own until it is killed."""
    os.setsid()
    log = os.open(f"{home}/{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    from app import cli, wsgi
    from hardware.simulators import host

    # The light vault, in this process only.
    bootstrap.compose = composed  # type: ignore[assignment]
    wsgi.compose = composed  # type: ignore[attr-defined,assignment]
    os.environ.update(serving.environment(settings_in(Path(home))))
    if broken is not None:
        broken()
    if name == "cell":
        os._exit(host.main(arguments))
    cli.main([name, *arguments], standalone_mode=False)


@dataclass
class Site:
    """The running parts of one site, by name."""

    home: Path
    passphrases: dict[str, str]
    ports: Ports
    broken: dict[str, Break] = field(default_factory=dict)
    _running: dict[str, Running] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Where the site lies."""
        return settings_in(self.home)

    @property
    def address(self) -> str:
        """Address of the web server."""
        return f"http://{HOST}:{self.ports.web}"

    def house(self) -> House:
        """A house of the test's own on the same site; close its database afterwards."""
        return composed(self.settings)

    def control(self) -> ControlClient:
        """The control channel of the cell."""
        token = (self.home / "cell" / "token").read_text()
        return ControlClient(HOST, self.ports.control, token)

    def start(self, *names: str) -> None:
        """Start parts that do not run, and wait until they listen."""
        for name in names or PARTS:
            self.begin(name)
        for name in names or PARTS:
            self._await(name)

    def begin(self, name: str) -> None:
        """Start a part without waiting for it."""
        self._running[name] = self._process(name, self._arguments(name), self.broken.get(name))

    def _process(self, name: str, arguments: list[str], broken: Break | None) -> Running:
        FORKSERVER.set_forkserver_preload(PRELOADED)
        given = (str(self.home), name, arguments, broken)
        process = FORKSERVER.Process(target=part, args=given, daemon=True)
        process.start()
        return process

    def _arguments(self, name: str) -> list[str]:
        ports, folder = self.ports, self.home / "cell"
        if name == "web":
            return [f"--port={ports.web}", "--threads=4"]
        if name != "cell":
            return []
        return [
            f"--pki={folder}",
            f"--token-file={folder / 'token'}",
            f"--opcua-port={ports.opcua}",
            f"--modbus-port={ports.modbus}",
            f"--control-port={ports.control}",
            f"--state-file={folder / 'state.json'}",
        ]

    def _await(self, name: str) -> None:
        port = {"web": self.ports.web, "cell": self.ports.control}.get(name)
        deadline = time.monotonic() + START_SECONDS
        while port is not None and not _listens(port):
            if time.monotonic() > deadline or not self._running[name].is_alive():
                raise AssertionError(f"{name} did not start: {self.log(name)}")
            time.sleep(0.02)

    def log(self, name: str) -> str:
        """The last lines that a part wrote."""
        file = self.home / f"{name}.log"
        return file.read_text(errors="replace")[-3000:] if file.exists() else ""

    def pid(self, name: str) -> int:
        """The process of a part (of the web server: its master)."""
        found = self._running[name].pid
        assert found is not None
        return found

    def family(self, name: str) -> list[int]:
        """The process of a part and those that it started."""
        pid = self.pid(name)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def kill(self, name: str) -> None:
        """kill -9 of a part with everything that it started."""
        process = self._running.pop(name)
        assert process.pid is not None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        process.join()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part with everything that it started."""
        os.killpg(self.pid(name), number)

    def stop(self) -> None:
        """End every part at once."""
        for name in list(self._running):
            self.kill(name)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def open_copy(template: Path, home: Path, *, kind: type[Site] = Site, **more: Any) -> Site:
    """A site of its own: a copy of `template` (made by `make_template`) on free ports."""
    shutil.copytree(template, home, dirs_exist_ok=True)
    passphrases = json.loads((home / "passphrases.json").read_text())
    web, opcua, modbus, control = free_ports(4)
    site = kind(home, passphrases, Ports(web, opcua, modbus, control), **more)
    (home / "cell").mkdir(exist_ok=True, mode=0o700)
    (home / "cell" / "token").write_text(secrets.token_urlsafe(24))
    house = site.house()
    _exchange_certificates(site, house)
    _move_devices(site, house)
    house.database.close()
    return site


def make_template(home: Path, *, batches: Iterable[str], **more: Any) -> Path:
    """A site that can be copied; answers its folder."""
    passphrases = make(home, batches=batches, **more)
    (home / "passphrases.json").write_text(json.dumps(passphrases))
    return home


def _exchange_certificates(site: Site, house: House) -> None:
    own = Pki(site.settings.pki)
    own.ensure_own(house.clock.now())
    theirs = cell_pki.ensure_certificate(site.home / "cell")
    own.trust(theirs.read_bytes(), "gran")
    trusted = site.home / "cell" / "trusted"
    trusted.mkdir(exist_ok=True, mode=0o700)
    (trusted / "batchwright.der").write_bytes(own.certificate_path.read_bytes())


def _move_devices(site: Site, house: House) -> None:
    ports = site.ports
    at = {"opcua": f"opc.tcp://{HOST}:{ports.opcua}", "modbus": f"{HOST}:{ports.modbus}"}
    for device in demo_plant.devices(**at):
        if device.name in UNITS:
            house.perform(
                setup_commands.move_device,
                device.name,
                endpoint=device.endpoint,
                reason="the simulated cell of this test",
                by=SETUP,
            )
