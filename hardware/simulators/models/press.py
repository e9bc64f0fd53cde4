"""Rotary press TAB-01 with tool set TS-12: 36 tablets per turn.

A production run needs the start permit (coil XC201) and blend in the bin, and stops when the bin
is empty; 0.33 kg stay in the feed frame. A set-up run makes ten turns of rejects and stops. The
first two turns of a production run and 0.59 % of the others are rejects. Forces and ejection show
the last turn under load and keep it at rest; the turret turns for 12 s after the bin is empty.
States are PackML numbers, counters roll over at 2**32.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.signals import Lag, Noise
from hardware.simulators.models.unit import Number, Picture, Unit, refuse_unknown

STATIONS = 36
RESIDUE_KG = 0.33
REJECT_SHARE = 0.0059
RUN_UP_TABLETS = 72
SETUP_TABLETS = 360
RUN_ON = 12.0
ROLL_OVER = 2**32
DEVICE_CODE = 0x5431
PROGRAM_VERSION = 3
HOPPER_MAX_KG = 300.0
WORN_FROM = 4_900_000
# Forces rise with what the tools have made beyond this many tablets.


class PackState(IntEnum):
    """PackML states that this press uses."""

    STOPPED = 2
    IDLE = 4
    EXECUTE = 6
    HELD = 11
    COMPLETE = 17


class StopReason(IntEnum):
    """Why the press stands."""

    NONE = 0
    OPERATOR = 1
    PERMIT = 2
    BIN_EMPTY = 3
    SETUP_DONE = 4


class Press(Unit):
    """TAB-01; the tool counter starts at 4,900,000."""

    set_points_by_hand = frozenset({"SC201"})
    kept = (
        "state",
        "reason",
        "permit",
        "set_speed",
        "blend_kg",
        "tablet_mg",
        "good",
        "rejects",
        "tool",
        "_setup",
        "_run",
        "_due",
        "_reject_due",
        "_since",
        "_loaded",
        "_turret.value",
    )

    def __init__(self, seed: int, code: str = "TAB-01") -> None:
        super().__init__(code)
        self.state = PackState.IDLE
        self.reason = StopReason.NONE
        self.permit = False
        self.set_speed = 30.0
        self.blend_kg = 0.0
        self.tablet_mg = 625.4
        self.good = 0
        self.rejects = 0
        self.tool = 4_900_000
        self._setup = False
        self._run = 0
        self._due = 0.0
        self._reject_due = 0.0
        self._since = 60.0
        self._turret = Lag(0.0, 2.0)
        self._loaded = False
        sigmas = {"SI201": 0.1, "WI201": 0.25, "WI202": 0.08, "WI203": 6.0}
        self._noise = {tag: Noise(f"{seed}/{code}/{tag}", s) for tag, s in sigmas.items()}

    @property
    def busy(self) -> bool:
        return self.state is PackState.EXECUTE or self._turret.value > 0.1 or self._since < 30.0

    def events(self) -> int:
        return int(self.state)

    def step(self, dt: float) -> None:
        self._since += dt
        run_on = self.state is PackState.COMPLETE and self._since < RUN_ON
        turning = self.state is PackState.EXECUTE or run_on
        speed = self._turret.step(self.set_speed if turning else 0.0, dt)
        if self.state is PackState.EXECUTE:
            self._press(speed * dt / 60.0 * STATIONS)
        if turning:
            for noise in self._noise.values():
                noise.step()

    def _press(self, tablets: float) -> None:
        self._due += tablets
        made = min(int(self._due), self._tablets_left())
        self._due -= int(self._due)
        self.blend_kg -= made * self.tablet_mg * 1e-6
        self.tool = (self.tool + made) % ROLL_OVER
        self._loaded = self._loaded or made > 0
        rejected = self._rejected(made)
        self.rejects = (self.rejects + rejected) % ROLL_OVER
        self.good = (self.good + made - rejected) % ROLL_OVER
        self._run += made
        if self._setup and self._run >= SETUP_TABLETS:
            self._rest(PackState.IDLE, StopReason.SETUP_DONE)
        elif self._tablets_left() == 0:
            self._rest(PackState.COMPLETE, StopReason.BIN_EMPTY)

    def _tablets_left(self) -> int:
        left = int((self.blend_kg - RESIDUE_KG) / (self.tablet_mg * 1e-6) + 1e-6)
        return min(max(0, left), SETUP_TABLETS - self._run) if self._setup else max(0, left)

    def _rejected(self, made: int) -> int:
        if self._setup:
            return made
        run_up = min(made, max(0, RUN_UP_TABLETS - self._run))
        self._reject_due += (made - run_up) * REJECT_SHARE
        late = int(self._reject_due)
        self._reject_due -= late
        return run_up + late

    def _rest(self, state: PackState, reason: StopReason) -> None:
        self.state = state
        self.reason = reason
        self._since = 0.0

    def start(self, settings: Mapping[str, object]) -> None:
        """Start a run; `mode` is `production` (default) or `setup`.

        Good and reject counters begin at zero unless an interrupted run goes on.
        """
        refuse_unknown(settings, {"mode"})
        mode = settings.get("mode", "production")
        if mode not in ("production", "setup"):
            raise ArgumentRefused(f"mode must be production or setup, not {mode!r}")
        self._may_start()
        if self.state not in (PackState.HELD, PackState.STOPPED):
            self.good = self.rejects = self._run = 0
            self._reject_due = 0.0
            self._setup = mode == "setup"
        self._rest(PackState.EXECUTE, StopReason.NONE)

    def _may_start(self) -> None:
        if self.state is PackState.EXECUTE:
            raise CommandRefused(f"{self.code} is running already")
        if not self.permit:
            raise CommandRefused(f"{self.code} has no start permit (coil XC201)")
        if self.blend_kg <= RESIDUE_KG:
            raise CommandRefused(f"{self.code}: the bin is empty, charge blend first")

    def stop(self) -> None:
        if self.state not in (PackState.EXECUTE, PackState.HELD):
            raise CommandRefused(f"{self.code} does not run (state {self.state.name})")
        self._rest(PackState.STOPPED, StopReason.OPERATOR)

    def charge(self, material: str, kg: float) -> None:
        if material != "blend":
            raise ArgumentRefused(f"{self.code} takes blend, not {material!r}")
        if self.blend_kg + kg > HOPPER_MAX_KG:
            raise CommandRefused(f"{self.code}: a bin holds {HOPPER_MAX_KG:g} kg at most")
        self.blend_kg += kg
        if self.state is PackState.COMPLETE:
            self._rest(PackState.IDLE, StopReason.NONE)

    def write(self, tag: str, value: Number) -> None:
        if tag == "XC201":
            self.permit = bool(value)
            if not self.permit and self.state is PackState.EXECUTE:
                self._rest(PackState.HELD, StopReason.PERMIT)
        elif tag == "SC201":
            if not 30.0 <= value <= 50.0:
                raise OutOfRange(f"SC201 of {self.code} takes 30 to 50 /min, not {value:g}")
            self.set_speed = float(value)
        else:
            super().write(tag, value)

    def set(self, quantity: str, value: float) -> None:
        """Quantities: `tool_counter`, `tablet_mass` (mg), `blend` (kg in the bin)."""
        if quantity == "tool_counter" and 0 <= value < ROLL_OVER and value == int(value):
            self.tool = int(value)
        elif quantity == "tablet_mass" and 100.0 <= value <= 2000.0:
            self.tablet_mg = value
        elif quantity == "blend" and 0.0 <= value <= HOPPER_MAX_KG:
            self.blend_kg = value
        else:
            raise ArgumentRefused(f"{self.code} takes no {quantity} of {value:g}")

    def values(self) -> dict[str, Number]:
        wear = max(0, self.tool - WORN_FROM) / 100_000
        noise, turret = self._noise, self._turret.value
        loaded = self._loaded
        return {
            "KQ201": self.good,
            "KQ202": self.rejects,
            "KQ203": self.tool,
            "SI201": max(0.0, turret + (noise["SI201"].value if turret > 1.0 else 0.0)),
            "SC201": self.set_speed,
            "WI201": 18.0 + 0.2 * wear + noise["WI201"].value if loaded else 0.0,
            "WI202": 4.0 + 0.05 * wear + noise["WI202"].value if loaded else 0.0,
            "WI203": 320.0 + 15.0 * wear + noise["WI203"].value if loaded else 0.0,
            "XS201": int(self.state),
            "XS202": int(self.reason),
            "XC201": int(self.permit),
            "ID201": DEVICE_CODE,
            "ID201_VERSION": PROGRAM_VERSION,
        }

    def picture(self) -> Picture:
        return {
            "state": self.state.name,
            "stop_reason": self.reason.name,
            "permit": self.permit,
            "setup": self._setup,
            "blend_kg": round(self.blend_kg, 3),
            "tool_counter": self.tool,
        }
