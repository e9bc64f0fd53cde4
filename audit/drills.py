"""What is known of restore drills: the last ones, who signed them, whether one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnExpressionArgument, func, select
from sqlalchemy.orm import Session

from audit.backupmodels import BackupRun, RestoreDrill
from audit.models import Signature
from audit.signatures import SignedContent
from audit.streams import SITE
from core.db import site_of
from core.house import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The drills as they stand (URS-BAK-020): `missing` when `due_by` has passed without one that
    ended well, `failing` when the last one did not, `unsigned` the last one while nobody signed."""

    last: RestoreDrill | None
    good: RestoreDrill | None
    due_by: datetime | None
    missing: bool
    failing: bool
    unsigned: RestoreDrill | None


def standing(session: Session) -> Standing:
    """How it stands now by real time; without a schedule of backups nothing is due."""
    last, good = _newest(session), _newest(session, RestoreDrill.ok)
    due_by = _due_by(session)
    unsigned = last is not None and signature_of(session, last) is None
    return Standing(
        last=last,
        good=good,
        due_by=due_by,
        missing=due_by is not None and moment(session).real > due_by,
        failing=last is not None and not last.ok,
        unsigned=last if unsigned else None,
    )


def _due_by(session: Session) -> datetime | None:
    """Counted from the last drill that ended well, else from the first scheduled backup."""
    planned = _newest(session, RestoreDrill.ok, RestoreDrill.due_by.is_not(None))
    if planned is not None:
        return planned.due_by
    query = select(func.min(BackupRun.drill_by)).where(BackupRun.site_id == site_of(session))
    return session.scalar(query)


def _newest(session: Session, *conditions: ColumnExpressionArgument[bool]) -> RestoreDrill | None:
    query = select(RestoreDrill).where(RestoreDrill.site_id == site_of(session), *conditions)
    return session.scalars(query.order_by(RestoreDrill.ordinal.desc()).limit(1)).first()


def drills(session: Session, *, most: int) -> Sequence[RestoreDrill]:
    """The newest drills, the last one first."""
    query = select(RestoreDrill).where(RestoreDrill.site_id == site_of(session))
    return session.scalars(query.order_by(RestoreDrill.ordinal.desc()).limit(most)).all()


def find(session: Session, ordinal: int) -> RestoreDrill | None:
    """The drill of that number."""
    query = select(RestoreDrill).where(
        RestoreDrill.site_id == site_of(session), RestoreDrill.ordinal == ordinal
    )
    return session.scalars(query).one_or_none()


def next_ordinal(session: Session) -> int:
    """The number of the next drill."""
    query = select(func.max(RestoreDrill.ordinal)).where(RestoreDrill.site_id == site_of(session))
    return (session.scalar(query) or 0) + 1


def content(drill: RestoreDrill) -> SignedContent:
    """What a person signs: everything the drill counted and measured."""
    return SignedContent(
        record=str(SITE),
        object=f"restore drill {drill.ordinal}",
        version=drill.ordinal,
        content={
            "kind": "restore_drill",
            "at": drill.at.isoformat(),
            "ok": drill.ok,
            "file": drill.file,
            "sha256": drill.sha256 or "",
            "figures": drill.figures,
            "problem": drill.problem or "",
        },
    )


def signature_of(session: Session, drill: RestoreDrill) -> Signature | None:
    """The signature under the report of a drill, None while nobody has signed it."""
    shown = content(drill)
    return session.scalars(
        select(Signature)
        .where(Signature.site_id == site_of(session), Signature.record == str(SITE))
        .where(Signature.object == shown.object, Signature.record_version == shown.version)
        .limit(1)
    ).first()
