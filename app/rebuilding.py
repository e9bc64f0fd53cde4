"""Rebuild from the log: an empty site filled from nothing but the entries, compared with the live.

Tables and workflow state are projections of the streams (architecture, section 3 "One truth"); here
that is shown (URS-REC-100, -110): audited rows from their after-images, the trail's own tables from
the bytes of the entries, balances from their movements. Large bytes stand in the trail by their
digest and secrets not at all; both are taken over, the former compared with their digest. Then
records are read and printed from both sites and must be the same bytes.

The live site is read in one session: one consistent state, while it runs on.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import cast
from uuid import UUID

from sqlalchemy import Connection, Table, create_engine, insert, select, text
from sqlalchemy.orm import Session

from app import crosscheck, schema
from app.bootstrap import opened
from audit import rebuild, rebuildcheck, rebuildrows, searchindex, verifier
from audit.models import Entry, LogLeaf
from audit.rebuildcheck import Compared
from audit.rebuildrows import IN_ONE_QUERY
from audit.report import Report
from audit.rowcheck import audited_shapes
from audit.trail import TrailGuard
from core.actors import Actor
from core.clock import HeldClock
from core.db import Database, Kept, kept_tables, site_of
from core.errors import BatchwrightError, Invalid
from core.house import House, moment
from core.ids import new_id
from core.jobs import Job
from core.settings import Settings
from core.sites import SiteClock
from documents.fonts import load_fonts
from ebr import printables, queries
from ebr.issuing import FONTS
from ebr.models import HoldTime
from ebr.printables import Draft
from ebr.report.recordkind import RecordKind
from engine.models import Subscription
from inventory import ledger
from inventory.models import StockBalance

Say = Callable[[str], None]
PRINTER = Actor.service("rebuild", trigger="batchwright rebuild")
MADE = ("stream_head", "pending_entry", "stock_balance", "site_clock")
"""Unaudited tables that follow from the entries."""
READ_MODELS = ("search_block", "search_state")
"""Made anew in a site that is kept; every verification compares them with the entries."""


@dataclass(slots=True)
class Outcome:
    """What a rebuild found; `records` are compared as JSON, `printed` as pages, too."""

    report: Report = field(default_factory=Report)
    tables: int = 0
    equal: int = 0
    taken_over: int = 0
    alarms: int = 0
    records: int = 0
    printed: int = 0

    def lines(self) -> list[str]:
        """The report for a person, problems first; the same site gives the same lines."""
        found = self.report
        empty = sorted(set(kept_tables(Kept.UNAUDITED)) - {*MADE, *READ_MODELS, Job.__tablename__})
        return [
            *(f"PROBLEM {problem}" for problem in found.problems),
            f"{found.entries} entries of {found.streams} records, {found.rows} rows made again",
            f"{self.equal} of {self.tables} tables equal",
            f"{self.records} records equal as JSON, {self.printed} of them printed and equal",
            f"taken over: {self.taken_over} values that the entries name by digest or as secret",
            f"taken over: {self.alarms} jobs that ring at the end of a wait; no other job",
            *(f"not checked: {what}" for what in found.not_checked),
            f"left empty: {', '.join(empty)}",
            "the site follows from its entries" if found.ok else f"{len(found.problems)} problems",
        ]


def check(settings: Settings, *, say: Say, printed: Sequence[str] | None = None) -> int:
    """Rebuild in a folder that goes with the command and compare; 1 when something differs.

    Of each record the JSON is compared; the pages of all, or only of the records `printed`.
    """
    with TemporaryDirectory() as folder:
        return _done(settings, Path(folder) / "site.db", say, printed)


def into(
    settings: Settings, folder: Path, *, say: Say, printed: Sequence[str] | None = None
) -> int:
    """Rebuild into a new folder and leave a site there that can be verified, seen and exported.

    Keys, machine links and the historian are copied beside it: no entry holds them. Raises Invalid
    when the folder holds anything. Answers 1 when something differs.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Invalid(f"{folder} is not empty", resolver="who calls: name a new folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    code = _done(settings, folder / "site.db", say, printed)
    _copy_beside(settings, folder)
    url = f"sqlite:///{folder.absolute() / 'site.db'}"
    made = replace(settings, home=folder.absolute(), database_url=url, owner_url=url)
    with opened(made) as house:
        searchindex.catch_up(house)
    say(f"the rebuilt site is in {folder}; it must not run beside the one that it came from")
    return code


def _done(settings: Settings, file: Path, say: Say, printed: Sequence[str] | None) -> int:
    with opened(settings) as house, house.reading() as live:
        outcome = rebuilt(house, live, file, say=say, printed=printed)
    for line in outcome.lines():
        say(line)
    return 0 if outcome.report.ok else 1


def rebuilt(
    house: House,
    live: Session,
    file: Path,
    *,
    say: Say,
    printed: Sequence[str] | None = None,
) -> Outcome:
    """Fill the new database `file` from the entries that `live` sees, and compare both."""
    outcome = Outcome()
    schema.upgrade(f"sqlite:///{file}")
    say("entries, log and rows are made again")
    with _target(file) as target:
        newest = rebuild.rebuild_trail(live, target, outcome.report)
        outcome.taken_over = rebuildrows.rebuild_rows(
            live, target, newest, outcome.report, audited_shapes()
        )
        _clock(live, target)
        outcome.alarms = _alarms(live, target)
        _name_loose_ends(target, outcome.report)
    database = Database(f"sqlite:///{file}")
    try:
        again = House(database, guards=[TrailGuard()], clock=HeldClock(moment(live).real))
        again.services.update(house.services)
        _compare(live, again, outcome, say, printed)
    finally:
        database.close()
    return outcome


@contextmanager
def _target(file: Path) -> Iterator[Connection]:
    """The new file, its triggers in force; foreign keys are asked for when all rows are there."""
    engine = create_engine(f"sqlite:///{file}")
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _name_loose_ends(target: Connection, report: Report) -> None:
    for row in target.execute(text("PRAGMA foreign_key_check")).all():
        report.add(f"table {row[0]}", f"a row made again points to a row of {row[2]} that is not")


def _clock(live: Session, target: Connection) -> None:
    """Site time against real time as the newest entry of the log tells it."""
    query = (
        select(Entry.payload, Entry.rec, Entry.rseq)
        .join(LogLeaf, LogLeaf.entry_id == Entry.id)
        .order_by(LogLeaf.idx.desc())
        .limit(1)
    )
    for payload, rec, rseq in target.execute(query).all():
        place = f"entry {rseq} of {rec}"
        data = verifier.strict_json(bytes(payload), place)
        ahead = verifier.moment_of(data["at"], place) - verifier.moment_of(data["real_at"], place)
        offset = (ahead.days * 86_400 + ahead.seconds) * 1_000_000 + ahead.microseconds
        row = {"id": new_id(), "site_id": site_of(live), "offset_us": offset}
        target.execute(insert(SiteClock), [row])


def _alarms(live: Session, target: Connection) -> int:
    """Jobs are no facts, but who waits needs the one that rings: those that rows made again name.

    Their times are compared with the waits by every verification (`app.crosscheck`).
    """
    named: set[UUID] = set()
    for table in (HoldTime, Subscription):
        column = cast(Table, table.__table__).c.job_id
        named |= set(target.execute(select(column).where(column.is_not(None))).scalars())
    jobs, wanted = cast(Table, Job.__table__), sorted(named)
    for start in range(0, len(wanted), IN_ONE_QUERY):
        query = select(jobs).where(jobs.c.id.in_(wanted[start : start + IN_ONE_QUERY]))
        rows = [dict(row) for row in live.execute(query.order_by(jobs.c.id)).mappings()]
        if rows:
            target.execute(insert(jobs), rows)
    return len(wanted)


def _compare(
    live: Session, again: House, outcome: Outcome, say: Say, printed: Sequence[str] | None
) -> None:
    with again.transaction() as session:
        ledger.rebuild(session)
    tables = [*rebuildcheck.of_the_trail(), *map(Compared.of_shape, audited_shapes())]
    stock = cast(Table, StockBalance.__table__)
    tables.append(Compared.by_key(stock, "lot", "account", "container"))
    outcome.tables = len(tables)
    say(f"{outcome.tables} tables are compared")
    with again.reading() as session:
        session.info["moment"] = moment(live)
        outcome.equal = rebuildcheck.compare(live, session, outcome.report, tables)
        crosscheck.check_contents(session, outcome.report)
        searchindex.compare(live, outcome.report)
        for run in queries.runs(live):
            pages = printed is None or run.number in printed
            say(f"record {run.number} is {'printed' if pages else 'read'} from both")
            _compare_record(live, session, run.number, outcome, pages=pages)


def _compare_record(
    live: Session, again: Session, number: str, outcome: Outcome, *, pages: bool
) -> None:
    place = f"record {number}"
    try:
        now, made = _draft(live, number), _draft(again, number)
        if now.data != made.data:
            outcome.report.add(place, _digests("its JSON", now.data, made.data))
            return
        outcome.records += 1
        if pages:
            _compare_pages(live, again, now, made, outcome)
    except BatchwrightError as error:
        outcome.report.add(place, f"it cannot be read: {error}")


def _compare_pages(
    live: Session, again: Session, now: Draft, made: Draft, outcome: Outcome
) -> None:
    left, right = _pages(live, now), _pages(again, made)
    if left != right:
        outcome.report.add(now.stream, _digests("its PDF before the seal", left, right))
        return
    outcome.printed += 1


def _draft(session: Session, number: str) -> Draft:
    return RecordKind().draft(session, {"record": number})


def _pages(session: Session, draft: Draft) -> bytes:
    """The pages of a record as they are before the seal."""
    digest = hashlib.sha256(draft.data).hexdigest()
    edition = printables.edition_of(session, draft, digest, PRINTER)
    fonts: Path = session.info["services"][FONTS]
    return RecordKind().render(
        draft,
        edition,
        fonts=load_fonts(fonts),
        attachments=printables.attachments_of(draft, edition),
    )


def _digests(what: str, now: bytes, made: bytes) -> str:
    live, again = (hashlib.sha256(part).hexdigest() for part in (now, made))
    return f"{what} has the digest {live}, from the rebuilt site {again}"


def _copy_beside(settings: Settings, folder: Path) -> None:
    for place in (settings.keys, settings.pki):
        if place.is_dir():
            copytree(place, folder / place.name)
    if settings.historian_path.is_file():
        with (
            closing(
                sqlite3.connect(f"{settings.historian_path.as_uri()}?mode=ro", uri=True)
            ) as old,
            closing(sqlite3.connect(folder / settings.historian_path.name)) as copy,
        ):
            old.backup(copy)
