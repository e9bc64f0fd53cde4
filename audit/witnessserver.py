"""The log witness on the wire: ``POST /add-checkpoint`` over HTTP, one answer a request.

The standard library's server: a dozen small requests a minute from a few sites. Whatever is sent,
it answers and goes on; a body has an announced and bounded length, and a slow sender is cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from audit.witness import LONGEST_BODY, Refused, Witness
from core import logs
from core.errors import BrokenPromise

PATH = "/add-checkpoint"
log = logs.logger(__name__)


class WitnessServer(ThreadingHTTPServer):
    """Listens at an address (port 0: any free one) and asks one witness."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        witness: Witness,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(address, _Handler)
        self.witness = witness
        self.now = now

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is one line, no traceback."""
        log.warning("witness.connection_failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    server_version = "batchwright-log-witness"
    sys_version = ""
    timeout = 10.0

    def do_POST(self) -> None:
        try:
            body = self._body()
            line = self.server.witness.add_checkpoint(body, at=self.server.now())
        except Refused as refused:
            log.warning("witness.refused", status=refused.status, why=str(refused))
            self._answer(refused.status, refused.body, refused.kind)
        except (BrokenPromise, OSError) as problem:
            log.error("witness.failed", problem=str(problem))
            self._answer(500, "the witness cannot keep its state\n")
        else:
            self._answer(200, line)

    def do_GET(self) -> None:
        self._answer(405 if self.path == PATH else 404, "POST /add-checkpoint\n")

    def _body(self) -> bytes:
        if self.path != PATH:
            raise Refused(404, "POST /add-checkpoint")
        told = self.headers.get("Content-Length", "")
        if not (told.isascii() and told.isdigit() and len(told) < 10):
            raise Refused(411, "the length of the body is needed")
        if int(told) > LONGEST_BODY:
            raise Refused(413, f"a request has at most {LONGEST_BODY} bytes")
        body = self.rfile.read(int(told))
        if len(body) != int(told):
            raise Refused(400, "the body ends early")
        return body

    def _answer(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        data = text.encode("utf-8")
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing for each request: refusals and failures are told, the rest is in the file."""
