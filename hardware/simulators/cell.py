"""The cell: all units of the simulated plant in one model time, without any I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hardware.simulators.errors import ArgumentRefused, CommandRefused
from hardware.simulators.models.bioreactor import Bioreactor
from hardware.simulators.models.blender import Blender
from hardware.simulators.models.bottles import BottleLine
from hardware.simulators.models.dryer import Dryer
from hardware.simulators.models.granulator import Granulator
from hardware.simulators.models.press import Press
from hardware.simulators.models.scale import Scale
from hardware.simulators.models.site import EnergyMeter, RoomMonitor, WaterPoint
from hardware.simulators.models.unit import Number, Picture, Unit

STEP = 1.0
BASE_LOAD_KW = 35.0


@dataclass(frozen=True, slots=True)
class Change:
    """A unit changed its state at a moment of site time."""

    at: datetime
    unit: str
    state: int


class Cell:
    """All units by code; time is site time and only moves forward.

    The same seed and the same calls give the same values.
    """

    def __init__(self, start: datetime, seed: int = 1) -> None:
        self.now = start
        self.granulator = Granulator(seed)
        self.dryer = Dryer(seed)
        self.press = Press(seed)
        self.blender = Blender()
        self.bottles = BottleLine(seed)
        self.water = WaterPoint(seed)
        units: Sequence[Unit] = (
            self.granulator,
            self.dryer,
            self.press,
            self.blender,
            self.bottles,
            Bioreactor(seed),
            Scale("WGH-01", 150.0, 0.01),
            Scale("WGH-02", 35.0, 0.001),
            Scale("WGH-03", 300.0, 0.01),
            Scale("BAL-01", 6.2, 0.00001),
            Scale("BAL-02", 6.2, 0.00001),
            RoomMonitor(seed),
            self.water,
            EnergyMeter(self.power),
        )
        self.units = {unit.code: unit for unit in units}

    def power(self) -> float:
        """Electrical power of the site in kW."""
        return BASE_LOAD_KW + self.granulator.power() + 11.0 * self.press.busy

    def advance(self, to: datetime, *, until_change: bool = False) -> list[Change]:
        """Step all models to `to`; with `until_change` stop where a unit changes its state.

        Busy units take steps of at most one second, units at rest one step. A moment before the
        present one moves nothing: model time never goes back.
        """
        busy = [unit for unit in self.units.values() if unit.busy]
        begin, changes = self.now, list[Change]()
        while self.now < to and any(unit.busy for unit in busy):
            dt = min(STEP, (to - self.now).total_seconds())
            self.now += timedelta(seconds=dt)
            changes += self._step(busy, dt)
            if until_change and changes:
                break
        else:
            self._rest(busy, self.now, to)
            self.now = max(self.now, to)
        self._rest([unit for unit in self.units.values() if unit not in busy], begin, self.now)
        return changes

    def _rest(self, units: Sequence[Unit], begin: datetime, end: datetime) -> None:
        """One step for units at rest, however long."""
        if end > begin:
            self._step(units, (end - begin).total_seconds())

    def _step(self, units: Sequence[Unit], dt: float) -> list[Change]:
        changes = []
        for unit in units:
            before = unit.events()
            unit.step(dt)
            if unit.events() != before:
                changes.append(Change(self.now, unit.code, unit.events()))
        self._transfer()
        return changes

    def _transfer(self) -> None:
        """What the granulator discharges falls into the dryer."""
        batch = self.granulator.take_discharged()
        if batch is not None:
            dry, water, binder = batch
            self.dryer.load(dry + binder, 100.0 * water / (dry + water + binder))

    def unit(self, code: str) -> Unit:
        """The unit of that code; refused when there is none."""
        if code not in self.units:
            raise ArgumentRefused(f"there is no simulated unit {code!r}; known: {list(self.units)}")
        return self.units[code]

    def scale(self, code: str) -> Scale:
        """The scale of that code; refused when there is none."""
        unit = self.unit(code)
        if not isinstance(unit, Scale):
            raise ArgumentRefused(f"{code} is not a scale")
        return unit

    def charge(self, code: str, material: str, kg: float) -> None:
        """Bring material into a unit; water for BV-01 and GRA-01 is drawn at PW-03."""
        if kg < 0.0 or (kg == 0.0 and code != self.dryer.code):
            raise ArgumentRefused(f"the mass must be positive, not {kg:g} kg")
        if material == "water" and kg > 100.0:
            raise CommandRefused("at most 100 kg of water can be drawn at once")
        if code == "BV-01":
            self.granulator.charge_vessel(material, kg)
        else:
            self.unit(code).charge(material, kg)
        if material == "water":
            self.water.draw(kg)

    def values(self, code: str) -> dict[str, Number]:
        """The values of one unit by tag."""
        return self.unit(code).values()

    def picture(self) -> dict[str, dict[str, Picture]]:
        """Values and model state of every unit, for the presenter page."""
        return {
            code: {
                "values": {tag: round(value, 5) for tag, value in unit.values().items()},
                "model": unit.picture(),
            }
            for code, unit in self.units.items()
        }
