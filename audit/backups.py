"""What is known of the backups of a site: the last ones, and whether the schedule holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnExpressionArgument, func, select
from sqlalchemy.orm import Session

from audit.backupmodels import BackupRun
from core.db import site_of
from core.house import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The backups as they stand: `overdue` since `due_by` has passed, `failing` as the last one
    that the schedule asked for did not succeed."""

    good: BackupRun | None
    last: BackupRun | None
    due_by: datetime | None
    overdue: bool
    failing: bool


def standing(session: Session) -> Standing:
    """How it stands now by real time; a site without a schedule is neither overdue nor failing."""
    last = _newest(session, BackupRun.scheduled)
    planned = _newest(session, BackupRun.due_by.is_not(None))
    due_by = None if planned is None else planned.due_by
    return Standing(
        good=_newest(session, BackupRun.ok),
        last=last,
        due_by=due_by,
        overdue=due_by is not None and moment(session).real > due_by,
        failing=last is not None and not last.ok,
    )


def _newest(session: Session, condition: ColumnExpressionArgument[bool]) -> BackupRun | None:
    query = select(BackupRun).where(BackupRun.site_id == site_of(session), condition)
    return session.scalars(query.order_by(BackupRun.ordinal.desc()).limit(1)).first()


def runs(session: Session, *, most: int) -> Sequence[BackupRun]:
    """The newest attempts, the last one first."""
    query = select(BackupRun).where(BackupRun.site_id == site_of(session))
    return session.scalars(query.order_by(BackupRun.ordinal.desc()).limit(most)).all()


def made(session: Session) -> Sequence[BackupRun]:
    """Every backup that was made, the newest first, whether or not its file is still kept."""
    query = select(BackupRun).where(BackupRun.site_id == site_of(session), BackupRun.ok)
    return session.scalars(query.order_by(BackupRun.ordinal.desc())).all()


def next_ordinal(session: Session) -> int:
    """The number of the next attempt."""
    query = select(func.max(BackupRun.ordinal)).where(BackupRun.site_id == site_of(session))
    return (session.scalar(query) or 0) + 1
