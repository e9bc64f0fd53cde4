"""Group `web`: what the server takes for the pages that are opened most, with real amounts of data.

Each page is asked for again and again through the application itself, signed in as the person who
uses it, on a copy of the demonstration history in ``var/history``; where none was made, on a past
of two batches made for this. No network and no browser is in it.
"""

from __future__ import annotations

import shutil
import sqlite3
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import demosite, schema
from app.bootstrap import compose
from app.demo.running import TERMINAL
from app.history import keeping, progress
from audit.models import Entry
from core import logs
from core.house import House
from core.settings import Settings
from ebr import queries
from ebr.models import ProcedureRun, RunState, StepRecord
from tests.bench.capturing import captured
from tests.support.history import made, settings_of
from tests.support.web import Visitor
from web.application import create_app

ROUNDS = 15
HISTORY = Path(__file__).parents[2] / "var" / "history"
PAST = (2033, 2034)
"""The batches of the small past."""


@dataclass(frozen=True)
class Past:
    """A site with a past, open."""

    house: House
    settings: Settings


def measure() -> Mapping[str, float]:
    """Median milliseconds of each page, its SQL statements, and how much the site holds."""
    with TemporaryDirectory() as folder, _past(Path(folder)) as past:
        return {**_amounts(past.house), **pages(past)}


@contextmanager
def _past(folder: Path) -> Iterator[Past]:
    if (HISTORY / "site.db").is_file():
        with _copied(HISTORY, folder / "site") as copy:
            yield copy
    else:
        with made(folder, PAST) as small:
            yield Past(small.house, small.settings)


@contextmanager
def _copied(home: Path, folder: Path) -> Iterator[Past]:
    """A copy to work with, in the schema of this version, its clock going on where it ended."""
    shutil.copytree(home, folder, ignore=progress.BESIDE)
    for database in home.glob(f"*{progress.DATABASE}"):
        _copy_database(database, folder / database.name)
    settings = settings_of(folder)
    schema.upgrade_site(settings)
    keeping.take_into_use(settings, "a kept history is measured")
    house = compose(settings)
    with closing(house.database):
        yield Past(house, settings)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _amounts(house: House) -> Mapping[str, float]:
    counted = {"batches": ProcedureRun, "steps": StepRecord, "entries": Entry}
    with house.reading() as session:
        return {
            f"web_site_{name}": session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in counted.items()
        }


def paths(house: House) -> Mapping[str, tuple[str, str]]:
    """Who opens which page: those of the newest complete batch, and of the newest step of all."""
    with house.reading() as session:
        number = max(run.number for run in queries.runs(session, states=(RunState.COMPLETE,)))
        step = _newest_step(session)
        of_step = f"/records/{step.run.number}/steps/{step.key}/{step.occurrence}"
    return {
        "work": ("P-101", "/work"),
        "batches": ("P-105", "/batches"),
        "batch": ("P-105", f"/records/{number}"),
        "step": ("P-101", of_step),
        "reviews": ("P-107", "/reviews"),
        "review": ("P-107", f"/reviews/{number}"),
        "release": ("P-107", f"/release/{number}"),
        "record": ("P-107", f"/batches/{number}/record"),
        "values": ("P-107", f"/batches/{number}/record/values"),
        "trends": ("P-107", f"/batches/{number}/record/trends"),
        "trail": ("P-107", f"/batches/{number}/record/trail"),
        "exceptions": ("P-107", "/exceptions"),
        "deviations": ("P-107", "/deviations"),
        "materials": ("P-107", "/materials"),
        "equipment": ("P-110", "/equipment"),
        "live": ("P-101", "/live"),
    }


def _newest_step(session: Session) -> StepRecord:
    """One that waits for somebody, if any does."""
    waiting = queries.open_steps(session)
    newest = select(StepRecord).order_by(StepRecord.ready_at.desc()).limit(1)
    return waiting[-1] if waiting else session.scalars(newest).one()


def pages(past: Past) -> Mapping[str, float]:
    """All pages in turns: what they took, and what they asked the database."""
    app, wanted = create_app(past.house, past.settings), paths(past.house)
    logs.configure(level="WARNING")
    badges = {badge for badge, _ in wanted.values()}
    visitors = {badge: _signed_in(app, past, badge) for badge in sorted(badges)}
    asked = {}
    for name, (badge, path) in wanted.items():
        _opened(visitors[badge], path)
        with captured(past.house.database) as cost:
            _opened(visitors[badge], path)
        asked[f"page_sql_statements_{name}"] = float(len(cost.sent))
    took: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(ROUNDS):
        for name, (badge, path) in wanted.items():
            took[name].append(_opened(visitors[badge], path))
    return asked | {f"page_ms_{name}": statistics.median(found) for name, found in took.items()}


def _signed_in(app: Flask, past: Past, badge: str) -> Visitor:
    visitor = Visitor(app)
    cards = demosite.read_cards(past.house, past.settings.home, TERMINAL)
    answer = visitor.login(badge, cards[badge].passphrase)
    assert answer.status_code == 303, f"{badge} is not let in: {answer.status_code}"
    return visitor


def _opened(visitor: Visitor, path: str) -> float:
    began = time.perf_counter()
    answer = visitor.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return took
