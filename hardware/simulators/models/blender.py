"""Bin blender BLE-01: turns at a set speed until its preset number of revolutions."""

from __future__ import annotations

from collections.abc import Mapping

from hardware.simulators.errors import CommandRefused
from hardware.simulators.models.signals import Lag
from hardware.simulators.models.unit import Number, Picture, Unit, number_of, refuse_unknown


class Blender(Unit):
    """BLE-01; revolutions count from zero at each start, speed lags by 3 s, the brake by 1 s."""

    kept = ("running", "preset", "set_speed", "revolutions", "_speed.value")

    def __init__(self, code: str = "BLE-01") -> None:
        super().__init__(code)
        self.running = False
        self.preset = 0
        self.set_speed = 0.0
        self.revolutions = 0.0
        self._speed = Lag(0.0, 3.0)

    @property
    def busy(self) -> bool:
        return self.running or self._speed.value > 0.01

    def events(self) -> int:
        return int(self.running)

    def step(self, dt: float) -> None:
        speed = self._speed.step(
            self.set_speed if self.running else 0.0, dt, 3.0 if self.running else 1.0
        )
        if not self.running:
            return
        self.revolutions += speed * dt / 60.0
        if self.revolutions >= self.preset:
            self.revolutions = float(self.preset)
            self.running = False

    def start(self, settings: Mapping[str, object]) -> None:
        """Start with `revolutions` (1 to 2000) and `speed` (3 to 15 /min, default 12)."""
        refuse_unknown(settings, {"revolutions", "speed"})
        if self.running:
            raise CommandRefused(f"{self.code} is turning already")
        preset = number_of(settings, "revolutions", 0.0, 1.0, 2000.0)
        self.set_speed = number_of(settings, "speed", 12.0, 3.0, 15.0)
        self.preset = int(preset)
        self.revolutions = 0.0
        self.running = True

    def stop(self) -> None:
        if not self.running:
            raise CommandRefused(f"{self.code} stands already")
        self.running = False

    def values(self) -> dict[str, Number]:
        return {"SI301": self._speed.value, "KQ301": int(self.revolutions + 1e-9)}

    def picture(self) -> Picture:
        return {"running": self.running, "preset": self.preset, "set_speed": self.set_speed}
