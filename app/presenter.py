"""What the presenter page may do with the simulated cell of a demonstration site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import advancing, cell
from app.presenting import CannotPresent, present
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House
from core.settings import Settings
from hardware.simulators.control import ControlUnreachable

SERVICE = "presenter"


class Presenter:
    """The service that `web.presenter` finds in the house; every act is audited."""

    def __init__(self, house: House, settings: Settings) -> None:
        self._house = house
        self._settings = settings

    def state(self) -> dict[str, Any]:
        """A picture of all units and lines. Raises CannotPresent when no cell answers."""
        try:
            with cell.known(self._settings).client() as client:
                return client.state()
        except (ControlUnreachable, BrokenPromise) as problem:
            raise _silent(problem) from problem

    def play(self, act: str, arguments: Mapping[str, Any], *, by: Actor) -> str:
        """Let the plant do something; answers what it did. Raises CannotPresent, NotPermitted."""
        try:
            return present(self._house, cell.known(self._settings), act, arguments, by=by)
        except (ControlUnreachable, BrokenPromise) as problem:
            raise _silent(problem) from problem

    def advance(self, minutes: int, reason: str, *, by: Actor) -> str:
        """Ask for the clock to be moved; answers the id of the job that does it."""
        return self._house.perform(advancing.request_advance, minutes, reason, by=by)


def _silent(problem: Exception) -> CannotPresent:
    return CannotPresent(
        f"the simulated cell does not answer: {problem}",
        resolver="whoever runs this installation, by starting the cell",
    )
