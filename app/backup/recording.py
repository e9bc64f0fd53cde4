"""What is kept of each backup and each drill: a row, an entry, and an incident for a failure.

The entry of a backup names file and digest, so that whoever holds the file years later can tell
from the trail that it is the one that was made (URS-BAK-010).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.backup.rules import Plan
from audit import backups, drills, trail
from audit.backupmodels import BackupRun, RestoreDrill
from audit.restored import RESOLVER, Restored, is_restored
from audit.streams import SITE
from core import logs
from core.actors import Actor
from core.house import House, moment
from quality import queries
from quality.commands import deviations
from quality.commands.deviations import NewDeviation
from quality.models import DeviationState
from workflows.words import Severity

BACKUPS = "backups of the site"
"""What the incident names where others name a unit."""
LONGEST_TITLE = 300
log = logs.logger(__name__)


def require_in_order(house: House) -> None:
    """`Restored` while a restored site waits for its two signatures: it keeps no new facts."""
    with house.reading() as session:
        if is_restored(session):
            raise Restored(
                "this site was restored to an earlier state and only reads", resolver=RESOLVER
            )


def keep_run(house: House, run: BackupRun, plan: Plan | None, *, by: Actor) -> None:
    """Keep a backup that was made or failed; a failure of the schedule opens an incident.

    `plan` is that of the schedule which asked for it, None for a person at the command line.
    """
    action = "backup.made" if run.ok else "backup.failed"
    run.scheduled = plan is not None
    with house.transaction() as session:
        run.ordinal = backups.next_ordinal(session)
        if plan is not None and run.ok:
            run.due_by = run.at + plan.every + plan.grace
            run.drill_by = run.at + plan.drill
        with trail.act(session, action, stream=SITE, by=by, facts=_facts(run)) as act:
            session.add(run)
            if plan is not None and not run.ok:
                log.error(action, problem=run.problem)
                act.facts["incident"] = _incident(session, f"A backup failed: {run.problem}", by)


def _facts(run: BackupRun) -> dict[str, object]:
    if not run.ok:
        return {"folder": run.folder, "problem": run.problem or ""}
    return {
        "file": run.file or "",
        "sha256": run.sha256 or "",
        "bytes": run.bytes,
        "log_size": run.log_size,
        "private_keys": run.private_keys,
    }


def keep_drill(house: House, drill: RestoreDrill, plan: Plan | None, *, by: Actor) -> int:
    """Keep a drill that ended well or not; answers its number. A failure opens an incident.

    `plan` is that of the site's schedule, which says when the next one is due.
    """
    action = "backup.drilled" if drill.ok else "backup.drill_failed"
    if drill.ok and plan is not None:
        drill.due_by = drill.at + plan.drill
    with house.transaction() as session:
        drill.ordinal = ordinal = drills.next_ordinal(session)
        facts = {"drill": ordinal, "file": drill.file, "sha256": drill.sha256 or ""}
        if drill.problem is not None:
            facts["problem"] = drill.problem
        with trail.act(session, action, stream=SITE, by=by, facts=facts) as act:
            session.add(drill)
            if not drill.ok:
                log.error(action, problem=drill.problem)
                title = f"A restore drill failed: {drill.problem}"
                act.facts["incident"] = _incident(session, title, by)
    return ordinal


def _incident(session: Session, title: str, by: Actor) -> str:
    """The number of the open incident of the backups; a new one where none is open."""
    for each in queries.deviations(session, state=DeviationState.OPEN):
        if each.equipment == BACKUPS:
            return str(each.number)
    new = NewDeviation(
        title=title[:LONGEST_TITLE], severity=Severity.CRITICAL.value, equipment=BACKUPS
    )
    return deviations.open_by_system(session, new, by=by, at=moment(session).site)


def since(earlier: datetime, now: datetime) -> timedelta:
    """How long ago that was; nothing where a clock was set back in between."""
    return max(now - earlier, timedelta(0))
