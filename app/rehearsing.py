"""Rehearse an upgrade: every run is done again from its journal on the installed version.

Works on a copy of the site's file, brought to this version's schema; the site is only read. A run
whose journal no longer gives the same facts, cannot be read, or whose state would be another one,
is named before anybody upgrades, and the others are done none the less (architecture, section 3:
tables are projections of the streams; URS-EXE-090).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app import schema
from audit import trail
from audit.streams import SITE, Stream
from core.clock import HeldClock
from core.db import Database
from core.errors import BatchwrightError
from core.house import House
from core.settings import Settings
from core.sites import Site, the_site
from engine import replay
from engine.host import SERVICE as ENGINE_HOST
from engine.models import Run
from workflows.models import DefinitionFile

Say = Callable[[str], None]
STILL = datetime(2000, 1, 1, tzinfo=UTC)


def rehearse(settings: Settings, *, ended: bool, say: Say) -> int:
    """Do the open runs again, with `ended` all; answers 0 when each gives the same state, else 1.

    On PostgreSQL the database must have this version's schema: restore a copy, run
    ``batchwright migrate`` there and rehearse there. Raises BrokenPromise otherwise.
    """
    total = differing = 0
    with TemporaryDirectory() as folder, _copied(settings, Path(folder)) as source:
        empty = _empty(source, Path(folder) / "empty.db")
        for record, differences in _rehearsed(source, empty, ended=ended):
            total += 1
            differing += bool(differences)
            say(f"{'differs' if differences else 'same   '} {record}")
            for line in differences:
                say(f"    {line}")
    say(f"{total} runs done again, {differing} differ")
    return 1 if differing else 0


def rehearse_newest(settings: Settings) -> tuple[str, tuple[str, ...]]:
    """Do the run that began last again; answers its record and what differs, nothing where it is
    the same. An empty record where no run has begun."""
    with TemporaryDirectory() as folder, _copied(settings, Path(folder)) as source:
        empty = _empty(source, Path(folder) / "empty.db")
        newest = select(Run).order_by(Run.started_at.desc(), Run.record).limit(1)
        with source.reading() as session:
            run = session.scalars(newest).first()
            return ("", ()) if run is None else (run.record, _differences(session, run, empty))


def _rehearsed(
    source: House, empty: Path, *, ended: bool
) -> Iterator[tuple[Stream, tuple[str, ...]]]:
    with source.reading() as session:
        for run in session.scalars(select(Run).order_by(Run.started_at, Run.record)).all():
            if ended or run.ended_at is None:
                yield Stream.parse(run.record), _differences(session, run, empty)


def _differences(session: Session, run: Run, empty: Path) -> tuple[str, ...]:
    try:
        return _done_again(session, run, empty)
    except BatchwrightError as error:
        return (str(error),)
    # Whatever a damaged journal does to the engine, the runs after this one are still done.
    except Exception as error:  # noqa: BLE001
        return (f"cannot be done again: {type(error).__name__}: {error}",)


def _done_again(session: Session, run: Run, empty: Path) -> tuple[str, ...]:
    record = Stream.parse(run.record)
    acts = replay.recorded_acts(session, record)
    again = empty.with_name("again.db")
    copyfile(empty, again)
    try:
        with opened(f"sqlite:///{again}") as house:
            _take_over(house, session, run)
            replay.replay(house, record, acts)
            with house.reading() as other:
                return replay.differences(session, other, record)
    finally:
        again.unlink()


def _take_over(house: House, session: Session, run: Run) -> None:
    wanted = {run.procedure, *run.pinned.values()}
    files = session.scalars(select(DefinitionFile).where(DefinitionFile.file_digest.in_(wanted)))
    with (
        house.transaction() as again,
        trail.act(again, "definition.imported", stream=SITE, by=replay.REPLAYER),
    ):
        for file in files:
            again.add(
                DefinitionFile(
                    file_digest=file.file_digest,
                    content_digest=file.content_digest,
                    body=file.body,
                )
            )


@contextmanager
def opened(url: str) -> Iterator[House]:
    """A house in which nothing but the engine runs, and no time passes."""
    database = Database(url)
    try:
        schema.check(database)
        house = House(database, guards=[trail.TrailGuard()], clock=HeldClock(STILL))
        house.services[ENGINE_HOST] = replay.RecordedHost()
        yield house
    finally:
        database.close()


def _empty(source: House, file: Path) -> Path:
    """A database with this version's schema and a site of that name, and nothing else."""
    url = f"sqlite:///{file}"
    schema.upgrade(url)
    with source.reading() as session:
        site = the_site(session)
        facts = {key: getattr(site, key) for key in ("site_id", "name", "mode", "zone", "made_at")}
    database = Database(url)
    with database.turn_to_write(), Session(database.writer) as session, session.begin():
        session.add(Site(**facts))
    database.close()
    return file


@contextmanager
def _copied(settings: Settings, folder: Path) -> Iterator[House]:
    """A copy of the site's file with this version's schema; on a server the database itself."""
    place = make_url(settings.database_url)
    url = settings.database_url
    if place.get_backend_name() == "sqlite":
        url = f"sqlite:///{folder / 'copy.db'}"
        _copy(Path(str(place.database)), folder / "copy.db")
        schema.upgrade(url)
    with opened(url) as house:
        yield house


def _copy(file: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
