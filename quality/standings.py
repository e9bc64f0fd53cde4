"""How far every record has come, for lists: whatever their number, in the same few queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from audit.models import Entry
from core.db import site_of
from ebr.models import ExceptionCase, ExceptionState
from quality import queries
from quality.models import (
    AuditTrailReview,
    DecisionVoided,
    ReleaseDecision,
    Review,
    ReviewKind,
)
from quality.rules import ReviewFacts

NONE = ReviewFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One record: its review by quality, that of its audit trail, the decision that counts."""

    review: ReviewFacts = NONE
    trail: ReviewFacts = NONE
    decision: ReleaseDecision | None = None


def standings(session: Session) -> Mapping[str, Standing]:
    """Every record that was reviewed or decided about; any other one stands at `Standing()`."""
    reviews, trails, decisions = _reviews(session), _trails(session), _decisions(session)
    return {
        record: Standing(
            review=queries.review_facts(reviews.get(record)),
            trail=trails.get(record, NONE),
            decision=decisions.get(record),
        )
        for record in {*reviews, *trails, *decisions}
    }


def open_exceptions(session: Session) -> Mapping[UUID, int]:
    """How many exceptions still need a decision, by run; none of a run that is not named."""
    rows = session.execute(
        select(ExceptionCase.run_id, func.count())
        .where(
            ExceptionCase.site_id == site_of(session), ExceptionCase.state == ExceptionState.OPEN
        )
        .group_by(ExceptionCase.run_id)
    )
    return {row[0]: row[1] for row in rows}


def _reviews(session: Session) -> dict[str, Review]:
    rows = session.scalars(
        select(Review)
        .where(Review.site_id == site_of(session), Review.kind == ReviewKind.QUALITY)
        .order_by(Review.ordinal)
    )
    return {row.record: row for row in rows}


def _trails(session: Session) -> dict[str, ReviewFacts]:
    rows = session.scalars(
        select(AuditTrailReview)
        .where(AuditTrailReview.site_id == site_of(session))
        .order_by(AuditTrailReview.ordinal)
    )
    latest = {row.record: row for row in rows}
    later = _later_actions(session)
    return {
        record: queries.trail_review_facts(row, later.get(row.id, []))
        for record, row in latest.items()
    }


def _later_actions(session: Session) -> dict[UUID, list[tuple[int, str]]]:
    """Number and action of the entries behind each review of an audit trail, in order."""
    behind = and_(
        Entry.site_id == AuditTrailReview.site_id,
        Entry.rec == AuditTrailReview.record,
        Entry.rseq > AuditTrailReview.through,
    )
    rows = session.execute(
        select(AuditTrailReview.id, Entry.rseq, Entry.action)
        .join(Entry, behind)
        .where(AuditTrailReview.site_id == site_of(session))
        .order_by(Entry.rseq)
    )
    found: dict[UUID, list[tuple[int, str]]] = {}
    for review, number, action in rows:
        found.setdefault(review, []).append((number, action))
    return found


def _decisions(session: Session) -> dict[str, ReleaseDecision]:
    site = site_of(session)
    void = set(
        session.scalars(select(DecisionVoided.decision_id).where(DecisionVoided.site_id == site))
    )
    rows = session.scalars(
        select(ReleaseDecision)
        .where(ReleaseDecision.site_id == site)
        .order_by(ReleaseDecision.ordinal)
    )
    latest = {row.record: row for row in rows}
    return {record: row for record, row in latest.items() if row.id not in void}
