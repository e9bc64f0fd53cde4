"""The worker's backups and drills: by themselves, at their time (URS-BAK-010, URS-BAK-020).

Each is a job that asks for its own return. One that came too early, because another was made
meanwhile or the machine was started anew, does nothing. After a failure it is tried again soon.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.backup import drilling, keeping, making
from app.backup.plan import Scheduled
from app.scheduledverification import staying_alive
from audit import backups, drills
from audit.restored import is_restored
from core import jobs, logs
from core.actors import Actor
from core.errors import BatchwrightError
from core.house import House, moment
from core.jobs import Claim, JobHandler
from core.settings import Settings

BACKUP_JOB, DRILL_JOB = "site.backup", "site.drill"
RETRY = timedelta(minutes=15)
BY = Actor.service("backup", trigger="its time")
log = logs.logger(__name__)


def schedule(house: House) -> bool:
    """Ask for the next backup, and for the next drill where the worker holds the key; once each.

    False where the settings name no folder, or the site was restored and is not signed for.
    """
    planned = Scheduled.of(_settings(house))
    with house.reading() as session:
        if planned is None or is_restored(session):
            return False
    with house.transaction() as session:
        _ask(session, BACKUP_JOB, _backup_due(session, planned))
        if planned.identity is not None:
            _ask(session, DRILL_JOB, _drill_due(session, planned))
    return True


def _ask(session: Session, kind: str, due: datetime) -> None:
    now = moment(session).real
    # With the hour: one that could not be done must not keep later ones from being asked.
    key = f"{kind} due {due.isoformat()} {max(now, due):%Y-%m-%dT%H}"
    jobs.enqueue(session, kind, {}, dedupe=key, delay=max(due - now, timedelta(0)))


def _backup_due(session: Session, planned: Scheduled) -> datetime:
    """When the next backup is to be made; a time that has passed means now."""
    standing = backups.standing(session)
    last = standing.last
    if last is None:
        return datetime.min.replace(tzinfo=moment(session).real.tzinfo)
    wait = planned.plan.every if last.ok else min(RETRY, planned.plan.every)
    return last.at + wait


def _drill_due(session: Session, planned: Scheduled) -> datetime:
    """A drill by the middle of its time, so that one that fails can be mended before it is late."""
    standing = drills.standing(session)
    last = standing.last
    if last is None:
        good = backups.standing(session).good
        return moment(session).real + RETRY if good is None else good.at
    return last.at + (planned.plan.drill / 2 if last.ok else planned.plan.every)


def on_backup(house: House, claimed: Claim) -> None:
    """Make a backup, remove what the plan no longer keeps, and ask for the next one."""
    planned = Scheduled.of(_settings(house))
    if planned is not None and _is_due(house, BACKUP_JOB, planned):
        with staying_alive(house, claimed):
            _back_up(house, planned)
    _finish(house, claimed)


def _back_up(house: House, planned: Scheduled) -> None:
    with house.reading() as session:
        now = moment(session).real
    try:
        making.back_up(house, _settings(house), planned.order, by=BY, now=now)
    except BatchwrightError as problem:
        log.error("backup.failed", problem=str(problem))  # kept, with its incident, where it failed
        return
    keeping.remove_old(house, planned, by=BY, now=now)


def on_drill(house: House, claimed: Claim) -> None:
    """Make a drill and ask for the next one; without a key in the settings there is none."""
    planned = Scheduled.of(_settings(house))
    identity = None if planned is None else planned.identity
    if planned is not None and identity is not None and _is_due(house, DRILL_JOB, planned):
        with staying_alive(house, claimed):
            _drill(house, identity)
    _finish(house, claimed)


def _drill(house: House, identity: Path) -> None:
    with house.reading() as session:
        now = moment(session).real
    settings = _settings(house)
    try:
        drilling.drill(house, settings, identity, by=BY, now=now, scheduled=True)
    except BatchwrightError as problem:
        log.error("drill.failed", problem=str(problem))


def _is_due(house: House, kind: str, planned: Scheduled) -> bool:
    due = _backup_due if kind == BACKUP_JOB else _drill_due
    with house.reading() as session:
        return due(session, planned) <= moment(session).real


def _finish(house: House, claimed: Claim) -> None:
    with house.transaction() as session:
        jobs.finish(session, claimed)
    schedule(house)


def _settings(house: House) -> Settings:
    settings: Settings = house.services["settings"]
    return settings


JOBS: dict[str, JobHandler] = {BACKUP_JOB: on_backup, DRILL_JOB: on_drill}
