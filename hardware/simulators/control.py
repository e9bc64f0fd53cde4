"""Synchronous client of the control channel of the simulated cell.

Used by the presenter page, the command line, the demo script and the mover of the site clock.
Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import BatchwrightError, Refusal
from hardware.controlline import Answer, ControlLine


class ControlRefused(Refusal):
    """The simulated cell has refused a command; `cell_rule` is the rule that it names."""

    rule = "simulator.refused"

    def __init__(self, rule: str, fact: str, *, resolver: str) -> None:
        super().__init__(fact, resolver=resolver)
        self.cell_rule = rule

    def __str__(self) -> str:
        return f"{self.fact} (rule {self.cell_rule}; can be resolved by: {self.resolver})"


class ControlUnreachable(BatchwrightError):
    """The simulated cell does not answer; whether the last command was done is not known."""


@dataclass(frozen=True, slots=True)
class UnitChange:
    """A unit changed its state at a moment of site time."""

    at: datetime
    unit: str
    state: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """Where an advance has come to, and which units have changed their state on the way."""

    reached: datetime
    offset: timedelta
    changes: tuple[UnitChange, ...]


class ControlClient(ControlLine):
    """One connection to the control channel; use it as a context manager or call `close`.

    Every method raises ControlRefused when the cell refuses and ControlUnreachable when it does
    not answer within `timeout` seconds. A client that has lost its connection is of no further
    use; make a new one. Not for use by several threads at once.
    """

    def __init__(self, host: str, port: int, token: str, *, timeout: float = 30.0) -> None:
        super().__init__(host, port, token, timeout=timeout)

    def unreachable(self, what: str) -> ControlUnreachable:
        """It may have been killed; nobody knows whether the last command was done."""
        return ControlUnreachable(f"the simulated cell {what}")

    def refused(self, answer: Answer) -> ControlRefused:
        """With the rule that the cell names."""
        return ControlRefused(answer["rule"], answer["fact"], resolver=answer["resolver"])

    def now(self) -> datetime:
        """Site time of the models, brought to the present moment."""
        return datetime.fromisoformat(self.ask("now")["now"])

    def offset(self) -> timedelta:
        """Site time minus real time."""
        return timedelta(seconds=self.ask("now")["offset"])

    def advance(
        self, to: datetime, *, offset: timedelta | None = None, until_change: bool = False
    ) -> Advanced:
        """Move site time to `to`; all values are published when this returns.

        `offset` keeps the cell exactly on the site clock of the caller. With `until_change` time
        stops at the moment when a unit changes its state, `reached` then lies before `to`.
        """
        seconds = None if offset is None else offset.total_seconds()
        answer = self.ask("advance", to=to.isoformat(), offset=seconds, until_change=until_change)
        changes = tuple(
            UnitChange(datetime.fromisoformat(c["at"]), c["unit"], c["state"])
            for c in answer["changes"]
        )
        reached = datetime.fromisoformat(answer["reached"])
        return Advanced(reached, timedelta(seconds=answer["offset"]), changes)

    def place(self, scale: str, mass: float, label: str = "") -> None:
        """Put a container of that gross mass (kg) on a scale."""
        self.ask("place", scale=scale, mass=mass, label=label)

    def remove(self, scale: str) -> None:
        """Take the container off a scale; this clears the tare."""
        self.ask("remove", scale=scale)

    def tare(self, scale: str) -> float:
        """Press the tare key; returns the tare in kg. Refused while the scale is not stable."""
        tare: float = self.ask("tare", scale=scale)["tare"]
        return tare

    def start(self, unit: str, **settings: object) -> None:
        """Press the start button of a machine without command tag."""
        self.ask("start", unit=unit, **settings)

    def stop(self, unit: str) -> None:
        """Press the stop button of a machine without command tag."""
        self.ask("stop", unit=unit)

    def charge(self, unit: str, material: str, mass: float) -> None:
        """Bring material (kg) into a unit."""
        self.ask("charge", unit=unit, material=material, mass=mass)

    def cut(self, device: str, seconds: float | None = None) -> None:
        """Cut the line to a device, for seconds of site time or until `restore`."""
        self.ask("cut", device=device, seconds=seconds)

    def freeze(self, device: str) -> None:
        """Let the values of a device stand still until `restore`."""
        self.ask("freeze", device=device)

    def restore(self, device: str) -> None:
        """Repair a cut or frozen line."""
        self.ask("restore", device=device)

    def set(self, unit: str, quantity: str, value: float) -> None:
        """Put a hidden quantity of a model to a value, for a story."""
        self.ask("set", unit=unit, quantity=quantity, value=value)

    def tool_counter(self) -> int:
        """Tablets made with tool set TS-12."""
        count: int = self.ask("tool_counter")["tool_counter"]
        return count

    def state(self) -> Answer:
        """A picture of all units, lines and addresses."""
        return self.ask("state")
