"""Requests that may come twice: first the key, then the work, then the answer, in one commit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.db import Base, Unaudited
from core.errors import Refusal
from core.types import JsonText, UtcDateTime, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request's identity: `scope` (person and route), the form's `key`, a `digest` of content."""

    scope: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Given:
    """The answer that the first request got (JSON)."""

    answer: Any


class IdempotencyKey(Unaudited, Base):
    """Answers already given."""

    __tablename__ = "idempotency_key"
    __why_unaudited__ = "remembers answers; the acts themselves are in the trail"
    __table_args__ = (UniqueConstraint("site_id", "scope", "key"),)

    scope: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    answer: Mapped[Any] = mapped_column(JsonText())
    at: Mapped[datetime] = mapped_column(UtcDateTime())


class KeyUsedOtherwise(Refusal):
    """The same form was already sent with other content (URS-SIG-080)."""

    rule = "request.replayed"


def answer_given(session: Session, once: Once) -> Given | None:
    """The earlier answer to this request; `KeyUsedOtherwise` when its content differs.

    Whoever sends the same request meanwhile waits here until this transaction has ended.
    """
    _queue_with_equals(session, once)
    row = session.scalars(
        select(IdempotencyKey).where(
            IdempotencyKey.scope == once.scope, IdempotencyKey.key == once.key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.digest != once.digest:
        raise KeyUsedOtherwise(
            "this form was already sent with other content", resolver="open the page again"
        )
    return Given(row.answer)


def _queue_with_equals(session: Session, once: Once) -> None:
    # On SQLite all writers queue already. The lock ends with the transaction; two keys that meet
    # in one hash only wait for each other.
    if session.get_bind().dialect.name == "postgresql":
        both = hashlib.sha256(to_json([once.scope, once.key]).encode()).digest()
        number = int.from_bytes(both[:8], "big", signed=True)
        session.execute(select(func.pg_advisory_xact_lock(number)))


def keep_answer(session: Session, once: Once, answer: Any) -> None:
    """Remember the answer with the work it belongs to."""
    session.add(
        IdempotencyKey(
            scope=once.scope,
            key=once.key,
            digest=once.digest,
            answer=answer,
            at=session.info["moment"].real,
        )
    )
