"""Parts of an installation: processes that load first, begin when told, and never outlive.

Loading takes longer than anything else at a start, and a machine has more than one core. A part
waits for one line on its standard input: where it belongs and its arguments. The input stays open
as long as the process that wanted the part lives, however that ends; then the part ends as well.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 10
CELL = "cell"
GATEWAY = "gateway"
WORKER = "worker"
WEB = "web"
ALL = (CELL, GATEWAY, WORKER, WEB)
LOADED = {
    CELL: ("hardware.simulators.host",),
    GATEWAY: ("app.cli", "app.bootstrap", "hardware.gateway"),
    WORKER: ("app.cli", "app.bootstrap"),
    WEB: ("app.cli", "app.wsgi"),
}


class Standby:
    """A part that loads in a process of its own; begin it, and end it in any case."""

    def __init__(self, part: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.standby", part],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def begin(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Let it run with these arguments; with `log` all that it says goes into that file."""
        word = {
            "arguments": list(arguments),
            "environment": dict(environment or {}),
            "log": None if log is None else str(log),
        }
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):  # who waits for it sees that it has ended
                self.process.stdin.write(json.dumps(word) + "\n")
                self.process.stdin.flush()
        return self.process

    def end(self) -> None:
        """End it, begun or not: kindly, and after a grace period for good."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def loading(*names: str) -> dict[str, Standby]:
    """Parts by name, all of them loading from now on; cell and gateway unless told."""
    return {name: Standby(name) for name in names or (CELL, GATEWAY)}


def end_all(parts: Sequence[Standby]) -> None:
    """End them side by side: all are told before the first is waited for."""
    for part in parts:
        if part.process.poll() is None:
            part.process.terminate()
    for part in parts:
        part.end()


def main(part: str) -> int:
    """Load a part, wait for the word, be that part."""
    for module in LOADED[part]:
        importlib.import_module(module)
    line = sys.stdin.readline()
    if not line:
        return 0
    word = json.loads(line)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.update(word["environment"])
    if word["log"] is not None:
        _speak_into(Path(word["log"]))
    return _be(part, word["arguments"])


def _end_with_parent() -> None:
    # Not through sys.stdin: a thread that reads it keeps the interpreter from ending.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _speak_into(log: Path) -> None:
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())


def _be(part: str, arguments: Sequence[str]) -> int:
    if part == CELL:
        from hardware.simulators import host

        return host.main(arguments)
    from app import cli

    answer: int = cli.main(list(arguments), prog_name="batchwright", standalone_mode=False) or 0
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
