"""The simulated cell in this process: what the control channel offers, without a socket.

Model time is site time = real time + offset, and the offset only grows, as in `plant`. Between
calls nothing moves: each call first brings the models to the present moment.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from hardware.simulators.cell import Cell
from hardware.simulators.lines import Lines
from hardware.simulators.plant import real_now


class LocalCell:
    """Cell and lines of one process. Methods as those of `ControlClient`; refusals are raised as
    the models raise them (`CommandRefused`, `ArgumentRefused`)."""

    def __init__(
        self,
        offset: timedelta = timedelta(0),
        *,
        seed: int = 1,
        real: Callable[[], datetime] = real_now,
    ) -> None:
        self._real = real
        self._offset = offset
        self.cell = Cell(real() + offset, seed)
        self.lines = Lines(self.cell.units)

    def now(self) -> datetime:
        """Site time of the models, brought to the present moment."""
        self.follow()
        return self.cell.now

    def follow(self) -> None:
        """Bring the models to the present moment."""
        self.cell.advance(max(self.cell.now, self._real() + self._offset))
        self.lines.expire(self.cell.now)

    def advance(
        self, to: datetime, *, offset: timedelta | None = None, until_change: bool = False
    ) -> datetime:
        """Move site time to `to` (or to where a unit changes its state); answers where it is."""
        self.cell.advance(to, until_change=until_change)
        self.lines.expire(self.cell.now)
        stopped_early = self.cell.now < to
        exact = self.cell.now - self._real()
        wanted = exact if offset is None or stopped_early else offset
        self._offset = max(self._offset, wanted)
        return self.cell.now

    def place(self, scale: str, mass: float, label: str = "") -> None:
        """Put a container of that gross mass (kg) on a scale."""
        self.follow()
        self.cell.scale(scale).place(mass, label)

    def remove(self, scale: str) -> None:
        """Take the container off a scale; this clears the tare."""
        self.follow()
        self.cell.scale(scale).remove()

    def tare(self, scale: str) -> float:
        """Press the tare key; answers the tare in kg. Refused while the scale is not stable."""
        self.follow()
        self.cell.scale(scale).tare()
        return float(self.cell.scale(scale).values()["WI503"])

    def start(self, unit: str, **settings: object) -> None:
        """Press the start button of a machine without command tag."""
        self.follow()
        self.cell.unit(unit).start(settings)

    def stop(self, unit: str) -> None:
        """Press the stop button of a machine without command tag."""
        self.follow()
        self.cell.unit(unit).stop()

    def charge(self, unit: str, material: str, mass: float) -> None:
        """Bring material (kg) into a unit."""
        self.follow()
        self.cell.charge(unit, material, mass)

    def cut(self, device: str, seconds: float | None = None) -> None:
        """Cut the line to a device, for seconds of site time or until `restore`."""
        self.follow()
        self.lines.cut(device, at=self.cell.now, seconds=seconds)

    def restore(self, device: str) -> None:
        """Repair a cut or frozen line."""
        self.follow()
        self.lines.restore(device)

    def set(self, unit: str, quantity: str, value: float) -> None:
        """Put a hidden quantity of a model, or a set point at the machine's panel, to a value."""
        self.follow()
        found = self.cell.unit(unit)
        if quantity in found.set_points_by_hand:
            found.write(quantity, value)
        else:
            found.set(quantity, value)

    def tool_counter(self) -> int:
        """Tablets made with tool set TS-12."""
        return self.cell.press.tool
