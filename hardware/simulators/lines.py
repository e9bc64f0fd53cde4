"""The state of the line to each simulated device: up, cut or frozen; times are site times."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from hardware.simulators.errors import ArgumentRefused, CommandRefused

OPCUA_SERVER = "GRAN"
MODBUS_SERVER = "MODBUS"


class Lines:
    """Cut or frozen devices. GRAN and MODBUS stand for the whole server with its socket."""

    def __init__(self, devices: Iterable[str]) -> None:
        self.devices = (OPCUA_SERVER, MODBUS_SERVER, *devices)
        self._cut: dict[str, datetime | None] = {}
        self._frozen: set[str] = set()

    def cut(self, device: str, *, at: datetime, seconds: float | None) -> None:
        """Cut a line for `seconds` of site time, or until restored when None."""
        self._known(device)
        if seconds is not None and not 0.0 < seconds <= 86_400.0:
            raise ArgumentRefused(f"a line is cut for 0 to 86,400 s, not {seconds:g}")
        self._cut[device] = None if seconds is None else at + timedelta(seconds=seconds)

    def freeze(self, device: str) -> None:
        """Let the values of a device stand still while its line stays open."""
        self._known(device)
        if device in (OPCUA_SERVER, MODBUS_SERVER):
            raise ArgumentRefused(f"{device} is a server; freeze its devices one by one")
        self._frozen.add(device)

    def restore(self, device: str) -> None:
        """Repair a cut or frozen line; refused when it is in order."""
        self._known(device)
        if device not in self._cut and device not in self._frozen:
            raise CommandRefused(f"the line to {device} is in order")
        self._cut.pop(device, None)
        self._frozen.discard(device)

    def expire(self, now: datetime) -> None:
        """End the cuts whose time is over."""
        over = [name for name, until in self._cut.items() if until is not None and until <= now]
        for name in over:
            del self._cut[name]

    def is_cut(self, device: str) -> bool:
        """True while the device itself (or the named server) is cut."""
        return device in self._cut

    def is_frozen(self, device: str) -> bool:
        """True while the values of the device stand still."""
        return device in self._frozen

    def picture(self) -> dict[str, str]:
        """Every line that is not in order: `cut`, `cut until ...` or `frozen`."""
        lines = dict.fromkeys(self._frozen, "frozen")
        for device, until in self._cut.items():
            lines[device] = "cut" if until is None else f"cut until {until.isoformat()}"
        return lines

    def next_end(self) -> datetime | None:
        """When the next timed cut ends."""
        return min((until for until in self._cut.values() if until is not None), default=None)

    def _known(self, device: str) -> None:
        if device not in self.devices:
            raise ArgumentRefused(f"there is no line to {device!r}; known: {list(self.devices)}")
