"""A finished history is kept and copied, not made again (below ``var/history-kept``), and one that
was broken off goes on after its last finished batch.

The key of a kept one is a digest of everything that it follows from: code, recipe, seed. A copy is
a site of its own to work with, with the keys and people of the kept one; its clock goes on from
where the history ended, so that lots, calibrations and training are as they were on that day.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app.bootstrap import compose
from app.history import progress, running
from app.history.progress import Progress
from app.making import SiteExists
from audit import trail
from audit.models import Entry
from audit.streams import SITE
from core import sites
from core.actors import Actor
from core.clock import SystemClock
from core.errors import BrokenPromise
from core.house import moment
from core.settings import Settings

CODE = Path(__file__).parents[2]
PACKAGES = (
    "app", "audit", "core", "ebr", "engine", "hardware", "inventory", "maintenance", "personnel",
    "production", "quality", "workflows",
)  # fmt: skip
"""What a history follows from; screens and documents do not change it."""
SUFFIXES = frozenset({".py", ".bpmn", ".dmn", ".sql", ".xsd", ".json"})
KEPT = "var/history-kept"
MANIFEST = "history.json"
RESUMING = Actor.service("history", trigger="a kept site is taken into use")
Say = Callable[[str], None]


def make_or_copy(settings: Settings, kept: Path, *, say: Say) -> None:
    """A demonstration site with its past in an empty place: copied, or made when none is kept.

    Raises SiteExists when there is a site, BrokenPromise for a database that is no file,
    StoryBroken when a batch goes otherwise than its script (then the batches before it are kept).
    """
    _require_room(settings)
    place = kept / key()
    if not (place / MANIFEST).exists():
        _make(place, say=say)
    say("a finished history is copied")
    _copy(place, settings)
    say(f"the site stands in {settings.home}")


def key() -> str:
    """Digest of code, recipe and seed; another one is another history."""
    digest = hashlib.sha256(f"seed {running.SEED}".encode())
    for package in PACKAGES:
        for file in sorted((CODE / package).rglob("*")):
            if file.suffix in SUFFIXES and file.is_file():
                digest.update(file.relative_to(CODE).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _require_room(settings: Settings) -> None:
    if make_url(settings.database_url).get_backend_name() != "sqlite":
        raise BrokenPromise("a history is kept as files: make it in a site with SQLite")
    if settings.home.exists() and any(settings.home.iterdir()):
        raise SiteExists(f"{settings.home} is not empty", resolver="another folder (--home)")


def _make(place: Path, *, say: Say) -> None:
    """Make it beside its place and move it there when it is whole. What a run before this one
    has finished is not made again."""
    room = place.with_name(f"making-{place.name}")
    draft, started = room / "site", time.monotonic()
    shutil.rmtree(draft, ignore_errors=True)
    before = progress.latest(room)
    s = _go_on(before, draft, say=say) if before else SystemClock().now()

    def seconds() -> int:
        return round(time.monotonic() - started) + (before.seconds if before else 0)

    def finished(batch: int) -> None:
        progress.keep(room, draft, batch=batch, s=s, seconds=seconds())

    done = before.batch if before else None
    ended = running.make(_settings(draft), s, done=done, finished=finished, say=say)
    manifest = {"ended": ended.isoformat(), "s": s.isoformat(), "seconds": seconds()}
    (draft / MANIFEST).write_text(json.dumps(manifest) + "\n")
    draft.rename(place)
    shutil.rmtree(room)
    say(f"made in {manifest['seconds']} s")


def _go_on(before: Progress, draft: Path, *, say: Say) -> datetime:
    """Put back what was finished; answers the day that the history counts from."""
    say(f"going on after B-{before.batch}, which was finished before")
    shutil.copytree(before.place, draft)
    (draft / progress.STATE).unlink()
    take_into_use(_settings(draft), "making a history goes on after its last finished batch")
    return before.s


def _settings(home: Path) -> Settings:
    url = f"sqlite:///{home.absolute() / 'site.db'}"
    return Settings(home=home.absolute(), database_url=url, owner_url=url, log_level="WARNING")


def _copy(place: Path, settings: Settings) -> None:
    """The copy appears as a whole, with its clock set to go on."""
    draft = settings.home.with_name(f"{settings.home.name}.copying")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(place, draft)
    take_into_use(
        _settings(draft), "a kept history is taken into use; its clock goes on from where it ended"
    )
    if settings.home.exists():
        settings.home.rmdir()
    draft.rename(settings.home)


def take_into_use(settings: Settings, reason: str) -> None:
    """Let the clock of a copy go on from the last moment it has seen; audited with its reason."""
    house = compose(settings)
    try:
        with house.transaction() as session:
            sites.go_on_from(session, _last(session), moment(session).real)
        house.perform(_note, reason, by=RESUMING)
    finally:
        house.database.close()


def _last(session: Session) -> datetime:
    last: datetime | None = session.scalar(select(func.max(Entry.at)))
    if last is None:
        raise BrokenPromise("the kept history has no entry")
    return last


def _note(session: Session, reason: str, *, by: Actor, at: datetime) -> None:
    facts = {"site_time": at.isoformat(), "real_time": moment(session).real.isoformat()}
    with trail.act(session, "clock.resumed", stream=SITE, by=by, reason=reason, facts=facts):
        pass
