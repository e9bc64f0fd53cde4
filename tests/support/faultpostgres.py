"""A PostgreSQL that can be killed with everything it started, and started again on its files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import postgres
from tests.support.postgres import PostgresServer


@dataclass
class MortalServer:
    """One server that takes kill -9; `settings` are added to those of the tests.

    Its processes are sessions of their own, so each is killed by itself.
    """

    programs: Path
    folder: Path
    rights: dict[str, Any]
    settings: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start (again) and wait until it has recovered; a few hundred milliseconds."""
        self._process = postgres.start(self.programs, self.folder, self.rights, self.settings)
        postgres.await_ready(self.programs, self.folder, self._process)

    def kill(self) -> None:
        """kill -9 of the server and all its processes at once, as the kernel would."""
        process, self._process = self._process, None
        assert process is not None
        process.send_signal(signal.SIGSTOP)  # it must not see its children die one by one
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in [*map(int, children), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        for left in self.folder.glob(".s.PGSQL.*"):  # the dead cannot remove their socket
            left.unlink()

    def stop(self) -> None:
        """End it kindly, if it runs."""
        if self._process is not None:
            postgres.stop(self._process)
            self._process = None


@contextmanager
def mortal_postgres(**settings: str) -> Iterator[tuple[MortalServer, PostgresServer]]:
    """A server of its own for one test, with its roles; files removed at the end."""
    folder = postgres.short_folder()
    rights = postgres.unprivileged(folder)
    server = MortalServer(postgres.installed_programs(), folder, rights, settings)
    try:
        postgres.initialise(server.programs, folder, rights)
        server.start()
        databases = PostgresServer(folder)
        databases.create_roles()
        yield server, databases
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
