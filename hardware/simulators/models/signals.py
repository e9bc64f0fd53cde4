"""Building blocks of the models: first-order lag, seeded noise, totals.

Times are seconds. The lag is discretised exactly, so a plateau does not depend on the step.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass


@dataclass(slots=True)
class Lag:
    """First order: value += (target - value) * (1 - exp(-dt / tau)), tau in seconds."""

    value: float
    tau: float

    def step(self, target: float, dt: float, tau: float | None = None) -> float:
        """Move towards `target` for `dt` seconds, with another time constant if given."""
        self.value += (target - self.value) * (1.0 - math.exp(-dt / (tau or self.tau)))
        return self.value


class Noise:
    """Seeded measurement noise, cut off at three standard deviations.

    The cut keeps a clean batch inside its limits: a tail that comes once in a thousand samples
    would otherwise be an exception in every tenth demonstration.
    """

    def __init__(self, seed: str, sigma: float) -> None:
        self._random = random.Random(seed)
        self._sigma = sigma
        self.value = 0.0

    def step(self) -> float:
        """Draw the next value and keep it until the next call."""
        bound = 3.0 * self._sigma
        self.value = min(bound, max(-bound, self._random.gauss(0.0, self._sigma)))
        return self.value
