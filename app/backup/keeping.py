"""Which files of backups stay in their folder: none goes before its time (URS-BAK-030)."""

from __future__ import annotations

from datetime import datetime

from app.backup.plan import Scheduled
from app.backup.rules import removable
from audit import backups, trail
from audit.streams import SITE
from core import logs
from core.actors import Actor
from core.house import House

log = logs.logger(__name__)


def remove_old(house: House, scheduled: Scheduled, *, by: Actor, now: datetime) -> list[str]:
    """Remove the files that the plan no longer keeps; the entry that names them comes first.

    Only files that this site's own records know are looked at, by the time in those records and
    not by that of the file. Answers their names; what cannot be removed now is tried again.
    """
    names = _old(house, scheduled, now)
    if not names:
        return []
    with (
        house.transaction() as session,
        trail.act(session, "backup.files_removed", stream=SITE, by=by, facts={"files": names}),
    ):
        pass  # The entry is all.
    for name in names:
        try:
            (scheduled.order.folder / name).unlink(missing_ok=True)
        except OSError as problem:
            log.error("backup.file_not_removed", file=name, problem=problem.strerror)
    return names


def _old(house: House, scheduled: Scheduled, now: datetime) -> list[str]:
    folder = scheduled.order.folder
    with house.reading() as session:
        known = {
            run.at: run.file
            for run in backups.made(session)
            if run.file is not None and run.folder == str(folder) and (folder / run.file).exists()
        }
    return sorted(known[at] for at in removable(known, scheduled.plan, now))
