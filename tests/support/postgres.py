"""A real PostgreSQL for the tests, started by the suite itself and thrown away afterwards.

Works for root and for a plain user: PostgreSQL refuses to run as root, so its programs run as an
unprivileged user then. It listens on a socket in its own short folder only. Durability stays on as
in the product (`Database.check_promises` must hold here too); it is cheap because the files lie in
memory where that is large enough.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tools.systemlibs import postgresql_folders

OWNER = "owner"
"""Owns the databases and their schema; migrations run as it."""
APP = "app"
"""The role of the product: owns nothing and gets its rights by GRANT."""
ADMIN = "postgres"
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 1_500_000_000
DISCONNECT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = {} AND pid <> pg_backend_pid()
"""
SETTINGS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


class PostgresServer:
    """One running server; databases are numbered and belong to `OWNER`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def url(self, database: str, *, role: str = OWNER) -> str:
        """The SQLAlchemy URL of a database for a role (`OWNER`, `APP` or `ADMIN`)."""
        return f"postgresql+psycopg://{role}@/{database}?host={self.folder}"

    def create_database(self, *, template: str = "template0", name: str = "") -> str:
        """A new database, empty or a copy of `template`, to which nobody stays connected."""
        name = name or f"t{next(self._numbers)}"
        self._execute(sql.SQL(DISCONNECT).format(sql.Literal(template)))
        self._execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database and whatever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_roles(self) -> None:
        """The two roles every site needs: the schema's owner and the product."""
        for role in (OWNER, APP):
            self._execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(
            host=str(self.folder), user=ADMIN, dbname=ADMIN, autocommit=True
        ) as connection:
            connection.execute(statement)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server of its own (about half a second); stop it and remove its files at the end."""
    programs = installed_programs()
    folder = short_folder()
    rights = unprivileged(folder)
    try:
        initialise(programs, folder, rights)
        process = start(programs, folder, rights)
        try:
            await_ready(programs, folder, process)
            server = PostgresServer(folder)
            server.create_roles()
            yield server
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def installed_programs() -> Path:
    """The folder of initdb, postgres and pg_isready. Raises FileNotFoundError."""
    for folder in postgresql_folders():
        if (folder / "initdb").is_file():
            return folder
    raise FileNotFoundError("PostgreSQL is not installed: run `make test`, which sees to it")


def short_folder() -> Path:
    """A new folder with a short path, in memory where that is large enough."""
    # The path of a Unix socket holds at most 107 bytes, so pytest's own folders are too long.
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    roomy = usable and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="bw-pg-", dir=MEMORY if roomy else None))
    folder.chmod(0o755)
    return folder


def unprivileged(folder: Path) -> dict[str, Any]:
    """Arguments that let a subprocess run as somebody else than root; none for a plain user."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C.UTF-8", "HOME": "/"}


def initialise(programs: Path, folder: Path, rights: dict[str, Any]) -> None:
    """Make the files of a new server below `folder`."""
    options = ["-U", ADMIN, "--auth=trust", "--encoding=UTF8", "--no-sync", "--data-checksums"]
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", *options],
        cwd="/", env=_environment(), check=True, capture_output=True, **rights,
    )  # fmt: skip


def start(
    programs: Path, folder: Path, rights: dict[str, Any], more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server on its files, with these settings and `more`; it is not ready yet."""
    settings = {**SETTINGS, "unix_socket_directories": str(folder), **(more or {})}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", *options],
        cwd="/", env=_environment(), start_new_session=True, **rights,
    )  # fmt: skip


def await_ready(programs: Path, folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the server answers. Raises RuntimeError when it ended or takes 30 s."""
    question: list[str | Path] = [programs / "pg_isready", "-q", "-h", folder, "-U", ADMIN]
    deadline = time.monotonic() + 30
    while subprocess.run(question, env=_environment(), check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start (exit code {process.returncode})")
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server kindly, after 20 s at once."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=10)
