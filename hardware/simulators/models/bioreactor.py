"""Bioreactor BRX-01, 250 L: temperature, pH, oxygen and agitation follow their set points.

The culture itself is not modelled: cells and sugar are what people examine and type. Two quantities
disturb it for a story, oxygen that the sparger does not deliver and alkali; carbon dioxide takes
the alkali away. Weights are what was charged: medium in the vessel, the last feed, the harvest.
"""

from __future__ import annotations

from hardware.simulators.errors import ArgumentRefused, CommandRefused, OutOfRange
from hardware.simulators.models.signals import Lag, Noise
from hardware.simulators.models.unit import Number, Picture, Unit

RANGES = {
    "TC901": (2.0, 40.0), "AC901": (6.0, 8.0), "OC901": (0.0, 100.0), "SC901": (0.0, 150.0),
}  # fmt: skip
FOLLOWS = {"TI901": "TC901", "AI901": "AC901", "OI901": "OC901", "SI901": "SC901"}
TAUS = {"TI901": 300.0, "AI901": 60.0, "OI901": 60.0, "SI901": 3.0}
SIGMAS = {"TI901": 0.02, "AI901": 0.004, "OI901": 0.3, "SI901": 0.1}
STEADY = {"PI901": 50.0, "PDI902": 40.0, "PDI905": 15.0}
"""Overpressure and exhaust filter in mbar, room pressure in Pa."""
WEIGHTS = {"medium": "WI901", "feed": "WI902", "harvest": "WI903"}
VESSEL_KG = 250.0
DISTURBED = {"oxygen_loss": (0.0, 100.0), "alkali": (0.0, 1.0)}


class Bioreactor(Unit):
    """BRX-01; at rest at 20 Cel, pH 7 and 21 % oxygen."""

    set_points_by_hand = frozenset(RANGES)
    kept = ("set_points", "weights", "disturbed", "measured")

    def __init__(self, seed: int, code: str = "BRX-01") -> None:
        super().__init__(code)
        self.set_points = {"TC901": 20.0, "AC901": 7.0, "OC901": 21.0, "SC901": 0.0}
        self.measured = {tag: self.set_points[point] for tag, point in FOLLOWS.items()}
        self.weights = dict.fromkeys(WEIGHTS.values(), 0.0)
        self.disturbed = dict.fromkeys(DISTURBED, 0.0)
        self._noise = {tag: Noise(f"{seed}/{code}/{tag}", sigma) for tag, sigma in SIGMAS.items()}

    def step(self, dt: float) -> None:
        for tag, point in FOLLOWS.items():
            target = self.set_points[point]
            if tag == "OI901":
                target = max(0.0, target - self.disturbed["oxygen_loss"])
            if tag == "AI901":
                target += self.disturbed["alkali"]
            self.measured[tag] = Lag(self.measured[tag], TAUS[tag]).step(target, dt)
            self._noise[tag].step()

    def write(self, tag: str, value: Number) -> None:
        if tag not in RANGES:
            super().write(tag, value)
        low, high = RANGES[tag]
        if not low <= value <= high:
            raise OutOfRange(f"{tag} of {self.code} takes {low:g} to {high:g}, not {value:g}")
        self.set_points[tag] = float(value)

    def charge(self, material: str, kg: float) -> None:
        """`medium`, `feed`, `harvest` in kg; `carbon dioxide` takes the alkali away."""
        if material == "carbon dioxide":
            self.disturbed["alkali"] = 0.0
            return
        if material not in WEIGHTS:
            raise ArgumentRefused(f"{self.code} takes no {material}")
        if material != "harvest" and self.weights["WI901"] + kg > VESSEL_KG:
            raise CommandRefused(f"{self.code} holds {VESSEL_KG:g} kg at most")
        tag = WEIGHTS[material]
        self.weights[tag] = kg if material != "medium" else self.weights[tag] + kg
        if material == "harvest":
            self.weights["WI901"] = 0.0

    def set(self, quantity: str, value: float) -> None:
        """Quantities: `oxygen_loss` (percent not delivered), `alkali` (pH units)."""
        low, high = DISTURBED.get(quantity, (1.0, 0.0))
        if not low <= value <= high:
            raise ArgumentRefused(f"{self.code} takes no {quantity} of {value:g}")
        self.disturbed[quantity] = value

    def values(self) -> dict[str, Number]:
        shown = {
            tag: max(0.0, value + self._noise[tag].value) for tag, value in self.measured.items()
        }
        return {**shown, **STEADY, **self.weights, **self.set_points}

    def picture(self) -> Picture:
        return {**self.set_points, **self.disturbed}
