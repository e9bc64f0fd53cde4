"""Where the databases of test sites lie: files, or PostgreSQL when the run was asked for it.

A test site is named by a path, whatever holds it. On SQLite the path is the database. On
PostgreSQL it is a small note naming the database, so that a site is copied as it is on SQLite, by
copying its file or folder: a note found at another path than it was written for is answered with
a new database made from the one that it names. Idle connections to that one are closed for it; a
pool that looks before it lends (`pool_pre_ping`) opens others.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from core import appendonly
from core.db import Base
from tests.support.postgres import APP, OWNER, PostgresServer

SQLITE = "sqlite"
POSTGRESQL = "postgresql"


class Places:
    """The databases that this process made on PostgreSQL; none while the choice is SQLite."""

    def __init__(self) -> None:
        self._server: Callable[[], PostgresServer] | None = None
        self._made: dict[Path, str] = {}

    def use(self, server: Callable[[], PostgresServer]) -> None:
        """From now on sites lie on that server, which is started at first use."""
        self._server = server

    @property
    def kind(self) -> str:
        """What holds the sites of this run: `SQLITE` or `POSTGRESQL`."""
        return SQLITE if self._server is None else POSTGRESQL

    def url_at(self, path: Path) -> str:
        """The URL of the site at a path, for the role of the product; a new one is empty."""
        if self._server is None:
            return f"sqlite:///{path}" if not on_server(path) else _url_in(path)
        if path not in self._made and not (on_server(path) and _noted_for(path) == path):
            self._make(path, self._server())
        return _url_in(path)

    def _make(self, path: Path, server: PostgresServer) -> None:
        template = json.loads(path.read_text())["database"] if on_server(path) else "template0"
        name = server.create_database(template=template)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        note = {"database": name, "path": str(path), "url": server.url(name, role=APP)}
        path.write_text(json.dumps(note))
        self._made[path] = name

    def forget_below(self, folder: Path) -> None:
        """Drop the databases of all sites below a folder; their test is over."""
        if self._server is None:
            return
        for path in [each for each in self._made if each.is_relative_to(folder)]:
            self._server().drop_database(self._made.pop(path))


PLACES = Places()
SMALLEST_SQLITE = 4096
"""Bytes of its first page; a note about a server is far shorter."""


def site_url(path: Path) -> str:
    """The URL of the site at a path, for the role of the product; a new one is empty."""
    return PLACES.url_at(path)


def owner_url(url: str) -> str:
    """The URL of the same database for the owner of its schema; of SQLite, the same."""
    parsed = make_url(url)
    if parsed.get_backend_name() == SQLITE:
        return url
    return parsed.set(username=OWNER).render_as_string(hide_password=False)


def lay_out(url: str) -> None:
    """Tables known to this process, triggers and the rights of the product, as the owner."""
    engine = create_engine(owner_url(url))
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        appendonly.install(connection)
        if make_url(url).username == APP:
            appendonly.grant(connection, APP)
    engine.dispose()


def on_server(path: Path) -> bool:
    """Whether the site at a path lies on PostgreSQL.

    Told by the size: to open and close a file of SQLite would drop this process's locks on it.
    """
    return path.is_file() and 0 < path.stat().st_size < SMALLEST_SQLITE


def _noted_for(path: Path) -> Path:
    return Path(json.loads(path.read_text())["path"])


def _url_in(path: Path) -> str:
    return str(json.loads(path.read_text())["url"])
