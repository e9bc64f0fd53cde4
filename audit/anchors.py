"""What vouches for the log outside this database, as screens, bundles and health ask for it.

Every checkpoint is handed to a log witness, to an append-only file on another volume and, daily
and at each release, to a time-stamp authority (URS-AUD-060). Here are the questions; `app` does the
work outside of transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from audit.anchormodels import AnchorState, Cosignature, TimestampToken
from audit.models import Checkpoint
from audit.sequencer import oldest_pending_age
from core import writeguard
from core.db import site_of
from core.house import moment
from core.ids import new_id

WITNESS = "witness"
FILE = "file"
AUTHORITY = "authority"
LIMITS = {
    WITNESS: timedelta(minutes=5),
    FILE: timedelta(minutes=1),
    AUTHORITY: timedelta(hours=26),
}
"""How long each kind of anchor may be silent while there is something to anchor."""
LATEST = timedelta(seconds=5)
"""An entry that has waited longer for the log is an alarm; one second is the promise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One anchor as it stands: `size` of the newest checkpoint it has, 0 for none.

    `succeeded_at` is when it last answered well, by the clock of this machine; `age` how long ago
    that was (since it is known, while it never did); `problem` what went wrong since, None if
    nothing. `silent` says that this has lasted longer than its limit.
    """

    kind: str
    name: str
    size: int
    succeeded_at: datetime | None
    age: timedelta
    problem: str | None
    silent: bool


def standing(session: Session) -> list[Standing]:
    """Every anchor that this site has had, by kind and name; empty where none was configured."""
    rows = session.scalars(
        select(AnchorState)
        .where(AnchorState.site_id == site_of(session))
        .order_by(AnchorState.kind, AnchorState.name)
    )
    return [_standing(session, row) for row in rows]


def _standing(session: Session, row: AnchorState) -> Standing:
    now = moment(session)
    age = max(now.steady - (row.succeeded_at or row.known_since), timedelta(0))
    return Standing(
        kind=row.kind,
        name=row.name,
        size=row.size,
        succeeded_at=None if row.succeeded_at is None else now.as_shown(row.succeeded_at),
        age=age,
        problem=row.problem,
        silent=age > LIMITS[row.kind] and (row.problem is not None or _is_behind(session, row)),
    )


def _is_behind(session: Session, row: AnchorState) -> bool:
    """A checkpoint that the anchor lacks is older than its limit: nobody hands them over."""
    oldest_allowed = moment(session).real - LIMITS[row.kind]
    lacking = select(Checkpoint.size).where(
        Checkpoint.site_id == site_of(session),
        Checkpoint.size > row.size,
        Checkpoint.at < oldest_allowed,
    )
    return session.execute(lacking.limit(1)).first() is not None


def cosignatures(session: Session, size: int) -> Sequence[Cosignature]:
    """Cosignatures of the checkpoint of that size, by witness."""
    return session.scalars(
        select(Cosignature)
        .where(Cosignature.site_id == site_of(session), Cosignature.size == size)
        .order_by(Cosignature.witness, Cosignature.key_hash)
    ).all()


def full_note(session: Session, checkpoint: Checkpoint) -> str:
    """The checkpoint as one C2SP signed note: the log's signature, then all cosignature lines.

    Equal to the stored note while no witness has cosigned it. The lines were verified before they
    were stored; whoever reads the note verifies them again.
    """
    lines = [row.line for row in cosignatures(session, checkpoint.size)]
    return checkpoint.note + "".join(lines)


def newest_cosigned(session: Session) -> Checkpoint | None:
    """The newest checkpoint that a witness has cosigned, None before the first."""
    return session.scalars(
        select(Checkpoint)
        .join(
            Cosignature,
            (Cosignature.size == Checkpoint.size) & (Cosignature.site_id == Checkpoint.site_id),
        )
        .where(Checkpoint.site_id == site_of(session))
        .order_by(Checkpoint.size.desc())
        .limit(1)
    ).first()


def store(session: Session, kind: type[Cosignature | TimestampToken], **told: Any) -> None:
    """Write what came back from outside, verified by the caller, beside its checkpoint.

    A row of the trail's own, like the checkpoint: what it proves stands in its signature.
    """
    row = {"id": new_id(), "site_id": site_of(session), "at": moment(session).real, **told}
    with writeguard.flushing(session):
        session.connection().execute(insert(kind), [row])


def log_is_late(session: Session) -> bool:
    """Whether an entry has waited more than `LATEST` for its place in the log: an alarm.

    The promise is one second; while it is broken nothing new is provable to anybody outside.
    """
    age = oldest_pending_age(session)
    return age is not None and age > LATEST
