"""Samples and results, clearances, deviations, reviews, and the decision about a batch.

Facts are never changed; heads show where something stands. What a review or a decision covered is
kept as the number and hash of the last entry of the record's stream at that moment, so that
anybody can tell later what it was about (URS-REL-030, URS-REL-060).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base, Fact, Head
from core.types import ExactDecimal, JsonText, UtcDateTime

RECORD = String(120)
PATH = String(300)
PERSON = String(40)
HASH = String(64)


class Custody(StrEnum):
    """Who has a sample (211.84, 211.160)."""

    DRAWN = "drawn"
    """Still with the person who drew it."""
    HANDED_OVER = "handed_over"
    """Left at the agreed place, on its way to the laboratory."""
    RECEIVED = "received"
    EXAMINED = "examined"
    RETAINED = "retained"
    """Kept as reserve sample."""
    DISCARDED = "discarded"


class DeviationState(StrEnum):
    """Open until the quality unit has closed it; never deleted (URS-DEV-030)."""

    OPEN = "open"
    CLOSED = "closed"


class ReviewKind(StrEnum):
    """Whose review: production's own, before the quality unit's."""

    PRODUCTION = "production"
    QUALITY = "quality"


class ReviewState(StrEnum):
    """A review is open until its reviewer signs that it is finished."""

    OPEN = "open"
    SIGNED = "signed"


class Decision(StrEnum):
    """What the quality unit decides about the batch."""

    RELEASE_FOR_PACKAGING = "release_for_packaging"
    RELEASE = "release"
    """Of a packed batch; nobody packs it any more."""
    REJECT = "reject"


class Outcome(StrEnum):
    """What the quality unit decides about material in process (URS-EXE-120)."""

    RELEASED = "released"
    REJECTED = "rejected"


class DeviationSeries(Head, Base):
    """The next deviation number; a number is given once and never again."""

    __tablename__ = "deviation_series"
    __table_args__ = (UniqueConstraint("site_id", "prefix"),)

    prefix: Mapped[str] = mapped_column(String(12))
    next: Mapped[int]


class Sample(Head, Base):
    """A sample with its label number, from drawing to the end of its custody.

    `number` is ``B-2045-S1``: counted within the record. `quantity` in `unit` from each of
    `positions` places.
    """

    __tablename__ = "sample"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_sample_record", "site_id", "record"),
    )

    number: Mapped[str] = mapped_column(String(60))
    record: Mapped[str] = mapped_column(RECORD)
    step: Mapped[str] = mapped_column(PATH)
    step_key: Mapped[str] = mapped_column(String(40))
    plan: Mapped[str] = mapped_column(String(60))
    quantity: Mapped[Decimal] = mapped_column(ExactDecimal())
    unit: Mapped[str] = mapped_column(String(20))
    positions: Mapped[int]
    pooled: Mapped[bool]
    destined_for: Mapped[str | None] = mapped_column(String(40))
    custody: Mapped[str] = mapped_column(String(12))
    holder: Mapped[str] = mapped_column(PERSON)
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime())
    drawn_by: Mapped[str] = mapped_column(PERSON)


class SampleEvent(Fact, Base):
    """One step of the custody of a sample: who took it over, when, where."""

    __tablename__ = "sample_event"

    sample_id: Mapped[UUID] = mapped_column(ForeignKey("sample.id", ondelete="RESTRICT"))
    custody: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)
    by_name: Mapped[str] = mapped_column(String(120))
    place: Mapped[str | None] = mapped_column(String(60))


class TestResult(Fact, Base):
    """Ties the values of an in-process control to the sample that was examined (URS-EXE-120).

    The values themselves stand in the step; `verdict` is the outermost tier that any of them
    breached (``alert``, ``action``, ``registered``) or ``in``.
    """

    __test__: ClassVar[bool] = False
    __tablename__ = "test_result"
    __table_args__ = (Index("ix_test_result_record", "site_id", "record"),)

    record: Mapped[str] = mapped_column(RECORD)
    step: Mapped[str] = mapped_column(PATH)
    sample_id: Mapped[UUID | None] = mapped_column(ForeignKey("sample.id", ondelete="RESTRICT"))
    method: Mapped[str] = mapped_column(String(60))
    specimens: Mapped[int]
    verdict: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)


class Disposition(Fact, Base):
    """The quality unit's decision about material in process; a later one of the step supersedes."""

    __tablename__ = "disposition"
    __table_args__ = (UniqueConstraint("site_id", "record", "step", "ordinal"),)

    record: Mapped[str] = mapped_column(RECORD)
    step: Mapped[str] = mapped_column(PATH)
    ordinal: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)
    supersedes_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("disposition.id", ondelete="RESTRICT")
    )


