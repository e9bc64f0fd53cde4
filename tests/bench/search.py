"""Figures of the trail at a million entries: a page of an answer, verifications."""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session

from audit import checkpoints, keys, searchindex, verified, verifying
from audit.questions import CRITICAL, RANKS, save_question
from audit.report import Report
from audit.rowcheck import Images
from audit.search import Question, Search
from audit.sequencer import sequence_pending
from audit.sharing import Processes
from audit.trail import TrailGuard
from core.actors import Actor
from core.db import Base, Database
from core.house import House
from core.sites import Site, SiteMode
from tests.support import trailsite

MILLION = int(os.environ.get("BATCHWRIGHT_BENCH_ENTRIES", "1000000"))
NEW = 1000
HASHES = 1_000_000
ROUNDS = 5
BY = Actor.service("bench", trigger="a measurement")
SPRING, SUMMER = datetime(2025, 3, 3, 9, 30, tzinfo=UTC), datetime(2025, 8, 1, 17, 45, tzinfo=UTC)
QUESTIONS = (
    Question(),
    Question(who="anna kern", field="lod", since=SPRING, until=SUMMER),
    Question(action="value.corrected", equipment="GRA-01", off_hours=True),
    Question(recipe="REC-0003", changed=True),
    Question(record="B-01234"),
    Question(text="typing error", object="G130"),
    Question(rank=CRITICAL, who="P-103"),
    Question(refused=True, text="calib", until=SUMMER),
)


def measure() -> Mapping[str, float]:
    """`audit_search_ms_1M` is the slowest of eight questions, each by its median; SQLite."""
    with TemporaryDirectory() as folder:
        house, site = made(f"sqlite:///{Path(folder) / 'site.db'}", Path(folder))
        try:
            began = time.perf_counter()
            trailsite.fill(house, site, trailsite.entries(MILLION))
            filled = time.perf_counter()
            searchindex.catch_up(house)
            covered = time.perf_counter()
            return {
                "audit_fill_s_1M": filled - began,
                "audit_search_made_s_1M": covered - filled,
                **asked(house),
                **verified_new(house, site),
                **verified_by_two(house, site),
            }
        finally:
            house.database.close()


def made(url: str, folder: Path) -> tuple[House, keys.SiteKeys]:
    """An empty site and its keys."""
    database = Database(url)
    Base.metadata.create_all(database.writer)
    with Session(database.writer) as session:
        session.add(
            Site(
                site_id=1, name="Bench", mode=SiteMode.DEMONSTRATION, zone=trailsite.ZONE,
                made_at=trailsite.BEGAN,
            )
        )  # fmt: skip
        session.commit()
    house = House(database, guards=[TrailGuard(software="bench")])
    return house, keys.open_or_make(folder / "keys", checkpoints.origin("Bench"))


def asked(house: House) -> Mapping[str, float]:
    """Milliseconds of a page, from an empty session to its entries with their ranks."""
    medians = []
    for question in QUESTIONS:
        took = []
        for sort in ("new", "new", "new", "who", "old")[:ROUNDS]:
            began = time.perf_counter()
            with house.reading() as session:
                search = Search(session, ranks=RANKS)
                page = search.page(question, sort=sort)
                ranked = search.ranked()
                [search.rank_of(hit, ranked) for hit in page.hits]
            took.append((time.perf_counter() - began) * 1000)
        medians.append(statistics.median(took))
    return {
        "audit_search_ms_1M": max(medians),
        "audit_search_ms_1M_median": statistics.median(medians),
    }


def verified_new(house: House, site: keys.SiteKeys) -> Mapping[str, float]:
    """Milliseconds of a verification of 1,000 new entries and one in a hundred of the old ones.

    The old entries name no rows of this site, so none are compared.
    """
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        since = verified.Statement(
            size=newest.size, root=bytes(newest.root), verifier=verified.version()
        )
    house.perform(_write, by=BY)
    sequence_pending(house, site)
    took = []
    for seed in range(ROUNDS):
        began = time.perf_counter()
        with house.reading() as session:
            report = verified.verify_new(
                session, keys.KeyBook.of(site, []), since, chance=random.Random(seed), shapes=()
            )
        took.append((time.perf_counter() - began) * 1000)
    problems = [each for each in report.problems if each.place != "triggers"]
    assert not problems, problems[:3]
    return {"verify_incremental_ms_1000_new_of_1M": statistics.median(took)}


def verified_by_two(house: House, site: keys.SiteKeys) -> Mapping[str, float]:
    """Entries a second of all chains from the database, in two processes and over one; beside it
    what two processes of this machine gain at work that shares nothing."""
    book = keys.KeyBook.of(site, [])
    one = _rate(house, book, verifying.check_streams)
    two = _rate(house, book, Processes(house.database.url, 2))
    return {
        "verify_entries_per_s_2proc": two,
        "verify_2proc_speed_up": two / one,
        "machine_2proc_speed_up": _speed_up_of_this_machine(),
    }


def _speed_up_of_this_machine() -> float:
    """Twice the work in two processes over once in one: 2.0 where cores share nothing."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_hashed, (1, 1)))
        alone = statistics.median(pool.submit(_hashed, HASHES).result() for _ in range(3))
        both = statistics.median(max(pool.map(_hashed, (HASHES, HASHES))) for _ in range(3))
    return 2 * alone / both


def _hashed(times: int) -> float:
    """Seconds for so many hashes."""
    began, found = time.perf_counter(), b""
    for _ in range(times):
        found = hashlib.sha256(found).digest()
    return time.perf_counter() - began


def _rate(house: House, book: keys.KeyBook, check: verifying.CheckStreams) -> float:
    report = Report()
    began = time.perf_counter()
    with house.reading() as session:
        check(session, book, Images(), report)
    assert report.ok, report.problems[:3]
    return report.entries / (time.perf_counter() - began)


def _write(session: Session, *, by: Actor, at: datetime) -> None:
    for number in range(NEW):
        save_question(session, f"question {number}", Question(), shared=False, by=by, at=at)
