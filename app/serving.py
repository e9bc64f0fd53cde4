"""The running installation: cell, gateway, worker and web server as processes of one parent."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from app import cell, demoreset, demosite
from app.bootstrap import compose, site_exists
from app.demosite import FirstBatch
from app.standby import ALL, CELL, GATEWAY, WEB, WORKER, Standby, end_all, loading
from core.errors import BrokenPromise
from core.settings import Settings
from core.sites import clock_offset_us
from hardware import demo_plant, setup_commands
from hardware.gateway import gateway_place

PLANNED = FirstBatch(number=2044, order="PO-7731")
START_SECONDS = 60
UNFINISHED = "unfinished"
"""File in the folder of a site while it is being made."""
Say = Callable[[str], None]


def run(
    settings: Settings, *, port: int, say: Say, parts: Mapping[str, Standby] | None = None
) -> int:
    """Make the site when there is none, start everything, and wait for Ctrl-C.

    Answers the exit code: 0 after Ctrl-C, 1 when a process died by itself. A site whose making was
    interrupted is put aside, so that the next start makes a whole one.
    """
    parts = parts or loading(*ALL)
    with ExitStack() as ending:
        ending.callback(end_all, list(parts.values()))
        _put_unfinished_aside(settings, say)
        is_new = not site_exists(settings)
        offset = timedelta(0) if is_new else _offset(settings)
        starting = cell.start(settings_home(settings), parts[CELL], offset=offset)
        if is_new:
            _make(settings, starting, say)
        else:
            move_devices(settings, starting.cell())
        gateway_place(settings).unlink(missing_ok=True)
        begin(settings, parts[GATEWAY], ["gateway"])
        begin(settings, parts[WORKER], ["worker"])
        begin(settings, parts[WEB], ["web", f"--port={port}"])
        wait_for_web(port)
        say(f"open http://127.0.0.1:{port}/")
        say(f"badges and passphrases: {settings.home / demosite.CARDS_TEXT}")
        say("Ctrl-C stops everything")
        return _wait([part.process for part in parts.values()], say)


def _make(settings: Settings, starting: cell.Starting, say: Say) -> None:
    unfinished = settings.home / UNFINISHED
    unfinished.touch()
    try:
        demosite.make(settings, starting.cell, PLANNED, say=say)
    except BaseException:
        starting.part.end()
        say(demoreset.rename(settings))
        raise
    unfinished.unlink()


def _put_unfinished_aside(settings: Settings, say: Say) -> None:
    """What a killed making left is no site; it cannot say so itself any more."""
    if (settings.home / UNFINISHED).exists():
        say(demoreset.rename(settings))


def settings_home(settings: Settings) -> Settings:
    """The settings, with their folder in place."""
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.pki.mkdir(exist_ok=True, mode=0o700)
    return settings


def free_port(wanted: int = 0) -> int:
    """A free port on loopback: the wanted one if it is free, else any."""
    for candidate in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BrokenPromise("no free port on loopback")


def _offset(settings: Settings) -> timedelta:
    house = compose(settings)
    with house.reading() as session:
        offset = clock_offset_us(session)
    house.database.close()
    return timedelta(microseconds=offset)


def move_devices(settings: Settings, address: cell.Cell) -> None:
    """The cell listens on new ports: its devices are reached there from now on, audited."""
    house = compose(settings)
    for device in demo_plant.devices(opcua=address.opcua, modbus=address.modbus):
        house.perform(
            setup_commands.move_device,
            device.name,
            endpoint=device.endpoint,
            reason="the simulated cell was started on new ports",
            by=demosite.SEEDING,
        )
    house.database.close()


def begin(settings: Settings, part: Standby, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Let one part of the installation run; what it says goes into its log."""
    log = log_of(settings, arguments[0])
    return part.begin(arguments, environment=environment(settings), log=log)


def environment(settings: Settings) -> dict[str, str]:
    """How a part of the installation learns where it belongs."""
    return {
        "BATCHWRIGHT_HOME": str(settings.home),
        "BATCHWRIGHT_DATABASE_URL": settings.database_url,
        "BATCHWRIGHT_OWNER_URL": settings.owner_url,
        "BATCHWRIGHT_LOG_LEVEL": settings.log_level,
        "BATCHWRIGHT_LOG_WITNESS": settings.log_witness,
        "BATCHWRIGHT_ANCHOR_FILE": settings.anchor_file,
        "BATCHWRIGHT_TIME_AUTHORITY": settings.time_authority,
    }


def log_of(settings: Settings, part: str) -> Path:
    """The file that a part of the installation logs into; its folder is there."""
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    return logs / f"{part}.log"


def wait_for_web(port: int) -> None:
    """Until the web server accepts connections. Raises BrokenPromise when it does not start."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise BrokenPromise("the web server did not start; see the logs folder of the site")


def _wait(processes: Sequence[subprocess.Popen[str]], say: Say) -> int:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(0.5):
        for process in processes:
            if process.poll() is not None:
                say(f"a process ended by itself (code {process.returncode}); see the logs folder")
                return 1
    say("stopping")
    return 0
