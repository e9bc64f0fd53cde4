"""Fill a fresh database by copying one that was made once: tables take longer than a copy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.engine import make_url

from core.db import Base
from tests.support.postgres import PostgresServer

Build = Callable[[str], None]
"""Makes tables and first rows in the empty database of this URL, and closes its connections."""


class Templates:
    """Databases made so far in this process, by how they were made and on what."""

    def __init__(self, postgres: Callable[[], PostgresServer]) -> None:
        self._postgres = postgres
        self._made: dict[tuple[str, Build, frozenset[str]], str] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="bw-templates-"))

    def fill(self, url: str, build: Build) -> None:
        """Give the empty database `url` what `build` makes; `build` itself runs only once.

        Tables that became known since count as another template, so that a copy is never short.
        """
        dialect = make_url(url).get_backend_name()
        key = (dialect, build, frozenset(Base.metadata.tables))
        copy = self._fill_sqlite if dialect == "sqlite" else self._fill_postgres
        copy(url, build, key)

    def _fill_sqlite(self, url: str, build: Build, key: tuple[str, Build, frozenset[str]]) -> None:
        if key not in self._made:
            path = self._folder / f"{len(self._made)}.db"
            build(f"sqlite:///{path}")
            self._made[key] = str(path)
        target = make_url(url).database
        assert target is not None
        shutil.copyfile(self._made[key], target)

    def _fill_postgres(
        self, url: str, build: Build, key: tuple[str, Build, frozenset[str]]
    ) -> None:
        server = self._postgres()
        if key not in self._made:
            template = server.create_database()
            build(server.url(template))
            self._made[key] = template
        name = make_url(url).database
        assert name is not None
        server.drop_database(name)
        server.create_database(template=self._made[key], name=name)

    def close(self) -> None:
        """Remove the files; databases go with their server."""
        shutil.rmtree(self._folder, ignore_errors=True)
