"""The control channel of the gateway: JSON lines on a loopback socket, opened with a token.

Server side for the gateway, synchronous client for the mover of the demonstration clock and the
status screen. Where it listens stands in a small file of mode 0600 beside the site's data.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from core.errors import BatchwrightError
from hardware.controlline import Answer, ControlLine

HOST = "127.0.0.1"
ControlCommand = Callable[[Answer], Awaitable[Answer]]


class GatewayUnreachable(BatchwrightError):
    """The gateway does not answer; whether the last command was done is not known."""


class GatewayRefused(BatchwrightError):
    """The gateway did not understand or could not do a command."""


class ControlServer:
    """Listens while the gateway runs; `place` is the file that tells clients where.

    `commands` are what clients can ask for, by name.
    """

    def __init__(self, commands: Mapping[str, ControlCommand], place: Path) -> None:
        self._commands = dict(commands)
        self._place = place
        self._token = secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen on a free port and write the file."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        port = self._server.sockets[0].getsockname()[1]
        content = json.dumps({"port": port, "token": self._token})
        await asyncio.to_thread(_write_private, self._place, content)

    async def stop(self) -> None:
        """Close the socket and all connections; remove the file."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.close()
            await self._server.wait_closed()
            self._server = None
            await asyncio.to_thread(self._place.unlink, missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if not await self._let_in(reader, writer):
                return
            while line := await reader.readline():
                await _send(writer, await self._answer(line))
        except (ConnectionError, ValueError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        given = str(_parsed(await reader.readline()).get("token", ""))
        known = hmac.compare_digest(given.encode(), self._token.encode())
        await _send(writer, {"ok": known, "problem": "" if known else "wrong token"})
        return known

    async def _answer(self, line: bytes) -> Answer:
        asked = _parsed(line)
        try:
            return {"ok": True, **await self._do(asked)}
        except (KeyError, ValueError, TypeError) as error:
            return {"ok": False, "problem": f"{type(error).__name__}: {error}"}
        except BatchwrightError as error:
            return {"ok": False, "problem": str(error)}

    async def _do(self, asked: Answer) -> Answer:
        command = self._commands.get(asked["command"])
        if command is None:
            raise ValueError(f"there is no command {asked['command']!r}")
        return await command(asked)


class GatewayClient(ControlLine):
    """One connection to the gateway's control channel; a context manager. Not for several threads.

    Raises GatewayUnreachable when the gateway does not run or does not answer within `timeout`
    seconds, GatewayRefused when it refuses.
    """

    def __init__(self, place: Path, *, timeout: float = 30.0) -> None:
        try:
            content = json.loads(place.read_text())
            port, token = int(content["port"]), str(content["token"])
        except (OSError, ValueError, KeyError) as error:
            raise GatewayUnreachable(f"the gateway is not running: {error}") from error
        super().__init__(HOST, port, token, timeout=timeout)

    def unreachable(self, what: str) -> GatewayUnreachable:
        """It may have been killed; nobody knows whether the last command was done."""
        return GatewayUnreachable(f"the gateway {what}")

    def refused(self, answer: Answer) -> GatewayRefused:
        """What it did not understand or could not do."""
        return GatewayRefused(answer["problem"])

    def begin_steps(self, site_time: datetime) -> None:
        """The demonstration clock is about to move in steps from this site time."""
        self.ask("begin_steps", site_time=site_time.isoformat())

    def sweep(self, site_time: datetime, devices: Iterable[str] | None = None) -> dict[str, str]:
        """Read and store every tag now with this site time; answers the state of each line when
        everything is committed."""
        wanted = None if devices is None else list(devices)
        answer = self.ask("sweep", site_time=site_time.isoformat(), devices=wanted)
        lines: dict[str, str] = answer["lines"]
        return lines

    def write_now(self) -> int:
        """Carry out open write requests without waiting for the next poll; how many were ended."""
        ended: int = self.ask("write_now")["ended"]
        return ended

    def status(self) -> list[Answer]:
        """What each line does."""
        lines: list[Answer] = self.ask("status")["lines"]
        return lines


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


def _parsed(line: bytes) -> Answer:
    parsed = json.loads(line or b"{}")
    if not isinstance(parsed, dict):
        raise ValueError("a command is a JSON object")
    return parsed


def _write_private(place: Path, content: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(content)
