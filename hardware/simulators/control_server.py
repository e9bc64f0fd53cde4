"""Control channel: JSON lines over TCP on loopback, opened with the shared token.

A request is one line `{"command": ..., <arguments>}`; the first one must be `hello` with `token`.
An answer is one line `{"ok": true, ...}` or `{"ok": false, "rule", "fact", "resolver"}`. A wrong
token or a line that is too long closes the connection; any other refusal leaves it open.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from typing import Any

from core.errors import Refusal
from hardware.simulators.commands import perform
from hardware.simulators.errors import ArgumentRefused, TokenRefused
from hardware.simulators.pki import HOST
from hardware.simulators.plant import Plant

LONGEST_LINE = 65_536
PROTOCOL = 1


class ControlServer:
    """Listens for control clients; `port` 0 lets the system choose one."""

    def __init__(self, plant: Plant, *, port: int, token: str) -> None:
        if len(token) < 16:
            raise ValueError("the shared token must have at least 16 characters")
        self._plant = plant
        self._token = token
        self.port = port
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port, limit=LONGEST_LINE)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._clients):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # The client, or we, have gone; there is nobody left to answer.
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known = False
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                await _send(writer, _refusal(ArgumentRefused("the line is too long")))
                return
            if not line:
                return
            answer = await self._answer(line, known)
            known = known or answer["ok"]
            await _send(writer, answer)
            if not known:
                return

    async def _answer(self, line: bytes, known: bool) -> dict[str, Any]:
        try:
            command, arguments = _parse(line)
            if not known or command == "hello":
                self._check_token(command, arguments.pop("token", None))
            answer = await perform(self._plant, command, arguments)
        except Refusal as refusal:
            return _refusal(refusal)
        return {"ok": True, "protocol": PROTOCOL, **answer}

    def _check_token(self, command: str, token: object) -> None:
        if command != "hello" or not isinstance(token, str):
            raise TokenRefused("say hello with the token first", resolver="who started the cell")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise TokenRefused("the token is wrong", resolver="who started the cell")


def _parse(line: bytes) -> tuple[str, dict[str, object]]:
    try:
        request = json.loads(line)
    except ValueError:
        raise ArgumentRefused("a request is one line of JSON") from None
    if not isinstance(request, dict) or not isinstance(request.get("command"), str):
        raise ArgumentRefused('a request is {"command": ..., <arguments>}')
    return request.pop("command"), request


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "ok": False,
        "rule": refusal.rule,
        "fact": refusal.fact,
        "resolver": refusal.resolver,
    }


async def _send(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()
