"""The running installation: cell, gateway, worker and web server as processes of one parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta

from app import cell, demosite
from app.bootstrap import compose, site_exists
from app.demosite import FirstBatch
from core.errors import BrokenPromise
from core.settings import Settings
from core.sites import clock_offset_us
from hardware import demo_plant, setup_commands
from hardware.gateway import gateway_place

PLANNED = FirstBatch(number=2044, order="PO-7731")
GRACE_SECONDS = 10
START_SECONDS = 60
Say = Callable[[str], None]


def run(settings: Settings, *, port: int, say: Say) -> int:
    """Make the site when there is none, start everything, and wait for Ctrl-C.

    Answers the exit code: 0 after Ctrl-C, 1 when a process died by itself.
    """
    with ExitStack() as ending:
        is_new = not site_exists(settings)
        offset = timedelta(0) if is_new else _offset(settings)
        process, address = cell.start(settings_home(settings), offset=offset)
        ending.callback(stop, process)
        if is_new:
            demosite.make(settings, address, PLANNED, say=say)
        else:
            _move_devices(settings, address)
        children = _start_all(settings, ending, port)
        wait_for_web(port)
        say(f"open http://127.0.0.1:{port}/")
        say(f"badges and passphrases: {settings.home / demosite.CARDS_TEXT}")
        say("Ctrl-C stops everything")
        return _wait([process, *children], say)


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


def _move_devices(settings: Settings, address: cell.Cell) -> None:
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


def _start_all(settings: Settings, ending: ExitStack, port: int) -> list[subprocess.Popen[bytes]]:
    gateway_place(settings).unlink(missing_ok=True)
    children = []
    for arguments in (["gateway"], ["worker"], ["web", f"--port={port}"]):
        child = start_child(settings, arguments)
        ending.callback(stop, child)
        children.append(child)
    return children


def start_child(settings: Settings, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start one part of the installation as a process of its own."""
    environment = {
        **os.environ,
        "BATCHWRIGHT_HOME": str(settings.home),
        "BATCHWRIGHT_DATABASE_URL": settings.database_url,
        "BATCHWRIGHT_OWNER_URL": settings.owner_url,
        "BATCHWRIGHT_LOG_LEVEL": settings.log_level,
    }
    logs = settings.home / "logs"
    logs.mkdir(exist_ok=True, mode=0o700)
    with (logs / f"{arguments[0]}.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *arguments],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


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


def _wait(processes: Sequence[subprocess.Popen[bytes] | subprocess.Popen[str]], say: Say) -> int:
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


def stop(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End a process kindly, and after a grace period for good."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
