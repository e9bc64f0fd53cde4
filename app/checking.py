"""Checks for the command line: the live site, the installation."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from app import schema, wholesite
from app.anchoring import Configured
from app.bootstrap import opened
from audit import anchors, restored
from core import release
from core.db import Database
from core.errors import BatchwrightError, BrokenPromise
from core.settings import Settings

Say = Callable[[str], None]
ASSETS = Path(__file__).parent.parent / "web" / "static" / "dist" / "manifest.json"


def verify(settings: Settings, *, say: Say, processes: int = 1) -> int:
    """Verify the live site and what lies beside its trail; 1 when something does not hold.

    With more than one of `processes` the chains of the records are shared out.
    """
    with opened(settings) as house, house.reading() as session:
        report = wholesite.verify(house, session, processes=processes)
    for line in report.lines():
        say(line)
    return 0 if report.ok else 1


def doctor(settings: Settings, *, say: Say) -> int:
    """Look at everything an installation needs; 1 when something is missing."""
    failed = 0
    for name, problem in _findings(settings):
        say(f"ok      {name}" if problem is None else f"MISSING {name}: {problem}")
        failed += problem is not None
    return 1 if failed else 0


def _findings(settings: Settings) -> Iterator[tuple[str, str | None]]:
    yield "files and dependencies of the release", _released()
    yield "printing libraries", _printing()
    yield "browser assets", None if ASSETS.exists() else "run make assets"
    yield "site folder", None if settings.home.is_dir() else f"no {settings.home}"
    yield "keys", None if (settings.keys / "pepper").exists() else "no site was made here"
    with closing(Database(settings.database_url)) as database:
        yield "database settings", _attempt(database.check_promises)
        yield "schema and append-only triggers", _attempt(lambda: schema.check(database))
    yield "anchors and history of the log", _attempt(lambda: _require_order(settings))
    free = shutil.disk_usage(settings.home if settings.home.is_dir() else ".").free
    yield "disk space", None if free > 1 << 30 else f"only {free >> 20} MiB are free"


def _require_order(settings: Settings) -> None:
    """Anchors can be read from the settings, none is silent, and the site was not restored."""
    Configured.of(settings)
    with opened(settings) as house, house.reading() as session:
        for found in restored.findings(session):
            raise BrokenPromise(f"the site only reads: {found.problem}; see the page /restored")
        for at in anchors.standing(session):
            if at.silent:
                raise BrokenPromise(f"{at.kind} {at.name} is silent: {at.problem or 'no worker'}")


def _released() -> str | None:
    _name, differences = release.of_this_installation()
    return f"{differences[0]} ({len(differences)} differences)" if differences else None


def _printing() -> str | None:
    try:
        from documents import rendering  # noqa: F401 -- loads the shared libraries of the system
    except OSError as error:
        return str(error).splitlines()[0]
    return None


def _attempt(check: Callable[[], None]) -> str | None:
    try:
        check()
    except BatchwrightError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is what is missing
        return f"{type(error).__name__}: {error}"
    return None
