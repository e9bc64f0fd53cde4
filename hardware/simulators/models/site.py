"""What belongs to the site: room monitor EMS-01, water point PW-03, energy meter MTR-01."""

from __future__ import annotations

from collections.abc import Callable

from hardware.simulators.errors import ArgumentRefused, CommandRefused
from hardware.simulators.models.signals import Lag, Noise
from hardware.simulators.models.unit import Number, Picture, Unit

ROOMS = ("1.04", "1.12", "1.13", "1.14")
# Temperature Cel, relative humidity %, pressure difference Pa.
NORMAL = {
    "1.04": (21.0, 45.0, 15.0),
    "1.12": (21.5, 46.0, 14.0),
    "1.13": (21.2, 44.0, 14.5),
    "1.14": (21.8, 43.0, 15.5),
}
RANGES = {"TI401": (0.0, 50.0), "MI401": (0.0, 100.0), "PDI401": (-50.0, 50.0)}


class RoomMonitor(Unit):
    """EMS-01: rooms return to their set values with a time constant of 10 min.

    Tags are `TI401`, `MI401`, `PDI401`, with the room in front: `1.04/TI401`.
    """

    def __init__(self, seed: int, code: str = "EMS-01") -> None:
        super().__init__(code)
        self._rooms: dict[str, Lag] = {}
        self._normal: dict[str, float] = {}
        self._noise: dict[str, Noise] = {}
        for room, levels in NORMAL.items():
            for tag, level in zip(RANGES, levels, strict=True):
                name = f"{room}/{tag}"
                self._rooms[name] = Lag(level, 600.0)
                self._normal[name] = level
                self._noise[name] = Noise(f"{seed}/{code}/{name}", level * 0.004)

    def step(self, dt: float) -> None:
        for name, lag in self._rooms.items():
            lag.step(self._normal[name], dt)
            self._noise[name].step()

    def values(self) -> dict[str, Number]:
        return {name: lag.value + self._noise[name].value for name, lag in self._rooms.items()}

    def set(self, quantity: str, value: float) -> None:
        """Quantity `<room>/<tag>`, such as `1.04/TI401`; it then returns by itself."""
        low, high = RANGES.get(quantity.partition("/")[2], (0.0, 0.0))
        if quantity not in self._rooms or not low <= value <= high:
            raise ArgumentRefused(f"{self.code} takes no {quantity} of {value:g}")
        self._rooms[quantity].value = value


class WaterPoint(Unit):
    """PW-03: conductivity near 0.60 uS/cm at 25 Cel and the kg drawn since the last batch."""

    kept = ("conductivity", "drawn")

    def __init__(self, seed: int, code: str = "PW-03") -> None:
        super().__init__(code)
        self.conductivity = 0.60
        self.drawn = 0.0
        self._noise = Noise(f"{seed}/{code}/QI601", 0.005)

    def step(self, dt: float) -> None:
        self._noise.step()

    def draw(self, kg: float) -> None:
        """Draw water; the total starts again when it would pass 200 kg."""
        if not 0.0 < kg <= 100.0:
            raise CommandRefused(f"{self.code}: {kg:g} kg cannot be drawn at once")
        self.drawn = kg if self.drawn + kg > 200.0 else self.drawn + kg

    def values(self) -> dict[str, Number]:
        return {"QI601": self.conductivity + self._noise.value, "FQ601": self.drawn}

    def set(self, quantity: str, value: float) -> None:
        """Quantities: `conductivity` (uS/cm), `drawn` (kg)."""
        if quantity == "conductivity" and 0.05 <= value <= 20.0:
            self.conductivity = value
        elif quantity == "drawn" and 0.0 <= value <= 200.0:
            self.drawn = value
        else:
            raise ArgumentRefused(f"{self.code} takes no {quantity} of {value:g}")


class EnergyMeter(Unit):
    """MTR-01: counts the electrical energy (kW.h) and compressed air (m3) of the site."""

    kept = ("energy", "air")

    def __init__(self, power: Callable[[], float], code: str = "MTR-01") -> None:
        super().__init__(code)
        self._power = power
        self.energy = 184_250.0
        self.air = 96_410.0

    def step(self, dt: float) -> None:
        power = self._power()
        self.energy += power * dt / 3600.0
        self.air += (6.0 + 0.4 * power) * dt / 3600.0

    def values(self) -> dict[str, Number]:
        return {"JQ901": self.energy, "FQ901": self.air}

    def picture(self) -> Picture:
        return {"power_kw": round(self._power(), 2)}
