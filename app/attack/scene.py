"""Where a manipulation takes place: a copy of the site, with what the attacker holds.

The site itself is only read. A copy never has another database than its own SQLite file.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import make_url

from app import bootstrap
from app.attack.model import NotHere
from audit import keys as site_keys
from audit import trail
from audit.attempts import ACTION
from audit.keys import SiteKeys
from audit.streams import SITE
from core import appendonly
from core.actors import Actor
from core.clock import HeldClock
from core.errors import Refusal
from core.house import House
from core.settings import Settings

DATABASE = "site.db"
HISTORIAN = "historian.db"
COPIED = ("keys",)
CUT = 5
"""Entries that the preparation writes after the old copy was put aside."""
SCRATCH = "the administrator: restore a backup into a site on SQLite, and attack that one"


class NotOnThis(Refusal):
    """This place cannot be attacked: it is the site itself, or lies on a database server."""

    rule = "attack.copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loot:
    """What the copy holds beside the database, and what the attacker may have.

    `outside` is the newest checkpoint note known outside, `anchors` a file elsewhere that holds it
    (the attacker has neither); `thief` the key of the person `victim`,
    enrolled on the copy because nobody here knows the passphrases of people; `former` a key of
    that person which was revoked since.
    """

    record: str
    outside: tuple[str, ...]
    anchors: Path
    origin: str
    bundle: bytes
    pdf: bytes
    certificate: bytes
    trust: dict[str, Any]
    victim: str
    thief: Ed25519PrivateKey
    former: Ed25519PrivateKey
    old: Path
    left_at: datetime


class Scene:
    """One copy for one manipulation. `bundle` and `pdf` are what reaches the reader,
    `anchors` is the file elsewhere that the settings name."""

    def __init__(self, home: Path, loot: Loot) -> None:
        self.settings = settings_in(home)
        self.home = home
        self.loot = loot
        self.bundle = loot.bundle
        self.pdf = loot.pdf
        self.trust = loot.trust
        self.anchors = str(loot.anchors)

    @property
    def database(self) -> Path:
        """The file of the copied database."""
        return self.home / DATABASE

    @cached_property
    def keys(self) -> SiteKeys:
        """The keys of the server, as who holds the server has them."""
        return site_keys.open_or_make(self.settings.keys, self.loot.origin)

    @contextmanager
    def behind(self, *, restore: bool = True) -> Iterator[sqlite3.Connection]:
        """Write behind the application: triggers away, and back again afterwards."""
        with closing(sqlite3.connect(self.database, isolation_level=None)) as connection:
            triggers = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE ?",
                [f"{appendonly.PREFIX}%"],
            ).fetchall()
            connection.execute("BEGIN")
            for name, _ in triggers:
                connection.execute(f'DROP TRIGGER "{name}"')
            yield connection
            for _, sql in triggers if restore else ():
                connection.execute(sql)
            connection.execute("COMMIT")

    @contextmanager
    def machine_data(self) -> Iterator[sqlite3.Connection]:
        """Write into the historian."""
        path = self.home / HISTORIAN
        if not path.exists():
            raise NotHere("the site has no historian")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield connection

    @contextmanager
    def house(self, *, later: timedelta = timedelta(hours=1)) -> Iterator[House]:
        """The application on this copy, so long after the copy was made."""
        clock = HeldClock(self.loot.left_at + later)
        (self.home / "clock.json").unlink(missing_ok=True)
        house = bootstrap.compose(self.settings, clock=clock)
        try:
            yield house
        finally:
            house.database.close()


def act(house: House, what: str, *, by: Actor) -> None:
    """One entry on the stream of the site that changes nothing."""
    with (
        house.transaction() as session,
        trail.act(session, ACTION, stream=SITE, by=by, object=what),
    ):
        pass


def settings_in(home: Path) -> Settings:
    """Settings of a copy: its own SQLite file and nothing else."""
    url = f"sqlite:///{home / DATABASE}"
    return Settings(home=home, database_url=url, owner_url=url, log_level="ERROR")


def copy_site(settings: Settings, home: Path) -> Settings:
    """A consistent copy of the site in an empty folder, by SQLite's online backup.

    Raises NotOnThis when the folder is that of the site or holds anything, and for a site on
    PostgreSQL: its rows in another database would not be the same thing.
    """
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        raise NotOnThis("this site lies on a database server, which has no file", resolver=SCRATCH)
    site, folder = settings.home.resolve(), home.resolve()
    if folder == site or site.is_relative_to(folder) or (home.exists() and any(home.iterdir())):
        raise NotOnThis(
            f"{home} is the site itself or not empty: a site is never attacked, only its copy",
            resolver="who asked, with another folder",
        )
    bootstrap.require_site(settings)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    backup(Path(str(url.database)), home / DATABASE)
    if settings.historian_path.exists():
        backup(settings.historian_path, home / HISTORIAN)
    for name in COPIED:
        shutil.copytree(settings.home / name, home / name)
    return replace(settings_in(home), log_level=settings.log_level)


def backup(source: Path, target: Path) -> None:
    """A consistent copy of an SQLite file that may be in use; the copy keeps no log beside it."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


def duplicate(home: Path, target: Path) -> None:
    """Another copy of a copy that nobody has open."""
    target.mkdir(mode=0o700)
    for name in (DATABASE, HISTORIAN):
        if (home / name).exists():
            backup(home / name, target / name)
    for name in COPIED:
        shutil.copytree(home / name, target / name)
