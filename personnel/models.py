"""People and what they may do: heads for the person and the credential, facts for the rest.

Names in records are copied as at the time; nothing here is ever deleted or given to somebody else
(URS-IAM-010). Times of roles and qualifications are site time; those of credentials, sessions and
ceremonies are steady time, because a moved clock must not open a lock.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Fact, Head, Unaudited
from core.types import JsonText, UtcDateTime
from personnel.crypto import Sealed, cost_of

BADGE = String(40)
CODE = String(20)
KEY_ID = String(64)
SUBJECT = String(120)
ACTOR = String(80)


def _of_a_person() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["site_id", "badge"], ["person.site_id", "person.badge"], ondelete="RESTRICT"
    )


class Person(Head, Base):
    """One personal account. `badge_key` is the folded badge, so that JDOE is jdoe for ever.

    `natural_key` stands for the human being (a personnel number, folded); independence is tested
    on it.
    """

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("site_id", "badge"),
        UniqueConstraint("site_id", "badge_key"),
        Index("ix_person_natural", "site_id", "natural_key"),
        CheckConstraint("active = (deactivated_at IS NULL)", name="deactivated"),
    )
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"name", "active"})

    badge: Mapped[str] = mapped_column(BADGE)
    badge_key: Mapped[str] = mapped_column(BADGE)
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(12), default="en")
    natural_key: Mapped[str] = mapped_column(String(80))
    active: Mapped[bool] = mapped_column(default=True)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime())
    deactivated_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class RoleRequest(Fact, Base):
    """Somebody asks that a person gets a role; it gives nothing by itself (URS-IAM-040)."""

    __tablename__ = "role_request"
    __table_args__ = (
        _of_a_person(),
        CheckConstraint("until IS NULL OR until > starts_at", name="period"),
    )

    badge: Mapped[str] = mapped_column(BADGE)
    role: Mapped[str] = mapped_column(CODE)
    scope: Mapped[str] = mapped_column(String(200))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime())
    until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    reason: Mapped[str] = mapped_column(Text())
    requested_by: Mapped[str] = mapped_column(ACTOR)
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime())


class RoleGrant(Fact, Base):
    """A person holds a role from `starts_at` to `until` (site time), approved by another person."""

    __tablename__ = "role_grant"
    __table_args__ = (
        _of_a_person(),
        UniqueConstraint("site_id", "request_id"),
        Index("ix_role_grant_badge", "site_id", "badge"),
        CheckConstraint("until IS NULL OR until > starts_at", name="period"),
    )

    request_id: Mapped[UUID] = mapped_column(ForeignKey("role_request.id", ondelete="RESTRICT"))
    badge: Mapped[str] = mapped_column(BADGE)
    role: Mapped[str] = mapped_column(CODE)
    scope: Mapped[str] = mapped_column(String(200))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime())
    until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    requested_by: Mapped[str] = mapped_column(ACTOR)
    approved_by: Mapped[str] = mapped_column(ACTOR)
    approved_at: Mapped[datetime] = mapped_column(UtcDateTime())


class RoleEnd(Fact, Base):
    """A grant ended before its time."""

    __tablename__ = "role_end"
    __table_args__ = (UniqueConstraint("site_id", "grant_id"),)

    grant_id: Mapped[UUID] = mapped_column(ForeignKey("role_grant.id", ondelete="RESTRICT"))
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime())
    ended_by: Mapped[str] = mapped_column(ACTOR)
    reason: Mapped[str] = mapped_column(Text())


class Qualification(Fact, Base):
    """Training on a subject (``REC-0017 v3``, ``SOP-150``) with evidence; corrected by another."""

    __tablename__ = "qualification"
    __table_args__ = (
        _of_a_person(),
        UniqueConstraint("site_id", "supersedes_id"),
        Index("ix_qualification_badge", "site_id", "badge", "subject"),
        CheckConstraint("valid_until > valid_from", name="period"),
    )

    badge: Mapped[str] = mapped_column(BADGE)
    subject: Mapped[str] = mapped_column(SUBJECT)
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime())
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime())
    evidence: Mapped[str] = mapped_column(Text())
    recorded_by: Mapped[str] = mapped_column(ACTOR)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime())
    supersedes_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("qualification.id", ondelete="RESTRICT")
    )


class Undertaking(Fact, Base):
    """The person undertook that the electronic signature binds like a handwritten one.

    `digest` is that of the signed statement (Part 11, 11.100; URS-IAM-110).
    """

    __tablename__ = "undertaking"
    __table_args__ = (_of_a_person(), UniqueConstraint("site_id", "badge"))

    badge: Mapped[str] = mapped_column(BADGE)
    statement: Mapped[str] = mapped_column(Text())
    digest: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime())


class Credential(Head, Base):
    """What a person proves identity with. Nothing here can be turned back into a passphrase.

    `failed_count`, `locked_until`: wrong secrets in a row and the lock they caused (steady time).
    `secret_hash`: SHA-256 of a single-use secret that permits only to set a passphrase, given out
    by `issued_by`. Signing stays suspended until `confirmed_by`, another person, confirmed who
    enrolled `key_id` (URS-SIG-070).
    """

    __tablename__ = "credential"
    __table_args__ = (
        _of_a_person(),
        UniqueConstraint("site_id", "badge"),
        CheckConstraint("(secret_hash IS NULL) = (secret_until IS NULL)", name="secret"),
        CheckConstraint("(verifier_hash IS NULL) = (key_id IS NULL)", name="enrolled"),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="confirmed"),
    )
    __secret_columns__ = frozenset({"cost", "salt", "verifier_hash", "sealed_key", "secret_hash"})

    badge: Mapped[str] = mapped_column(BADGE)
    cost: Mapped[Any | None] = mapped_column(JsonText())
    salt: Mapped[bytes | None] = mapped_column(LargeBinary())
    verifier_hash: Mapped[bytes | None] = mapped_column(LargeBinary())
    sealed_key: Mapped[bytes | None] = mapped_column(LargeBinary())
    key_id: Mapped[str | None] = mapped_column(KEY_ID)
    failed_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    must_change: Mapped[bool] = mapped_column(default=False)
    secret_hash: Mapped[bytes | None] = mapped_column(LargeBinary())
    secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    issued_by: Mapped[str] = mapped_column(ACTOR)
    confirmed_by: Mapped[str | None] = mapped_column(ACTOR)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())

    def hold(self, sealed: Sealed) -> None:
        """Keep what a passphrase and its key were sealed to."""
        self.cost = sealed.cost.as_json()
        self.salt = sealed.salt
        self.verifier_hash = sealed.verifier_hash
        self.sealed_key = sealed.sealed_key
        self.key_id = sealed.key_id

    def sealed(self, public_key: bytes) -> Sealed | None:
        """What is kept, or None when nobody has enrolled."""
        if not (self.cost and self.salt and self.verifier_hash and self.sealed_key):
            return None
        return Sealed(
            cost=cost_of(self.cost),
            salt=self.salt,
            verifier_hash=self.verifier_hash,
            sealed_key=self.sealed_key,
            public_key=public_key,
        )

    def forget(self) -> None:
        """Take out everything that could prove or open anything."""
        self.cost = self.salt = self.verifier_hash = self.sealed_key = self.key_id = None
        self.secret_hash = self.secret_until = None
        self.confirmed_by = self.confirmed_at = None


class PublicKey(Fact, Base):
    """The public half of a personal key, kept for ever: old signatures verify (URS-SIG-100)."""

    __tablename__ = "public_key"
    __table_args__ = (_of_a_person(), UniqueConstraint("site_id", "key_id"))

    key_id: Mapped[str] = mapped_column(KEY_ID)
    badge: Mapped[str] = mapped_column(BADGE)
    algorithm: Mapped[str] = mapped_column(CODE, default="Ed25519")
    public_key: Mapped[str] = mapped_column(String(64))
    """32 bytes as hex."""
    valid_from: Mapped[datetime] = mapped_column(UtcDateTime())


class KeyRevocation(Fact, Base):
    """From this entry of the trail on, the key signs nothing new."""

    __tablename__ = "key_revocation"
    __table_args__ = (UniqueConstraint("site_id", "key_id"),)

    key_id: Mapped[str] = mapped_column(KEY_ID)
    revoked_at: Mapped[datetime] = mapped_column(UtcDateTime())
    reason: Mapped[str] = mapped_column(Text())


class LoginSession(Unaudited, Base):
    """A session of one person at one terminal; all times steady.

    `first_signing_done` falls back with each lock (URS-SIG-030).
    """

    __tablename__ = "login_session"
    __why_unaudited__ = "plumbing of the web; login, lock and logout are entries of their own"
    __table_args__ = (
        UniqueConstraint("site_id", "token_hash"),
        Index("ix_login_session_badge", "site_id", "badge"),
    )

    token_hash: Mapped[str] = mapped_column(String(64))
    badge: Mapped[str] = mapped_column(BADGE)
    terminal: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_activity_at: Mapped[datetime] = mapped_column(UtcDateTime())
    locked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    first_signing_done: Mapped[bool] = mapped_column(default=False)


class Ceremony(Unaudited, Base):
    """One confirmed wish to sign: single use, for one content and one meaning (URS-SIG-080)."""

    __tablename__ = "signing_ceremony"
    __why_unaudited__ = "single-use nonces; the signature or the failed attempt is in the trail"
    __table_args__ = (UniqueConstraint("site_id", "nonce"),)

    nonce: Mapped[str] = mapped_column(String(64))
    badge: Mapped[str] = mapped_column(BADGE)
    key_id: Mapped[str] = mapped_column(KEY_ID)
    digest: Mapped[str] = mapped_column(String(64))
    meaning: Mapped[str] = mapped_column(String(40))
    terminal: Mapped[str] = mapped_column(String(120))
    login_session_id: Mapped[UUID | None] = mapped_column()
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class TerminalTries(Unaudited, Base):
    """Wrong secrets from one terminal in the present window (steady time)."""

    __tablename__ = "terminal_tries"
    __why_unaudited__ = "throttle of guesses; each wrong secret is an entry of its own"
    __table_args__ = (UniqueConstraint("site_id", "terminal"),)

    terminal: Mapped[str] = mapped_column(String(120))
    window_start: Mapped[datetime] = mapped_column(UtcDateTime())
    failures: Mapped[int] = mapped_column(default=0)