class RoomClearance(Fact, Base):
    """A room was cleared for one record, by two people, and counts until `valid_until`."""

    __tablename__ = "room_clearance"
    __table_args__ = (
        UniqueConstraint("site_id", "room", "record", "ordinal"),
        Index("ix_room_clearance_record", "site_id", "record"),
    )

    room: Mapped[str] = mapped_column(String(20))
    record: Mapped[str] = mapped_column(RECORD)
    ordinal: Mapped[int]
    step: Mapped[str] = mapped_column(PATH)
    cleared_at: Mapped[datetime] = mapped_column(UtcDateTime())
    cleared_by: Mapped[str] = mapped_column(PERSON)
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime())


class Reclearing(Head, Base):
    """A room that is cleared again for the same record, outside the flow: performed by one person,
    counted from then on when a second one has verified."""

    __tablename__ = "reclearing"
    __table_args__ = (UniqueConstraint("site_id", "record", "room", "ordinal"),)

    record: Mapped[str] = mapped_column(RECORD)
    room: Mapped[str] = mapped_column(String(20))
    ordinal: Mapped[int]
    step: Mapped[str] = mapped_column(PATH)
    checks: Mapped[Any] = mapped_column(JsonText())
    """Codes of the confirmed points of the recipe's clearance."""
    performed_at: Mapped[datetime] = mapped_column(UtcDateTime())
    performed_by: Mapped[str] = mapped_column(PERSON)
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    verified_by: Mapped[str | None] = mapped_column(PERSON)
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )
    verification_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )


class Deviation(Head, Base):
    """A departure that must be investigated: opened by the system or by a person, closed by the
    quality unit with a reason, never deleted (URS-DEV-020, URS-DEV-030)."""

    __tablename__ = "deviation"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        UniqueConstraint("site_id", "record", "exception"),
    )
    __reasoned_fields__: ClassVar[frozenset[str]] = frozenset({"state"})

    number: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text())
    severity: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(String(10))
    record: Mapped[str | None] = mapped_column(RECORD)
    exception: Mapped[int | None]
    """Number of the exception within the record, when one led to it."""
    equipment: Mapped[str | None] = mapped_column(String(40))
    found_at: Mapped[datetime] = mapped_column(UtcDateTime())
    opened_by: Mapped[str] = mapped_column(PERSON)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    closed_by: Mapped[str | None] = mapped_column(PERSON)
    conclusion: Mapped[str | None] = mapped_column(Text())


class Review(Head, Base):
    """A review of one record; stale as soon as a value is corrected or an exception appears.

    `through` and `through_hash` name the last entry of the record's stream that it covered.
    """

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("site_id", "record", "kind", "ordinal"),)

    record: Mapped[str] = mapped_column(RECORD)
    kind: Mapped[str] = mapped_column(String(12))
    ordinal: Mapped[int]
    state: Mapped[str] = mapped_column(String(8))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime())
    started_by: Mapped[str] = mapped_column(PERSON)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    finished_by: Mapped[str | None] = mapped_column(PERSON)
    finished_by_name: Mapped[str | None] = mapped_column(String(120))
    statement: Mapped[str | None] = mapped_column(Text())
    through: Mapped[int | None]
    through_hash: Mapped[str | None] = mapped_column(HASH)
    stale_because: Mapped[str | None] = mapped_column(Text())
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )

    @property
    def counts(self) -> bool:
        """Signed, and nothing of what was reviewed has changed since."""
        return self.state == ReviewState.SIGNED and self.stale_because is None


