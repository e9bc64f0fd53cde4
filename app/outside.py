"""The start-up guard: what is known outside against this database, at every composition.

Reads the anchor file, which is there without any network; the log witness is asked by the worker's
anchoring within seconds. A finding is kept in the database, so that every process of the site knows
at its next commit (URS-BAK-040).
"""

from __future__ import annotations

from pathlib import Path

from audit import notefile, restored, trail
from audit.keys import SiteKeys
from audit.restored import Ahead
from audit.streams import SITE
from core import logs
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House
from core.settings import Settings

GUARD = Actor.service("start-up guard", trigger="checkpoints kept outside")
is_restored = restored.is_restored
log = logs.logger(__name__)


def anchor_file(settings: Settings) -> Path | None:
    """The append-only file of the settings; BrokenPromise when its folder is not there.

    A volume that is not mounted must not look like a file that is empty.
    """
    if not settings.anchor_file.strip():
        return None
    path = Path(settings.anchor_file.strip())
    if not path.is_absolute() or not path.parent.is_dir():
        raise BrokenPromise(f"the folder of the anchor file {path} is not there")
    return path


def check(house: House, settings: Settings, keys: SiteKeys) -> None:
    """Compare the database with the anchor file; a finding makes the site restored."""
    path = anchor_file(settings)
    if path is None:
        return
    try:
        notes = [text for _at, text in notefile.read_end(path).notes]
    except OSError as problem:
        raise BrokenPromise(f"the anchor file cannot be read ({problem.strerror})") from None
    with house.reading() as session:
        newest = restored.newest_of_each(notes)
        found, problems = restored.compare(session, keys, newest, f"anchor file {path}")
    for wrong in problems:
        log.error("anchor_file.note_not_good", problem=wrong)
    if found is not None:
        tell(house, found)


def tell(house: House, found: Ahead) -> None:
    """Keep a finding and its entry, once."""
    with house.transaction() as session:
        if not restored.remember(session, found):
            return
        log.error("site.restored", source=found.source, size=found.size)
        facts = {
            "source": found.source,
            "origin": found.origin,
            "size": found.size,
            "problem": found.problem,
            "note": found.note or "",
        }
        with trail.act(session, "site.restore_found", stream=SITE, by=GUARD, facts=facts):
            pass  # The entry is all: the finding itself is kept beside it.


def all_notes(settings: Settings) -> list[str]:
    """Every note of the anchor file, for finding out how far the histories agree."""
    path = anchor_file(settings)
    return [] if path is None else [text for _at, text in notefile.read(path).notes]
