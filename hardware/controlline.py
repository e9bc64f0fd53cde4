"""The asking end of a control channel: one JSON line to, one JSON line back, on loopback.

The gateway and the simulated cell are told what to do over such a line. Standard library only.
"""

from __future__ import annotations

import json
import socket
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, Self

from core.errors import BatchwrightError

Answer = dict[str, Any]


class ControlLine(ABC):
    """One connection, shown the token at once; a context manager. Not for several threads.

    `timeout` counts in seconds for each answer. A line that was lost is of no further use.
    """

    def __init__(self, host: str, port: int, token: str, *, timeout: float) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout)
        except OSError as error:
            raise self.unreachable(f"does not listen: {error.strerror or error}") from error
        # Each question is a small packet that would wait for the acknowledgement of the last.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rwb")
        try:
            self.ask("hello", token=token)
        except BatchwrightError:
            self.close()
            raise

    @abstractmethod
    def unreachable(self, what: str) -> BatchwrightError:
        """The error for a partner that `what`, for example "does not answer"."""

    @abstractmethod
    def refused(self, answer: Answer) -> BatchwrightError:
        """The error for an answer that is not ok."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; closing twice does no harm."""
        with suppress(OSError):  # Unsent bytes of a broken connection are lost anyway.
            self._file.close()
        self._socket.close()

    def ask(self, command: str, **arguments: object) -> Answer:
        """Send one command and wait for its answer. Raises what the two methods above make."""
        line = self._exchange({"command": command, **arguments})
        if not line:
            raise self.unreachable("has closed the connection")
        answer: Answer = json.loads(line)
        if not answer["ok"]:
            raise self.refused(answer)
        return answer

    def _exchange(self, question: Answer) -> bytes:
        try:
            self._file.write(json.dumps(question).encode() + b"\n")
            self._file.flush()
            return self._file.readline()
        except (OSError, ValueError) as error:
            raise self.unreachable(f"does not answer: {error}") from error
