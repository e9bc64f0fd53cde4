"""High-shear granulator GRA-01 with binder vessel BV-01.

Phases: 1 dry mix (until stopped or followed), 2 add binder (4.0 kg/min until the vessel is empty),
3 wet mass (impeller 120 /min until base power + 6.0 kW, at most 5.0 min), 4 discharge (5 min).

Power (kW) = 1.2 n + sqrt(n) * (6.8 load + 1.0 wet + 3.0 wet**2 (1 - exp(-c / 140))) with
n = impeller speed / 80, load = dry mass / 94 kg, wet = liquid / (20 kg * load) and c the seconds
of massing; the last term has its knee near 14 kW. Base power is the mean of the last 30 s of dry
mixing. When wet massing ends, JI101 keeps the end point until the next START or RESET, and the
impeller runs on for 12 s, so that a sample every 10 s still meets the machine at speed.
"""

from __future__ import annotations

import math
from collections import deque

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.phases import PhaseLogic, State
from hardware.simulators.models.signals import Lag, Noise
from hardware.simulators.models.unit import Number, Picture, Unit

DRY_MIX, ADD_BINDER, WET_MASS, DISCHARGE = 1, 2, 3, 4
NAMES = {DRY_MIX: "dry mix", ADD_BINDER: "add binder", WET_MASS: "wet mass", DISCHARGE: "discharge"}
AMBIENT = 21.0
BINDER_RATE = 4.0
BOWL_MAX_KG = 240.0
CHOPPER_WITH_LIQUID = 1500.0
DISCHARGE_SECONDS = 300.0
END_POINT_RISE = 6.0
IMPELLER_DISCHARGE = 30.0
IMPELLER_WET = 120.0
MASSING_LIMIT = 300.0
RUN_ON = 12.0
VESSEL_MAX_KG = 60.0
WRITE_RANGES = {"SC101": (0.0, 150.0), "SC102": (0.0, 3000.0)}