class ReviewedItem(Fact, Base):
    """One exception that the reviewer looked at and decided."""

    __tablename__ = "reviewed_item"
    __table_args__ = (UniqueConstraint("site_id", "review_id", "exception"),)

    review_id: Mapped[UUID] = mapped_column(ForeignKey("review.id", ondelete="RESTRICT"))
    exception: Mapped[int]
    decision: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)

    review: Mapped[Review] = relationship(lazy="joined")


class AuditTrailReview(Fact, Base):
    """The quality unit has reviewed the audit trail of a record up to entry `through`.

    `findings` holds the numbers of the entries on the list that was shown, by kind.
    """

    __tablename__ = "audit_trail_review"
    __table_args__ = (UniqueConstraint("site_id", "record", "ordinal"),)

    record: Mapped[str] = mapped_column(RECORD)
    ordinal: Mapped[int]
    through: Mapped[int]
    through_hash: Mapped[str] = mapped_column(HASH)
    findings: Mapped[Any] = mapped_column(JsonText())
    conclusion: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)
    by_name: Mapped[str] = mapped_column(String(120))
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )


class SelectionReview(Fact, Base):
    """The quality unit has reviewed what a question to the whole trail found (URS-AUD-110).

    `question` as `audit.search.Question.as_json`, asked of the first `through` entries of the log,
    whose root is `root`; `selected` entries were found, `selected_sha256` is over their leaf hashes
    in the order of the log; `ranks` counts the critical and major ones by the rules of version
    `rules`.
    """

    __tablename__ = "selection_review"
    __table_args__ = (UniqueConstraint("site_id", "ordinal"),)

    ordinal: Mapped[int]
    question: Mapped[Any] = mapped_column(JsonText())
    through: Mapped[int] = mapped_column(BigInteger())
    root: Mapped[str] = mapped_column(HASH)
    selected: Mapped[int] = mapped_column(BigInteger())
    selected_sha256: Mapped[str] = mapped_column(HASH)
    ranks: Mapped[Any] = mapped_column(JsonText())
    rules: Mapped[int]
    findings: Mapped[str] = mapped_column(Text())
    conclusion: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)
    by_name: Mapped[str] = mapped_column(String(120))
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )


class ReleaseDecision(Fact, Base):
    """The signed decision about a batch, with every condition and its evidence at that moment.

    `through` and `through_hash` are the snapshot that the signature covers.
    """

    __tablename__ = "release_decision"
    __table_args__ = (UniqueConstraint("site_id", "record", "ordinal"),)

    record: Mapped[str] = mapped_column(RECORD)
    ordinal: Mapped[int]
    decision: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text())
    conditions: Mapped[Any] = mapped_column(JsonText())
    through: Mapped[int]
    through_hash: Mapped[str] = mapped_column(HASH)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)
    by_name: Mapped[str] = mapped_column(String(120))
    signature_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("signature.id", ondelete="RESTRICT")
    )


class DecisionVoided(Fact, Base):
    """Something came to light after the decision: it no longer counts, the batch is under
    reassessment (URS-REL-060)."""

    __tablename__ = "decision_voided"
    __table_args__ = (UniqueConstraint("site_id", "decision_id"),)

    decision_id: Mapped[UUID] = mapped_column(
        ForeignKey("release_decision.id", ondelete="RESTRICT")
    )
    because: Mapped[str] = mapped_column(Text())
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    by: Mapped[str] = mapped_column(PERSON)
