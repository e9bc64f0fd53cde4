"""Reviews of a record: production's own, the quality unit's item by item, and the audit trail.

A review signs what it covered: numbers, counts, and the last entry of the record's stream. It is
stale as soon as a value is corrected or an exception appears (URS-REL-020, URS-REL-030).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit import canonical, trail
from audit.models import Signature
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from ebr import queries as records
from ebr import rules as record_rules
from ebr.commands.exceptions import ExceptionReference, decide_exception
from ebr.commands.steps import require_confirmation
from ebr.models import ExceptionState, ProcedureRun
from personnel import permissions, signing
from personnel.signing import Confirmation
from quality import evidence, queries
from quality.errors import ReviewIncomplete, ReviewNotOpen
from quality.models import AuditTrailReview, Review, ReviewedItem, ReviewKind, ReviewState
from quality.queries import Finding, Snapshot

PERMISSION = {
    ReviewKind.PRODUCTION: "review.production",
    ReviewKind.QUALITY: "review.quality",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDecision:
    """The quality unit's decision on one exception: one of `ebr.commands.exceptions.DECISIONS`."""

    record: str
    exception: int
    decision: str
    reason: str


def start_review(
    session: Session, record: str, kind: ReviewKind, *, by: Actor, at: datetime
) -> int:
    """Begin a review; it may begin while the batch runs. Answers its number within the record.

    An open review of that kind is gone on with. Raises NotPermitted.
    """
    permissions.require(session, by, PERMISSION[kind])
    run = records.run_of(session, record)
    last = queries.review(session, run.stream, kind)
    if last is not None and last.state == ReviewState.OPEN:
        return last.ordinal
    with _act(session, run, "review.started", by, kind.value):
        return open_review(session, run, kind, by=by, at=at).ordinal


def open_review(
    session: Session, run: ProcedureRun, kind: ReviewKind, *, by: Actor, at: datetime
) -> Review:
    """A new open review, inside the current act."""
    last = queries.review(session, run.stream, kind)
    made = Review(
        record=run.stream,
        kind=kind,
        ordinal=1 if last is None else last.ordinal + 1,
        state=ReviewState.OPEN,
        started_at=at,
        started_by=by.id,
    )
    session.add(made)
    session.flush()
    return made


