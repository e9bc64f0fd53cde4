"""Fluid-bed dryer FBD-01.

Phases: 1 dry, 2 cool. The first run of phase 1 after loading ends when the product has been at
40.0 Cel or more for 120 s and 30 min have passed; every further run lasts 10 min. Phase 2 ends at
30.0 Cel. Air and heater run on for 45 s after phase 1: who waits for 120 s above 40.0 Cel sees them
in samples every 10 s and with noise, so some samples after the machine, and still has to meet it at
its set points.

Moisture (per cent) falls by 2.5 / 580 % per second at 60 Cel inlet, 2000 m3/h and 97 kg; below 4 %
it slows and nears 1.5 % with a time constant of 580 s. The product nears 28.5 + 16.5 (1 - u**3)
Cel with a time constant of 180 s, where u is the moisture above 1.5 % in relation to 2.5 %.
"""

from __future__ import annotations

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.phases import PhaseLogic, State
from hardware.simulators.models.signals import Lag, Noise
from hardware.simulators.models.unit import Number, Picture, Unit

DRY, COOL = 1, 2
NAMES = {DRY: "dry", COOL: "cool"}
AMBIENT = 21.0
CRITICAL = 4.0
FLOOR = 1.5
FALLING_TAU = 580.0
WET_BULB = 28.5
DRY_RISE = 16.5
END_TEMPERATURE = 40.0
END_HOLD = 120.0
FIRST_RUN_MINIMUM = 1800.0
FURTHER_RUN = 600.0
COOL_END = 30.0
RUN_ON = 45.0
CAPACITY_KG = 240.0
WRITE_RANGES = {"TC103": (20.0, 80.0), "FC102": (0.0, 3000.0)}
UNITS = {"TC103": "Cel", "FC102": "m3/h"}