class Granulator(Unit):
    """GRA-01; the tags of BV-01 are among its values."""

    set_points_by_hand = frozenset(WRITE_RANGES)
    kept = (
        "logic.phase",
        "logic.state",
        "logic.ran",
        "logic.since",
        "dry_kg",
        "water_kg",
        "binder_kg",
        "vessel_water",
        "vessel_solids",
        "massed",
        "total",
        "base_power",
        "end_power",
        "command_word",
        "set_points",
        "_impeller.value",
        "_chopper.value",
        "_rate.value",
        "_product.value",
    )

    def __init__(self, seed: int, code: str = "GRA-01") -> None:
        super().__init__(code)
        self.logic = PhaseLogic(
            code,
            NAMES,
            open_ended=frozenset({DRY_MIX}),
            may_start=self._may_start,
            started=self._started,
        )
        self.dry_kg = 0.0
        self.water_kg = 0.0
        self.binder_kg = 0.0
        self.vessel_water = 0.0
        self.vessel_solids = 0.0
        self.massed = 0.0
        self.total = 0.0
        self.base_power = 0.0
        self.end_power: float | None = None
        self.discharged: tuple[float, float, float] | None = None
        self.command_word = 0
        self.set_points = {"SC101": 0.0, "SC102": 0.0}
        self._impeller = Lag(0.0, 3.0)
        self._chopper = Lag(0.0, 3.0)
        self._rate = Lag(0.0, 1.0)
        self._product = Lag(AMBIENT, 120.0)
        self._last_powers: deque[tuple[float, float]] = deque()
        names = {"SI101": 0.3, "SI102": 3.0, "JI101": 0.05, "TI101": 0.03, "FI101": 0.02}
        self._noise = {tag: Noise(f"{seed}/{code}/{tag}", s) for tag, s in names.items()}

    @property
    def vessel_kg(self) -> float:
        """Content of the binder vessel in kg."""
        return self.vessel_water + self.vessel_solids

    @property
    def liquid_kg(self) -> float:
        """Binder solution and extra water in the bowl, kg."""
        return self.water_kg + self.binder_kg

    @property
    def load(self) -> float:
        """Dry mass in relation to the 94 kg of the demo recipe."""
        return self.dry_kg / 94.0

    @property
    def busy(self) -> bool:
        return self.logic.state in (State.RUNNING, State.HOLDING, State.RESTARTING) or (
            self.logic.since < 60.0 and self.logic.phase > 0
        )

    def events(self) -> int:
        return self.logic.word

    def power(self) -> float:
        """Impeller power in kW without noise."""
        speed = self._impeller.value / 80.0
        if self.dry_kg <= 0.0:
            return 1.2 * speed
        wet = self.liquid_kg / (20.0 * self.load)
        rise = 3.0 * wet * wet * (1.0 - math.exp(-self.massed / 140.0))
        return 1.2 * speed + math.sqrt(speed) * (6.8 * self.load + 1.0 * wet + rise)

    def step(self, dt: float) -> None:
        self.logic.step(dt)
        self._move(dt)
        self._pump(dt)
        power = self.power()
        self._product.step(AMBIENT + 1.05 * power, dt)
        if self.logic.running(DRY_MIX):
            self._average(power, dt)
        elif self.logic.phase == WET_MASS:
            self._mass(power, dt)
        elif self.logic.running(DISCHARGE) and self.logic.ran >= DISCHARGE_SECONDS:
            self._empty()
        self._draw_noise()

    def _move(self, dt: float) -> None:
        phase, run_on = self.logic.phase, self._runs_on()
        impeller = {WET_MASS: IMPELLER_WET, DISCHARGE: IMPELLER_DISCHARGE}.get(
            phase, self.set_points["SC101"]
        )
        liquid = phase in (ADD_BINDER, WET_MASS)
        chopper = CHOPPER_WITH_LIQUID if liquid else self.set_points["SC102"]
        turning = self.logic.running() or run_on
        self._impeller.step(impeller if turning else 0.0, dt)
        self._chopper.step(chopper if turning and phase != DISCHARGE else 0.0, dt)

    def _runs_on(self) -> bool:
        if self.logic.state is not State.COMPLETE:
            return False
        return self.logic.phase == ADD_BINDER or (
            self.logic.phase == WET_MASS and self.logic.since < RUN_ON
        )

    def _pump(self, dt: float) -> None:
        pumping = self.logic.running(ADD_BINDER)
        rate = self._rate.step(BINDER_RATE if pumping else 0.0, dt)
        if not pumping:
            return
        moved = min(rate * dt / 60.0, self.vessel_kg)
        share = moved / self.vessel_kg if self.vessel_kg > 0.0 else 0.0
        self.water_kg += self.vessel_water * share
        self.binder_kg += self.vessel_solids * share
        self.vessel_water *= 1.0 - share
        self.vessel_solids *= 1.0 - share
        self.total += moved
        if self.vessel_kg < 1e-6:
            self.vessel_water = self.vessel_solids = 0.0
            self.logic.complete()

    def _average(self, power: float, dt: float) -> None:
        """Keep the mean power of the last 30 s of dry mixing."""
        self._last_powers.append((dt, power))
        length = sum(step for step, _ in self._last_powers)
        while length - self._last_powers[0][0] >= 30.0:
            length -= self._last_powers.popleft()[0]
        self.base_power = sum(step * p for step, p in self._last_powers) / length

    def _mass(self, power: float, dt: float) -> None:
        if self.logic.running():
            self.massed += dt
            end_point = self.base_power > 0.0 and power >= self.base_power + END_POINT_RISE
            if end_point or self.logic.ran >= MASSING_LIMIT:
                self.end_power = power + self._noise["JI101"].value
                self.logic.complete()
        elif self.logic.state is State.STOPPING and self.end_power is None:
            self.end_power = power + self._noise["JI101"].value

    def _empty(self) -> None:
        self.discharged = (self.dry_kg, self.water_kg, self.binder_kg)
        self.dry_kg = self.water_kg = self.binder_kg = self.massed = 0.0
        self.logic.complete()

    def _draw_noise(self) -> None:
        for noise in self._noise.values():
            noise.step()

    def take_discharged(self) -> tuple[float, float, float] | None:
        """The discharged batch once: kg of dry mass, water, and binder solids."""
        batch, self.discharged = self.discharged, None
        return batch

    def values(self) -> dict[str, Number]:
        noise, speed = self._noise, self._impeller.value
        power = self.end_power
        if power is None:
            power = self.power() + (noise["JI101"].value if speed > 1.0 else 0.0)
        pumping = self._rate.value > 0.5
        return {
            "SI101": max(0.0, speed + (noise["SI101"].value if speed > 1.0 else 0.0)),
            "SC101": self.set_points["SC101"],
            "SI102": max(0.0, self._chopper.value + self._chopper_noise()),
            "SC102": self.set_points["SC102"],
            "JI101": max(0.0, power),
            "TI101": self._product.value + noise["TI101"].value,
            "FI101": max(0.0, self._rate.value + (noise["FI101"].value if pumping else 0.0)),
            "FQ101": self.total,
            "WI111": self.vessel_kg,
            "XS101": self.logic.word,
            "XC101": self.command_word,
        }

    def _chopper_noise(self) -> float:
        return self._noise["SI102"].value if self._chopper.value > 10.0 else 0.0

    def write(self, tag: str, value: Number) -> None:
        if tag == "XC101":
            self.logic.command(int(value))
            self.command_word = int(value)
            if self.logic.state is State.IDLE:
                self.end_power = None
            return
        if tag not in WRITE_RANGES:
            super().write(tag, value)
        low, high = WRITE_RANGES[tag]
        if not low <= value <= high:
            raise OutOfRange(f"{tag} of {self.code} takes {low:g} to {high:g} /min, not {value:g}")
        self.set_points[tag] = float(value)

    def _may_start(self, phase: int) -> None:
        if phase == DRY_MIX and self.set_points["SC101"] < 10.0:
            raise CommandRefused(f"{self.code}: no impeller set point has been written (SC101)")
        if phase == ADD_BINDER and self.vessel_kg <= 0.0:
            raise CommandRefused("BV-01 is empty: charge water and povidone first")
        if phase == DISCHARGE and self.dry_kg <= 0.0:
            raise CommandRefused(f"{self.code}: the bowl is empty")

    def _started(self, phase: int) -> None:
        self.end_power = None
        if phase == DRY_MIX:
            self._last_powers.clear()
        elif phase == ADD_BINDER:
            self.total = 0.0

    def charge(self, material: str, kg: float) -> None:
        """Materials: `powder` and `water` into the bowl."""
        if material == "powder":
            self._refuse_overfill(kg)
            self.dry_kg += kg
        elif material == "water":
            if self.dry_kg <= 0.0:
                raise CommandRefused(f"{self.code}: the bowl holds no powder to be wetted")
            self._refuse_overfill(kg)
            self.water_kg += kg
        else:
            raise ArgumentRefused(f"{self.code} takes powder or water, not {material!r}")

    def _refuse_overfill(self, kg: float) -> None:
        content = self.dry_kg + self.liquid_kg + kg
        if content > BOWL_MAX_KG:
            raise CommandRefused(f"{self.code}: {content:g} kg is more than the bowl holds")

    def charge_vessel(self, material: str, kg: float) -> None:
        """Materials: `water` and `povidone` into BV-01, at most 60 kg together."""
        if material not in ("water", "povidone"):
            raise ArgumentRefused(f"BV-01 takes water or povidone, not {material!r}")
        if self.vessel_kg + kg > VESSEL_MAX_KG:
            raise CommandRefused(f"BV-01 holds {VESSEL_MAX_KG:g} kg at most")
        if material == "water":
            self.vessel_water += kg
        else:
            self.vessel_solids += kg

    def set(self, quantity: str, value: float) -> None:
        """Quantities: `product_temperature` (Cel), `massed` (seconds of wet massing)."""
        if quantity == "product_temperature" and 0.0 <= value <= 80.0:
            self._product.value = value
        elif quantity == "massed" and 0.0 <= value <= 600.0:
            self.massed = value
        else:
            raise ArgumentRefused(f"{self.code} takes no {quantity} of {value:g}")

    def picture(self) -> Picture:
        return {
            "phase": self.logic.name,
            "state": self.logic.state.name,
            "running_seconds": round(self.logic.ran, 1),
            "bowl_dry_kg": round(self.dry_kg, 3),
            "bowl_liquid_kg": round(self.liquid_kg, 3),
            "base_power_kw": round(self.base_power, 2),
        }
