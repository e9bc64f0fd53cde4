"""Bottle line PK-2: fills 100 tablets into each bottle, caps, labels and check-weighs it.

A run needs tablets in the hopper and ends when fewer than a bottle's worth are left. Every 130th
bottle is rejected with its label and cap; its tablets are emptied back into the hopper. States
are PackML numbers; the check-weigher keeps showing the last bottle. A reset (stop at rest) sets
the counters to zero and empties the hopper.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardware.simulators.errors import ArgumentRefused, CommandRefused
from hardware.simulators.models.press import PackState
from hardware.simulators.models.signals import Lag, Noise
from hardware.simulators.models.unit import Number, Picture, Unit, number_of, refuse_unknown

PER_BOTTLE = 100
TABLET_MG = 625.4
HOPPER_MAX_KG = 300.0
REJECT_EVERY = 130
BOTTLE_G = 62.5


class BottleLine(Unit):
    """PK-2; 40 bottles a minute unless started otherwise."""

    kept = ("state", "tablets", "set_speed", "good", "rejects", "_due", "_speed.value")

    def __init__(self, seed: int, code: str = "PK-2") -> None:
        super().__init__(code)
        self.state = PackState.IDLE
        self.tablets = 0
        self.set_speed = 40.0
        self.good = 0
        self.rejects = 0
        self._due = 0.0
        self._speed = Lag(0.0, 2.0)
        self._noise = {
            tag: Noise(f"{seed}/{code}/{tag}", sigma)
            for tag, sigma in {"SI801": 0.2, "WI801": 0.18}.items()
        }

    @property
    def busy(self) -> bool:
        return self.state is PackState.EXECUTE or self._speed.value > 0.1

    def events(self) -> int:
        return int(self.state)

    def step(self, dt: float) -> None:
        running = self.state is PackState.EXECUTE
        speed = self._speed.step(self.set_speed if running else 0.0, dt)
        if running:
            for noise in self._noise.values():
                noise.step()
            self._fill(speed * dt / 60.0)

    def _fill(self, bottles: float) -> None:
        self._due += bottles
        while self._due >= 1.0 and self.state is PackState.EXECUTE:
            self._due -= 1.0
            if self.tablets < PER_BOTTLE:
                self.state, self._due = PackState.COMPLETE, 0.0
            elif (self.good + self.rejects) % REJECT_EVERY == REJECT_EVERY - 1:
                self.rejects += 1
            else:
                self.good += 1
                self.tablets -= PER_BOTTLE

    def start(self, settings: Mapping[str, object]) -> None:
        """Start or go on with `speed` bottles a minute (10 to 45, default 40)."""
        refuse_unknown(settings, {"speed"})
        if self.state is PackState.EXECUTE:
            raise CommandRefused(f"{self.code} is running already")
        if self.tablets < PER_BOTTLE:
            raise CommandRefused(f"{self.code}: the hopper is empty, charge tablets first")
        self.set_speed = number_of(settings, "speed", 40.0, 10.0, 45.0)
        self.state = PackState.EXECUTE

    def stop(self) -> None:
        """Stop a run; at rest, reset the line for the next order."""
        if self.state is PackState.EXECUTE:
            self.state = PackState.STOPPED
            return
        self.state = PackState.IDLE
        self.good = self.rejects = self.tablets = 0
        self._due = 0.0

    def charge(self, material: str, kg: float) -> None:
        if material != "tablets":
            raise ArgumentRefused(f"{self.code} takes tablets, not {material!r}")
        more = int(kg * 1_000_000 / TABLET_MG + 1e-6)
        if (self.tablets + more) * TABLET_MG > HOPPER_MAX_KG * 1_000_000:
            raise CommandRefused(f"{self.code}: the hopper holds {HOPPER_MAX_KG:g} kg at most")
        self.tablets += more

    def values(self) -> dict[str, Number]:
        speed = self._speed.value
        return {
            "XS801": int(self.state),
            "SI801": max(0.0, speed + (self._noise["SI801"].value if speed > 1.0 else 0.0)),
            "WI801": BOTTLE_G + self._noise["WI801"].value,
            "KQ801": self.good,
            "KQ802": self.rejects,
        }

    def picture(self) -> Picture:
        return {"state": self.state.name, "tablets": self.tablets, "set_speed": self.set_speed}