class Dryer(Unit):
    """FBD-01; empty and cold at the start, with a filter of 900 Pa at 2000 m3/h."""

    set_points_by_hand = frozenset(WRITE_RANGES)
    kept = (
        "logic.phase",
        "logic.state",
        "logic.ran",
        "logic.since",
        "solids_kg",
        "moisture",
        "filter_pa",
        "runs",
        "command_word",
        "set_points",
        "_hot_for",
        "_inlet.value",
        "_air.value",
        "_product.value",
        "_exhaust.value",
    )

    def __init__(self, seed: int, code: str = "FBD-01") -> None:
        super().__init__(code)
        self.logic = PhaseLogic(
            code,
            NAMES,
            open_ended=frozenset(),
            may_start=self._may_start,
            started=self._started,
        )
        self.solids_kg = 0.0
        self.moisture = FLOOR
        self.filter_pa = 900.0
        self.runs = 0
        self.command_word = 0
        self.set_points = {"TC103": 20.0, "FC102": 0.0}
        self._hot_for = 0.0
        self._inlet = Lag(AMBIENT, 45.0)
        self._air = Lag(0.0, 4.0)
        self._product = Lag(AMBIENT, 180.0)
        self._exhaust = Lag(AMBIENT, 90.0)
        sigmas = {"TI102": 0.05, "TI103": 0.1, "TI104": 0.05, "FI102": 6.0, "PDI102": 4.0}
        self._noise = {tag: Noise(f"{seed}/{code}/{tag}", s) for tag, s in sigmas.items()}

    @property
    def busy(self) -> bool:
        return self.logic.state in (State.RUNNING, State.HOLDING, State.RESTARTING) or (
            self.logic.since < 60.0 and self.logic.phase > 0
        )

    def events(self) -> int:
        return self.logic.word

    def step(self, dt: float) -> None:
        self.logic.step(dt)
        self._blow(dt)
        self._dry(dt)
        self._end(dt)
        for noise in self._noise.values():
            noise.step()

    def _blow(self, dt: float) -> None:
        run_on = self.logic.state is State.COMPLETE and self.logic.since < RUN_ON
        blowing = self.logic.running() or run_on
        heating = blowing and self.logic.phase == DRY
        self._air.step(self.set_points["FC102"] if blowing else 0.0, dt)
        # The heater bank keeps its warmth: cooling down is slower than heating up.
        target = self.set_points["TC103"] if heating else AMBIENT
        self._inlet.step(target, dt, 45.0 if heating else 360.0)

    def _dry(self, dt: float) -> None:
        flow = self._air.value / 2000.0
        if flow < 0.05:
            self._product.step(AMBIENT, dt, 3600.0)
            self._exhaust.step(AMBIENT, dt, 600.0)
            return
        heat = max(0.0, self._inlet.value - AMBIENT) / 39.0
        self._product.step(self._target(heat), dt)
        self._exhaust.step(self._product.value - 1.0, dt)
        if self.solids_kg <= 0.0:
            return
        rate = heat * flow * 97.0 / self.solids_kg * (CRITICAL - FLOOR) / FALLING_TAU
        slowed = min(1.0, max(0.0, self.moisture - FLOOR) / (CRITICAL - FLOOR))
        self.moisture -= rate * slowed * dt
        self.filter_pa += 40.0 * dt / 3200.0 if self.logic.running(DRY) else 0.0

    def _target(self, heat: float) -> float:
        """Where the product temperature goes: wet bulb while wet, then up to 45 Cel."""
        wet = min(1.0, max(0.0, self.moisture - FLOOR) / (CRITICAL - FLOOR))
        full = (WET_BULB - AMBIENT) + DRY_RISE * (1.0 - wet**3)
        return AMBIENT + full * heat

    def _end(self, dt: float) -> None:
        self._hot_for = self._hot_for + dt if self._product.value >= END_TEMPERATURE else 0.0
        if self.logic.running(DRY):
            done = self.logic.ran >= FURTHER_RUN
            if self.runs <= 1:
                done = self._hot_for >= END_HOLD and self.logic.ran >= FIRST_RUN_MINIMUM
            if done:
                self.logic.complete()
        elif self.logic.running(COOL) and self._product.value <= COOL_END - 0.3:
            self.logic.complete()

    def values(self) -> dict[str, Number]:
        noise, flowing = self._noise, self._air.value > 50.0
        pressure = self.filter_pa * (self._air.value / 2000.0) ** 2
        return {
            "TI102": self._product.value + noise["TI102"].value,
            "TI104": self._exhaust.value + noise["TI104"].value,
            "TI103": self._inlet.value + noise["TI103"].value,
            "TC103": self.set_points["TC103"],
            "FI102": max(0.0, self._air.value + (noise["FI102"].value if flowing else 0.0)),
            "FC102": self.set_points["FC102"],
            "PDI102": max(0.0, pressure + (noise["PDI102"].value if flowing else 0.0)),
            "MI102": self.moisture if self.solids_kg > 0.0 else 0.0,
            "XS102": self.logic.word,
            "XC102": self.command_word,
        }

    def write(self, tag: str, value: Number) -> None:
        if tag == "XC102":
            self.logic.command(int(value))
            self.command_word = int(value)
            return
        if tag not in WRITE_RANGES:
            super().write(tag, value)
        low, high = WRITE_RANGES[tag]
        if not low <= value <= high:
            raise OutOfRange(
                f"{tag} of {self.code} takes {low:g} to {high:g} {UNITS[tag]}, not {value:g}"
            )
        self.set_points[tag] = float(value)

    def _may_start(self, phase: int) -> None:
        if self.set_points["FC102"] < 500.0:
            raise CommandRefused(f"{self.code}: no air set point has been written (FC102)")
        if phase == DRY and self.set_points["TC103"] < 30.0:
            raise CommandRefused(f"{self.code}: no inlet set point has been written (TC103)")
        if phase == DRY and self.solids_kg <= 0.0:
            raise CommandRefused(f"{self.code} is not loaded")

    def _started(self, phase: int) -> None:
        self._hot_for = 0.0
        if phase == DRY:
            self.runs += 1

    def load(self, solids_kg: float, moisture: float, temperature: float = 30.0) -> None:
        """Load wet granules: kg of solids, per cent of water in the whole, Cel."""
        if solids_kg > CAPACITY_KG:
            raise CommandRefused(f"{self.code} holds {CAPACITY_KG:g} kg at most")
        self.solids_kg = solids_kg
        self.moisture = moisture
        self.runs = 0
        self._product.value = temperature

    def charge(self, material: str, kg: float) -> None:
        """Material `granules`: that many kg of solids at 15 % moisture; 0 kg empties the dryer."""
        if material != "granules":
            raise ArgumentRefused(f"{self.code} takes granules, not {material!r}")
        if self.logic.running():
            raise CommandRefused(f"{self.code} is running; it cannot be loaded or emptied")
        self.load(kg, 15.0)

    def set(self, quantity: str, value: float) -> None:
        """Quantities: `moisture` (%), `product_temperature` (Cel), `filter` (Pa at 2000 m3/h)."""
        if quantity == "moisture" and FLOOR <= value <= 30.0:
            self.moisture = value
        elif quantity == "product_temperature" and 0.0 <= value <= 100.0:
            self._product.value = value
        elif quantity == "filter" and 100.0 <= value <= 5000.0:
            self.filter_pa = value
        else:
            raise ArgumentRefused(f"{self.code} takes no {quantity} of {value:g}")

    def picture(self) -> Picture:
        return {
            "phase": self.logic.name,
            "state": self.logic.state.name,
            "running_seconds": round(self.logic.ran, 1),
            "solids_kg": round(self.solids_kg, 3),
            "runs": self.runs,
            "filter_pa": round(self.filter_pa, 1),
        }
