"""What every simulated unit offers to the cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from hardware.simulators.errors import ArgumentRefused

Number = float | int
Picture = dict[str, "str | float | int | bool | None"]


class Unit(ABC):
    """One machine: steps in time, shows values by tag, takes writes, manual commands and charges.

    Refusals are raised as `CommandRefused`; a refused call changes nothing. `set_points_by_hand`
    are the writable tags that somebody at the machine's own panel can change, too;
    `kept` are the attributes that outlive a restart.
    """

    set_points_by_hand: ClassVar[frozenset[str]] = frozenset()
    kept: ClassVar[tuple[str, ...]] = ()

    def __init__(self, code: str) -> None:
        self.code = code

    @property
    def busy(self) -> bool:
        """True while the model needs steps of at most one second."""
        return False

    @abstractmethod
    def step(self, dt: float) -> None:
        """Move the model by `dt` seconds."""

    @abstractmethod
    def values(self) -> dict[str, Number]:
        """The measured values and set points by tag, in the unit of the tag list."""

    def write(self, tag: str, value: Number) -> None:
        """Take a set point or a command word as the device does when it is written."""
        raise ArgumentRefused(f"{self.code} has no writable tag {tag}")

    def start(self, settings: Mapping[str, object]) -> None:
        """Press the start button of a machine without command tag."""
        raise ArgumentRefused(f"{self.code} has no start button; it is started by its command tag")

    def stop(self) -> None:
        """Press the stop button of a machine without command tag."""
        raise ArgumentRefused(f"{self.code} has no stop button; it is stopped by its command tag")

    def charge(self, material: str, kg: float) -> None:
        """Bring `kg` of a material into the unit."""
        raise ArgumentRefused(f"{self.code} cannot be charged")

    def set(self, quantity: str, value: float) -> None:
        """Put a hidden quantity of the model to a value, for a story."""
        raise ArgumentRefused(f"{self.code} has no quantity {quantity!r} that can be set")

    def picture(self) -> Picture:
        """The model state for the presenter page, beside the tag values."""
        return {}

    def events(self) -> int:
        """A number that changes when the unit changes its state; steps may stop there."""
        return 0


def number_of(
    settings: Mapping[str, object], name: str, default: float, low: float, high: float
) -> float:
    """A number from manual settings, `default` when missing; refused outside [low, high]."""
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ArgumentRefused(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def refuse_unknown(settings: Mapping[str, object], known: set[str]) -> None:
    """Refuse settings that the machine does not know."""
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ArgumentRefused(f"unknown setting {', '.join(unknown)}; known: {sorted(known)}")
