"""Why the simulated cell refuses a command."""

from __future__ import annotations

from core.errors import Refusal

PRESENTER = "whoever sends the command, after reading the state of the simulated cell"


class CommandRefused(Refusal):
    """The simulated machine cannot do this in its present state; nothing was changed."""

    rule = "simulator.state"

    def __init__(self, fact: str, *, resolver: str = PRESENTER, **details: str) -> None:
        super().__init__(fact, resolver=resolver, **details)


class ArgumentRefused(CommandRefused):
    """A command of the control channel is unknown or its arguments are wrong."""

    rule = "simulator.argument"
    http_status = 422


class TokenRefused(CommandRefused):
    """The control channel was opened without the shared token."""

    rule = "simulator.token"
    http_status = 403


class OutOfRange(CommandRefused):
    """A written set point lies outside the range that the device accepts."""

    rule = "simulator.range"
    http_status = 422
