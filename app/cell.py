"""The simulated cell of a demonstration site: process, certificates, control channel."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from core.clock import SystemClock
from core.errors import BrokenPromise
from core.settings import Settings
from hardware.pki import Pki
from hardware.simulators import pki as cell_pki
from hardware.simulators.control import ControlClient

HOST = "127.0.0.1"
PLACE = "cell.json"


@dataclass(frozen=True, slots=True)
class Cell:
    """Where the running cell is reached."""

    opcua: str
    modbus: str
    control_port: int
    token: str

    def client(self) -> ControlClient:
        """A connection to its control channel."""
        return ControlClient(HOST, self.control_port, self.token)


def start(settings: Settings, *, offset: timedelta) -> tuple[subprocess.Popen[str], Cell]:
    """Start the cell as a process; both sides trust each other's certificate before."""
    folder = settings.home / "cell"
    folder.mkdir(exist_ok=True, mode=0o700)
    _exchange_certificates(settings, folder)
    token = secrets.token_urlsafe(24)
    token_file = folder / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hardware.simulators.host",
            f"--pki={folder}",
            f"--token-file={token_file}",
            f"--offset={offset.total_seconds()}",
            f"--state-file={folder / 'state.json'}",
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    cell = _announced(process, token)
    _write_place(settings.home / PLACE, cell)
    return process, cell


def known(settings: Settings) -> Cell:
    """The cell that was started for this site last. Raises BrokenPromise when there is none."""
    try:
        content = json.loads((settings.home / PLACE).read_text())
    except FileNotFoundError:
        raise BrokenPromise("no simulated cell was started for this site") from None
    return Cell(**content)


def _announced(process: subprocess.Popen[str], token: str) -> Cell:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise BrokenPromise(f"the simulated cell did not start (code {process.wait()})")
    ports = json.loads(line)
    return Cell(
        opcua=f"opc.tcp://{HOST}:{ports['opcua_port']}",
        modbus=f"{HOST}:{ports['modbus_port']}",
        control_port=ports["control_port"],
        token=token,
    )


def _write_place(place: Path, cell: Cell) -> None:
    place.touch(mode=0o600)
    place.write_text(
        json.dumps(
            {
                "opcua": cell.opcua,
                "modbus": cell.modbus,
                "control_port": cell.control_port,
                "token": cell.token,
            }
        )
    )


def _exchange_certificates(settings: Settings, folder: Path) -> None:
    own = Pki(settings.pki)
    own.ensure_own(SystemClock().now())
    theirs = cell_pki.ensure_certificate(folder)
    own.trust(theirs.read_bytes(), "gran")
    trusted = folder / "trusted"
    trusted.mkdir(exist_ok=True, mode=0o700)
    (trusted / "batchwright.der").write_bytes(own.certificate_path.read_bytes())
