"""Scales and balances: a first-order cell that settles in 2 s, tare, stable, range and zero."""

from __future__ import annotations

import math

from hardware.simulators.errors import CommandRefused
from hardware.simulators.models.signals import Lag
from hardware.simulators.models.unit import Number, Picture, Unit

SETTLE = 2.0
STABLE, IN_RANGE, ZERO = 1, 2, 4


class Scale(Unit):
    """One scale of a capacity and readability in kg; removing the load clears the tare.

    For 2 s after a change of load the reading moves and the stable bit is off; then the load is
    shown exactly, rounded to the readability.
    """

    kept = ("load", "label", "tared", "_since", "_cell.value")

    def __init__(self, code: str, capacity: float, readability: float) -> None:
        super().__init__(code)
        self.capacity = capacity
        self.readability = readability
        self.load = 0.0
        self.label = ""
        self.tared = 0.0
        self._since = SETTLE
        # After 2 s less than half a division of a full load is missing.
        self._cell = Lag(0.0, SETTLE / math.log(2.0 * capacity / readability))

    @property
    def busy(self) -> bool:
        return self._since < SETTLE

    @property
    def stable(self) -> bool:
        """True when the reading may be used."""
        return self._since >= SETTLE - 1e-9

    def step(self, dt: float) -> None:
        self._since += dt
        self._cell.step(self.load, dt)
        if self.stable:
            self._cell.value = self.load

    def place(self, mass: float, label: str) -> None:
        """Put a container of that gross mass (kg) on the empty or loaded platform."""
        if mass <= 0.0 or mass > self.capacity * 1.5:
            raise CommandRefused(f"{self.code}: {mass:g} kg cannot be put on this scale")
        self._change(mass, label)

    def remove(self) -> None:
        """Take the container away; refused when there is none."""
        if self.load == 0.0:
            raise CommandRefused(f"{self.code} is empty")
        self._change(0.0, "")
        self.tared = 0.0

    def _change(self, mass: float, label: str) -> None:
        self.load = mass
        self.label = label
        self._since = 0.0

    def tare(self) -> None:
        """Press the tare key; refused while the reading moves or is out of range."""
        if not self.stable or not self._in_range():
            raise CommandRefused(f"{self.code} is not stable or out of range; tare is not taken")
        self.tared = self._rounded(self._cell.value)

    def _rounded(self, mass: float) -> float:
        return round(mass / self.readability) * self.readability

    def _in_range(self) -> bool:
        low, high = -20.0 * self.readability, self.capacity + 9.0 * self.readability
        return low <= self._cell.value <= high

    def values(self) -> dict[str, Number]:
        gross = self._rounded(self._cell.value)
        status = STABLE if self.stable else 0
        status |= IN_RANGE if self._in_range() else 0
        status |= ZERO if abs(self._cell.value) < self.readability / 4.0 else 0
        return {
            "WI501": gross - self.tared,
            "WI502": gross,
            "WI503": self.tared,
            "XS501": status,
        }

    def picture(self) -> Picture:
        return {
            "load_kg": round(self.load, 5),
            "label": self.label,
            "stable": self.stable,
            "capacity_kg": self.capacity,
            "readability_kg": self.readability,
        }
