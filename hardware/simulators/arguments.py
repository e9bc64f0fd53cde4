"""Arguments of control commands, read strictly: wrong, missing or unknown ones are refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from hardware.simulators.errors import ArgumentRefused

MISSING = object()


class Arguments:
    """The arguments of one command; each is taken once, and `done` refuses what is left."""

    def __init__(self, command: str, given: Mapping[str, object]) -> None:
        self._command = command
        self._left = dict(given)

    def _take(self, name: str, kind: str, default: object = MISSING) -> object:
        value = self._left.pop(name, default)
        if value is MISSING:
            raise ArgumentRefused(f"{self._command} needs {name} ({kind})")
        return value

    def _wrong(self, name: str, kind: str, value: object) -> ArgumentRefused:
        return ArgumentRefused(f"{name} of {self._command} must be {kind}, not {value!r}")

    def text(self, name: str, default: object = MISSING) -> str:
        """A text of at most 200 characters; empty only when that is the default."""
        value = self._take(name, "a text", default)
        if value == "" and default == "":
            return ""
        if not isinstance(value, str) or not 0 < len(value) <= 200:
            raise self._wrong(name, "a text of 1 to 200 characters", value)
        return value

    def number(self, name: str) -> float:
        """A finite number."""
        value = self._take(name, "a number")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._wrong(name, "a number", value)
        if not math.isfinite(value):
            raise self._wrong(name, "a finite number", value)
        return float(value)

    def optional_number(self, name: str) -> float | None:
        """A finite number, or None when not given."""
        if self._left.get(name) is None:
            self._left.pop(name, None)
            return None
        return self.number(name)

    def moment(self, name: str) -> datetime:
        """An ISO 8601 moment with zone."""
        value = self._take(name, "an ISO 8601 moment with zone")
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self._wrong(name, "an ISO 8601 moment with zone", value)
        return moment

    def optional_seconds(self, name: str) -> timedelta | None:
        """A duration given in seconds, or None when not given."""
        seconds = self.optional_number(name)
        try:
            return None if seconds is None else timedelta(seconds=seconds)
        except OverflowError:
            raise self._wrong(name, "a possible duration", seconds) from None

    def flag(self, name: str) -> bool:
        """True or false; false when not given."""
        value = self._take(name, "true or false", False)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def rest(self) -> dict[str, object]:
        """All arguments that have not been taken yet."""
        rest, self._left = self._left, {}
        return rest

    def done(self) -> None:
        """Refuse arguments that the command does not know."""
        if self._left:
            raise ArgumentRefused(f"{self._command} does not know {', '.join(sorted(self._left))}")
