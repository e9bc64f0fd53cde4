"""The simulated cell of a demonstration site: process, certificates, control channel."""

from __future__ import annotations

import json
import secrets
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from app.standby import Standby
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


class Starting:
    """A cell on its way: it loads while other things are done."""

    def __init__(self, settings: Settings, part: Standby, token: str) -> None:
        self.part = part
        self._settings = settings
        self._token = token
        self._cell: Cell | None = None

    def cell(self) -> Cell:
        """Where it is reached, as soon as it listens. Raises BrokenPromise when it ended."""
        if self._cell is None:
            self._cell = _announced(self.part.process, self._token)
            _write_place(self._settings.home / PLACE, self._cell)
        return self._cell


def start(settings: Settings, part: Standby, *, offset: timedelta) -> Starting:
    """Start the cell in its process; both sides trust each other's certificate before."""
    folder = memory_file(settings).parent
    folder.mkdir(exist_ok=True, mode=0o700)
    _exchange_certificates(settings, folder)
    token = secrets.token_urlsafe(24)
    token_file = folder / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(token)
    arguments = [
        f"--pki={folder}",
        f"--token-file={token_file}",
        f"--offset={offset.total_seconds()}",
        f"--state-file={memory_file(settings)}",
    ]
    part.begin(arguments)
    return Starting(settings, part, token)


def memory_file(settings: Settings) -> Path:
    """Where the machines of the cell remember how they stood."""
    return settings.home / "cell" / "state.json"


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
