"""A seeded demonstration site, made once; tests that write get a copy of its folder."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner, Result

from app import demosite, serving
from app.cell import Cell
from app.cli import main
from app.demosite import FirstBatch
from core import logs
from core.settings import Settings
from tests.integration.ebr.conftest import plant, staffed_site
from tests.integration.ebr.test_waits import drying
from tests.support.places import on_server, owner_url, site_url

__all__ = ["drying", "plant", "staffed_site"]

NOWHERE = Cell(opcua="opc.tcp://127.0.0.1:1", modbus="127.0.0.1:1", control_port=1, token="")
FIRST = FirstBatch(number=2044, order="PO-7731")
Command = Callable[..., Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """The site as seeding left it, what it said, and what it logged at the most talkative level."""

    settings: Settings
    said: tuple[str, ...]
    logged: str

    def passphrases(self) -> dict[str, str]:
        """Passphrase by badge, from the cards."""
        rows = json.loads((self.settings.home / demosite.CARDS).read_text())
        return {row["badge"]: row["passphrase"] for row in rows}


def settings_of(home: Path) -> Settings:
    url = site_url(home / "site.db")
    return Settings(home=home, database_url=url, owner_url=owner_url(url), log_level="WARNING")


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    """Seeded for tests that only read."""
    folder = tmp_path_factory.mktemp("seeded")
    settings = settings_of(folder / "site")
    said: list[str] = []
    with (folder / "log").open("w+") as log, _logging_to(log):
        demosite.make(settings, lambda: NOWHERE, FIRST, say=said.append)
        log.seek(0)
        logged = log.read()
    return Seeded(settings=settings, said=tuple(said), logged=logged)


class _logging_to:
    """Logs at DEBUG into a file while the block runs."""

    def __init__(self, file: IO[str]) -> None:
        self._file, self._before = file, sys.stderr

    def __enter__(self) -> None:
        sys.stderr = self._file
        logs.configure(level="DEBUG")

    def __exit__(self, *_: object) -> None:
        sys.stderr = self._before
        logs.configure(level="WARNING")


@pytest.fixture
def site(seeded: Seeded, tmp_path: Path) -> Seeded:
    """A copy of the seeded site, for one test to change."""
    home = tmp_path / "site"
    shutil.copytree(seeded.settings.home, home)
    return Seeded(settings=settings_of(home), said=seeded.said, logged=seeded.logged)


@pytest.fixture
def batchwright(tmp_path: Path) -> Command:
    """Run the command line in this process; the home of the site comes first."""

    def run(*arguments: object, home: Path | None = None, typed: str = "") -> Result:
        place = home or tmp_path / "nowhere"
        if on_server(place / "site.db"):
            told = serving.environment(settings_of(place))
            return CliRunner().invoke(main, [*map(str, arguments)], input=typed, env=told)
        words = ["--home", str(place), *map(str, arguments)]
        return CliRunner().invoke(main, words, input=typed)

    return run
