"""A history on its way: its site is kept after each batch, so that a killed run loses one batch.

What is kept appears whole or not at all. It is a copy of the site's folder, taken while nobody
writes; its databases are copied by SQLite itself.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

STATE = "progress.json"
KEPT, DRAFT = "after-", "copying"
DATABASE = ".db"
BESIDE = shutil.ignore_patterns(f"*{DATABASE}", f"*{DATABASE}-*", f"*{DATABASE}.*")
"""The databases themselves, and the files that SQLite and the writers' queue put beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The site after its latest finished batch: in `place`, counting from the day `s`, after
    `seconds` of work."""

    place: Path
    batch: int
    s: datetime
    seconds: int


def keep(room: Path, home: Path, *, batch: int, s: datetime, seconds: int) -> None:
    """Keep the site in `home` as it is after a batch, instead of what was kept before."""
    draft, place = room / DRAFT, room / f"{KEPT}{batch}"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(home, draft, ignore=BESIDE)
    for database in home.glob(f"*{DATABASE}"):
        _copy_database(database, draft / database.name)
    state = {"batch": batch, "s": s.isoformat(), "seconds": seconds}
    (draft / STATE).write_text(json.dumps(state) + "\n")
    draft.rename(place)
    for older in room.glob(f"{KEPT}*"):
        if older != place:
            shutil.rmtree(older)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def latest(room: Path) -> Progress | None:
    """What was kept last in a room; None when there is nothing."""
    found = [_read(state) for state in room.glob(f"{KEPT}*/{STATE}")]
    return max(found, key=lambda each: each.batch, default=None)


def _read(file: Path) -> Progress:
    state = json.loads(file.read_text())
    return Progress(
        place=file.parent,
        batch=state["batch"],
        s=datetime.fromisoformat(state["s"]),
        seconds=state["seconds"],
    )
