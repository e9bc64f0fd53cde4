"""The verification that runs by itself and on demand (URS-REC-110, URS-SEC-070).

What came since the last one every hour, the whole site every week, after a failure, and when the
verifier itself has changed. Beginning and end are entries with their figures. A failure opens one
incident of the site, shows on every page and blocks release until a whole verification finds
nothing wrong; closing the incident alone does not end that.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from app import crosscheck, keybook, wholesite
from audit import trail, verified
from audit.errors import TamperedTrail
from audit.report import Report
from audit.standing import NEW, VERIFY_JOB, WHOLE, last_ended, last_whole, problems_of
from audit.streams import SITE
from audit.verifiedmodels import Verification
from core import jobs, logs
from core.actors import Actor
from core.house import House, moment
from core.jobs import Claim
from quality import queries
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from quality.models import DeviationState
from workflows.words import Severity

EVERY = timedelta(hours=1)
WHOLE_EVERY = timedelta(days=7)
TOLD = 20
"""Problems that are kept with a verification; all of them are counted."""
LONGEST_TITLE = 300
INTEGRITY = "integrity of the record"
"""What the incident names where others name a unit."""
VERIFIER = Actor.service("verification", trigger="its time")
HEARTBEAT_SECONDS = 15.0
log = logs.logger(__name__)


def schedule(session: Session, *, delay: timedelta = EVERY) -> UUID:
    """The next verification, once, whoever asks for it."""
    last = last_ended(session)
    # With the day: one that could not be done must not keep later ones from being asked.
    after = f"{'none' if last is None else last.id} {moment(session).real:%Y-%m-%d}"
    return jobs.enqueue(session, VERIFY_JOB, {}, dedupe=f"verification after {after}", delay=delay)


def on_verify(house: House, claimed: Claim) -> None:
    """Verify the site and record what was found; the next one is due `EVERY` later."""
    whole = bool(claimed.payload.get("whole"))
    with house.reading() as session:
        statement = None if whole else _statement(session, house)
    scope = WHOLE if statement is None else NEW
    by = _asked_by(claimed)
    with (
        house.transaction() as session,
        trail.act(session, "verification.started", stream=SITE, by=by, facts={"scope": scope}),
    ):
        pass
    with staying_alive(house, claimed):
        report = _looked_at(house, statement)
    with house.transaction() as session:
        jobs.finish(session, claimed)
        record(session, house, scope, report, by=by)
        schedule(session)


def _asked_by(claimed: Claim) -> Actor:
    asked = claimed.payload.get("by")
    return VERIFIER if asked is None else Actor.service("verification", trigger=f"asked by {asked}")


def _statement(session: Session, house: House) -> verified.Statement | None:
    """What the next verification can build on; None when it must be a whole one."""
    last, whole = last_ended(session), last_whole(session)
    if last is None or whole is None or not last.ok or last.note is None:
        return None
    if moment(session).real - whole.at > WHOLE_EVERY or last.verifier != verified.version():
        return None
    try:
        found = verified.read_statement(last.note, house.services["site_keys"].log_keys())
    except TamperedTrail:
        return None  # nothing to build on, be it forged or of a log that was restored since
    return found if found.size == last.size and found.root == last.root else None


def _looked_at(house: House, statement: verified.Statement | None) -> Report:
    with house.reading() as session:
        if statement is None:
            return wholesite.verify(house, session)
        book = keybook.of_site(session, house.services["site_keys"])
        # Which old entries are looked at again must not be known before.
        chance = random.SystemRandom()
        report = verified.verify_new(session, book, statement, chance=chance)
        crosscheck.check_often(session, report, chance=chance)
        return report


def record(
    session: Session, house: House, scope: str, report: Report, *, by: Actor
) -> Verification:
    """Keep what a verification found; a failure opens the incident, if none is open."""
    found = _row(house, scope, report)
    found.at = moment(session).real
    action = "verification.ended" if report.ok else "verification.failed"
    first = [f"{each['place']}: {each['what']}"[:300] for each in found.problems[:5]]
    facts = {
        "scope": scope,
        "size": found.size,
        "entries": found.entries,
        "signatures": found.signatures,
        "rows": found.rows,
        "problems": found.count,
        "first": first,
    }
    with trail.act(session, action, stream=SITE, by=by, facts=facts) as this:
        session.add(found)
        if not report.ok:
            log.error("verification.failed", problems=found.count, first=first[:1])
            this.facts["incident"] = _incident(session, found, by=by)
    return found


def _row(house: House, scope: str, report: Report) -> Verification:
    size, root = _end_of(report)
    note = None
    if report.ok and root is not None:
        statement = verified.Statement(size=size, root=root, verifier=verified.version())
        note = statement.sign(house.services["site_keys"].log)
    return Verification(
        scope=scope,
        size=size,
        root=root,
        verifier=verified.version(),
        ok=report.ok,
        entries=report.entries,
        signatures=report.signatures,
        rows=report.rows,
        problems=problems_of(report)[:TOLD],
        count=len(report.problems),
        note=note,
    )


def _end_of(report: Report) -> tuple[int, bytes | None]:
    """Size and root of the checkpoint that the report ends with."""
    if report.checkpoint is None:
        return 0, None
    _origin, size, root = report.checkpoint.rsplit(" ", 2)
    return int(size), bytes.fromhex(root)


def _incident(session: Session, found: Verification, *, by: Actor) -> str:
    """The number of the open incident of the site; a new one where none is open."""
    for each in queries.deviations(session, state=DeviationState.OPEN):
        if each.equipment == INTEGRITY:
            return str(each.number)
    first = found.problems[0]
    about = f" (record {first['record']})" if first["record"] else ""
    told = f"{first['place']}: {first['what']}{about}"
    title = f"The verification of the site found {found.count} problems. {told}"
    new = NewDeviation(
        title=title[:LONGEST_TITLE],
        severity=Severity.CRITICAL.value,
        equipment=INTEGRITY,
    )
    return deviations.open_by_system(session, new, by=by, at=moment(session).site)


@contextmanager
def staying_alive(house: House, claimed: Claim) -> Iterator[None]:
    """Extend the lease while the block runs: a whole verification or a backup may take minutes."""
    ended, lost = threading.Event(), list[Exception]()

    def beat() -> None:
        while not ended.wait(HEARTBEAT_SECONDS):
            try:
                jobs.report_progress(house, claimed, 50)
            except Exception as error:  # noqa: BLE001 -- told by the thread that waits
                lost.append(error)
                return

    beating = threading.Thread(target=beat, name="lease", daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join()
    if lost:
        raise lost[0]