def decide_item(
    session: Session,
    item: ItemDecision,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Decide one exception within the open quality review, signed ``reviewed``, with reason.

    Raises ReviewNotOpen, NothingToDecide, NotPermitted, ReasonNeeded.
    """
    run = records.run_of(session, item.record)
    review = _open(session, run, ReviewKind.QUALITY)
    with _act(session, run, "item.decided", by, f"exception {item.exception}"):
        shown = decide_exception(
            session,
            ExceptionReference(record=run.stream, number=item.exception),
            item.decision,
            item.reason,
            by=by,
            at=at,
            signed_by=signed_by,
            rehearsal=rehearsal,
        )
        session.add(
            ReviewedItem(
                review_id=review.id,
                exception=item.exception,
                decision=item.decision,
                reason=item.reason.strip(),
                at=at,
                by=by.id,
            )
        )
    return shown


def finish_review(
    session: Session,
    record: str,
    kind: ReviewKind,
    statement: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Sign that the review is finished (``reviewed``).

    Refused with ReviewIncomplete while an exception waits for a decision (quality) or for a comment
    (production), or a value was not judged by its limits.
    """
    role = permissions.require(session, by, PERMISSION[kind])
    run = records.run_of(session, record)
    review = _open(session, run, kind)
    words = record_rules.need_reason(statement, "the end of a review")
    require_complete(session, run, kind)
    stands = queries.snapshot(session, run.stream)
    shown = content_of_review(session, run, review, stands, words)
    with _act(session, run, "review.finished", by, f"{kind.value} review") as act:
        sealed = None
        if not rehearsal:
            given = require_confirmation(signed_by, shown.object, "reviewed")
            sealed = signing.seal(session, given, shown, meaning="reviewed", role=role, act=act)
            session.flush()
        close(review, stands, words, sealed, by=by, at=at)
    return shown


def close(
    review: Review,
    stands: Snapshot,
    statement: str,
    sealed: Signature | None,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Mark a review as signed over that state of the record, inside the current act."""
    review.state, review.statement = ReviewState.SIGNED, statement
    review.finished_at, review.finished_by, review.finished_by_name = at, by.id, by.name
    review.through, review.through_hash = stands.through, stands.digest
    review.stale_because = None
    review.signature_id = None if sealed is None else sealed.id


def require_complete(session: Session, run: ProcedureRun, kind: ReviewKind) -> None:
    """Nothing is left to comment or decide, and every value was judged; else ReviewIncomplete."""
    cases = records.exceptions(session, run)
    if kind is ReviewKind.PRODUCTION:
        missing = evidence.uncommented(cases)
        if missing:
            raise _incomplete("exceptions without comment", missing, "shift supervisor")
        return
    undecided = [case.number for case in cases if case.state == ExceptionState.OPEN]
    if undecided:
        raise _incomplete("exceptions not decided", undecided, "quality unit")
    not_judged = evidence.of_record(session, run).not_judged
    if not_judged:
        raise ReviewIncomplete(
            f"review by exception needs every value judged; not judged: {', '.join(not_judged)}",
            resolver="quality unit, by looking at the whole record",
        )


def _incomplete(what: str, numbers: Sequence[int], resolver: str) -> ReviewIncomplete:
    shown = ", ".join(str(number) for number in numbers)
    return ReviewIncomplete(f"{what}: {shown}", resolver=resolver)


def content_of_review(
    session: Session, run: ProcedureRun, review: Review, stands: Snapshot, statement: str
) -> SignedContent:
    """What the signature on a review covers: the counts and the exact state of the record."""
    facts = evidence.of_record(session, run)
    return SignedContent(
        record=run.stream,
        object=f"{review.kind} review {review.ordinal}",
        version=review.version,
        content={
            "kind": "review",
            "of": review.kind,
            "record": run.number,
            "through": stands.through,
            "through_sha256": stands.digest,
            "steps": facts.steps,
            "values_judged": facts.judged,
            "exceptions": facts.exceptions,
            "undecided": list(facts.undecided),
            "deviations_open": list(facts.open_deviations),
            "statement": statement,
        },
    )


def review_audit_trail(
    session: Session,
    record: str,
    conclusion: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Sign the review of a record's audit trail (``reviewed``) over the list that was shown.

    Anything but acts of review that follows makes it stale. Raises NotPermitted, ReasonNeeded.
    """
    role = permissions.require(session, by, "review.quality")
    run = records.run_of(session, record)
    words = record_rules.need_reason(conclusion, "the review of the audit trail")
    stands = queries.snapshot(session, run.stream)
    found = queries.findings(session, run.stream)
    shown = _content_of_trail(run, stands, found, words)
    last = queries.audit_trail_review(session, run.stream)
    with _act(session, run, "audit_trail.reviewed", by, "audit trail") as act:
        sealed = None
        if not rehearsal:
            given = require_confirmation(signed_by, shown.object, "reviewed")
            sealed = signing.seal(session, given, shown, meaning="reviewed", role=role, act=act)
            session.flush()
        session.add(
            AuditTrailReview(
                record=run.stream,
                ordinal=1 if last is None else last.ordinal + 1,
                through=stands.through,
                through_hash=stands.digest,
                findings=_by_kind(found),
                conclusion=words,
                at=at,
                by=by.id,
                by_name=by.name,
                signature_id=None if sealed is None else sealed.id,
            )
        )
    return shown


def _content_of_trail(
    run: ProcedureRun, stands: Snapshot, found: Sequence[Finding], conclusion: str
) -> SignedContent:
    lines = [{**asdict(line), "at": canonical.moment_text(line.at)} for line in found]
    return SignedContent(
        record=run.stream,
        object="audit trail",
        version=stands.through,
        content={
            "kind": "audit_trail_review",
            "record": run.number,
            "through": stands.through,
            "through_sha256": stands.digest,
            "findings": _by_kind(found),
            "lines_sha256": canonical.digest(lines),
            "conclusion": conclusion,
        },
    )


def _by_kind(found: Sequence[Finding]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for line in found:
        kinds.setdefault(line.kind.replace(" ", "_").lower(), []).append(line.entry)
    return kinds


def _open(session: Session, run: ProcedureRun, kind: ReviewKind) -> Review:
    found = queries.review(session, run.stream, kind)
    if found is None or found.state != ReviewState.OPEN:
        raise ReviewNotOpen(
            f"there is no open {kind.value} review of {run.number}",
            resolver="the reviewer, by starting one",
        )
    return found


def _act(session: Session, run: ProcedureRun, action: str, by: Actor, what: str) -> Any:
    return trail.act(session, action, stream=Stream.parse(run.stream), by=by, object=what)
