"""Clean holds run out with nobody logged in: a job in the site's clock (URS-EQP-020)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from core import jobs
from core.actors import Actor
from core.house import House, moment
from hardware import equipment_commands as plant
from hardware import queries as units
from hardware.models import Equipment

CLEAN_HOLD_JOB = "maintenance.clean_hold_due"
WATCHER = Actor.service("clean holds", trigger="end of the clean hold")


def watch(session: Session, unit: Equipment) -> None:
    """Have the end of a unit's clean hold found, right after its last moment."""
    if unit.clean_until is None:
        return
    jobs.enqueue_at_site_time(
        session,
        CLEAN_HOLD_JOB,
        {"equipment": unit.number},
        due_at=unit.clean_until + timedelta(milliseconds=1),
        dedupe=f"{CLEAN_HOLD_JOB}:{unit.number}:{unit.clean_until.isoformat()}",
    )


def on_clean_hold_due(house: House, claimed: jobs.Claim) -> None:
    """Job: a clean hold has run out, unless the unit was cleaned or used meanwhile."""
    with house.transaction() as session:
        plant.expire_clean_hold(
            session, claimed.payload["equipment"], by=WATCHER, at=moment(session).site
        )
        jobs.finish(session, claimed)


def watch_all(session: Session) -> int:
    """Watch every unit that is clean now (units that were registered clean); answers how many."""
    clean = [unit for unit in units.equipment_list(session) if unit.clean_until is not None]
    for unit in clean:
        watch(session, unit)
    return len(clean)
