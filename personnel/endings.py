"""What ends at once when a right is lost: sessions, half-finished signings, the key."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.house import moment
from personnel import queries
from personnel.models import KeyRevocation, LoginSession


def end_sessions(session: Session, badge: str) -> int:
    """End all sessions of the person; answers how many were open."""
    rows = session.scalars(
        select(LoginSession).where(LoginSession.badge == badge, LoginSession.ended_at.is_(None))
    ).all()
    for row in rows:
        row.ended_at = moment(session).steady
    return len(rows)


def revoke_key(session: Session, badge: str, *, reason: str) -> None:
    """Revoke the person's key and forget how to open it; old signatures stay valid.

    Stands inside the act of the caller. Confirmations that hold the opened key die with it,
    because sealing compares key ids.
    """
    credential = queries.credential_of(session, badge, lock=True)
    if credential is None:
        return
    if credential.key_id is not None:
        revocation = KeyRevocation(
            key_id=credential.key_id, revoked_at=moment(session).site, reason=reason
        )
        session.add(revocation)
    credential.forget()
