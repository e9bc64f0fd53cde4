"""Reads of quality: deviations, samples, clearances, reviews, decisions, the list of findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import chain
from audit.models import Entry
from core.db import site_of
from ebr import gates
from ebr import queries as records
from ebr.gates import Condition
from ebr.models import Grade, ParameterValue, ProcedureRun, StepRecord
from quality import rules
from quality.errors import NoSuchDeviation, NoSuchSample
from quality.models import (
    AuditTrailReview,
    Decision,
    DecisionVoided,
    Deviation,
    DeviationState,
    Disposition,
    Reclearing,
    ReleaseDecision,
    Review,
    ReviewedItem,
    ReviewKind,
    RoomClearance,
    Sample,
    SampleEvent,
    TestResult,
)
from quality.rules import ReviewFacts
from workflows import queries as definitions

GATE = "release"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a record's stream: number and hash of its last committed entry."""

    through: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the list that the reviewer of the audit trail is shown first.

    `entry` is the number in the record's stream; 0 for a value found by its grade.
    """

    kind: str
    entry: int
    at: datetime
    who: str
    where: str
    what: str


def snapshot(session: Session, record: str) -> Snapshot:
    """Where the record's stream stands now."""
    number, digest = chain.head(session, record)
    return Snapshot(number, digest or "")


def release_conditions(session: Session, record: str, *, by: str | None = None) -> list[Condition]:
    """Every condition of a release with its evidence, for W8; `by` is the badge of who decides.

    The same checks run inside the decision itself; a screen never knows better than the gate.
    """
    run = records.run_of(session, record)
    return gates.conditions(session, GATE, record=run.stream, by=by)


def deviation(session: Session, number: str) -> Deviation:
    """The deviation of that number. Raises NoSuchDeviation."""
    found = session.scalars(select(Deviation).where(Deviation.number == number)).one_or_none()
    if found is None:
        raise NoSuchDeviation(f"there is no deviation {number}", resolver="the deviation list")
    return found


def deviations(
    session: Session, *, record: str | None = None, state: DeviationState | None = None
) -> list[Deviation]:
    """Deviations by number, of one record or in one state if given."""
    query = select(Deviation).order_by(Deviation.number)
    if record is not None:
        query = query.where(Deviation.record == record)
    if state is not None:
        query = query.where(Deviation.state == state)
    return list(session.scalars(query))


def deviation_of_exception(session: Session, record: str, number: int) -> Deviation | None:
    """The deviation that an exception led to, or None."""
    return session.scalars(
        select(Deviation).where(Deviation.record == record, Deviation.exception == number)
    ).one_or_none()


def is_settled(session: Session, equipment: str) -> bool:
    """Whether the quality unit has closed every deviation of a unit, and there was one."""
    states = set(session.scalars(select(Deviation.state).where(Deviation.equipment == equipment)))
    return states == {DeviationState.CLOSED.value}


def sample(session: Session, number: str) -> Sample:
    """The sample with this label number. Raises NoSuchSample."""
    found = session.scalars(select(Sample).where(Sample.number == number)).one_or_none()
    if found is None:
        raise NoSuchSample(f"there is no sample {number}", resolver="the person who drew it")
    return found


def samples(session: Session, record: str) -> list[Sample]:
    """Samples of a record in the order they were drawn."""
    return list(
        session.scalars(
            select(Sample).where(Sample.record == record).order_by(Sample.drawn_at, Sample.id)
        )
    )


def last_sample(session: Session, record: str, step_key: str) -> Sample | None:
    """The last sample that was drawn at a step of the recipe."""
    return session.scalars(
        select(Sample)
        .where(Sample.record == record, Sample.step_key == step_key)
        .order_by(Sample.drawn_at.desc(), Sample.id.desc())
        .limit(1)
    ).one_or_none()


def custody(session: Session, found: Sample) -> list[SampleEvent]:
    """The custody of a sample, oldest first."""
    return list(
        session.scalars(
            select(SampleEvent)
            .where(SampleEvent.sample_id == found.id)
            .order_by(SampleEvent.at, SampleEvent.id)
        )
    )


def results(session: Session, record: str) -> list[TestResult]:
    """Results of the in-process controls of a record, oldest first."""
    return list(
        session.scalars(
            select(TestResult).where(TestResult.record == record).order_by(TestResult.id)
        )
    )


def dispositions(session: Session, record: str) -> list[Disposition]:
    """Decisions about material in process, superseded ones included, oldest first."""
    return list(
        session.scalars(
            select(Disposition).where(Disposition.record == record).order_by(Disposition.id)
        )
    )


def last_disposition(session: Session, record: str, step: str) -> Disposition | None:
    """The decision in force about the material of a step."""
    return session.scalars(
        select(Disposition)
        .where(Disposition.record == record, Disposition.step == step)
        .order_by(Disposition.ordinal.desc())
        .limit(1)
    ).one_or_none()


def clearance(session: Session, room: str, record: str) -> RoomClearance | None:
    """The last clearance of a room for a record, valid or not."""
    return session.scalars(
        select(RoomClearance)
        .where(RoomClearance.room == room, RoomClearance.record == record)
        .order_by(RoomClearance.ordinal.desc())
        .limit(1)
    ).one_or_none()


def last_clearance(session: Session, room: str) -> RoomClearance | None:
    """The last clearance of a room for whatever record."""
    return session.scalars(
        select(RoomClearance)
        .where(RoomClearance.room == room)
        .order_by(RoomClearance.cleared_at.desc(), RoomClearance.id.desc())
        .limit(1)
    ).one_or_none()


def reclearing(session: Session, room: str, record: str) -> Reclearing | None:
    """The last time a room was cleared again for a record, verified or not."""
    return session.scalars(
        select(Reclearing)
        .where(Reclearing.room == room, Reclearing.record == record)
        .order_by(Reclearing.ordinal.desc())
        .limit(1)
    ).one_or_none()


def review(session: Session, record: str, kind: ReviewKind) -> Review | None:
    """The last review of a record of that kind."""
    return session.scalars(
        select(Review)
        .where(Review.record == record, Review.kind == kind)
        .order_by(Review.ordinal.desc())
        .limit(1)
    ).one_or_none()


def reviews(session: Session, record: str) -> list[Review]:
    """All reviews of a record, oldest first."""
    return list(session.scalars(select(Review).where(Review.record == record).order_by(Review.id)))


def reviewed_items(session: Session, found: Review) -> list[ReviewedItem]:
    """What was decided in a review, in order."""
    return list(
        session.scalars(
            select(ReviewedItem)
            .where(ReviewedItem.review_id == found.id)
            .order_by(ReviewedItem.exception)
        )
    )


def audit_trail_review(session: Session, record: str) -> AuditTrailReview | None:
    """The last review of a record's audit trail."""
    return session.scalars(
        select(AuditTrailReview)
        .where(AuditTrailReview.record == record)
        .order_by(AuditTrailReview.ordinal.desc())
        .limit(1)
    ).one_or_none()


def release_of(session: Session, run: ProcedureRun) -> Decision:
    """How a batch is released: one whose formula holds its own packaging was packed by it, any
    other is released for packaging."""
    header = definitions.load(session, run.file_digest).header
    formula = {item.code for item in header.ingredients}
    packed = any(part.code in formula for part in header.packaging)
    return Decision.RELEASE if packed else Decision.RELEASE_FOR_PACKAGING


def decision(session: Session, record: str) -> ReleaseDecision | None:
    """The last decision about a batch, standing or void."""
    return session.scalars(
        select(ReleaseDecision)
        .where(ReleaseDecision.record == record)
        .order_by(ReleaseDecision.ordinal.desc())
        .limit(1)
    ).one_or_none()


def voided(session: Session, found: ReleaseDecision) -> DecisionVoided | None:
    """Why a decision counts no longer, or None while it stands."""
    return session.scalars(
        select(DecisionVoided).where(DecisionVoided.decision_id == found.id)
    ).one_or_none()


def standing_decision(session: Session, record: str) -> ReleaseDecision | None:
    """The decision that counts now, or None."""
    found = decision(session, record)
    return None if found is None or voided(session, found) is not None else found


def review_facts(found: Review | None) -> ReviewFacts:
    """A review as the release looks at it."""
    if found is None:
        return ReviewFacts()
    if found.stale_because is not None:
        return ReviewFacts(state="stale", detail=found.stale_because)
    if not found.counts:
        return ReviewFacts(state="open")
    return ReviewFacts(
        state="signed", detail=f"by {found.finished_by_name} through entry {found.through}"
    )


def audit_trail_facts(session: Session, record: str) -> ReviewFacts:
    """Whether the last review of the audit trail still covers everything that matters."""
    found = audit_trail_review(session, record)
    if found is None:
        return ReviewFacts()
    return trail_review_facts(found, _actions(session, record, found.through))


def trail_review_facts(found: AuditTrailReview, later: Iterable[tuple[int, str]]) -> ReviewFacts:
    """A review of the audit trail by what came `later`: number and action of each entry."""
    stale = rules.first_stale(later)
    if stale is not None:
        return ReviewFacts(state="stale", detail=f"entry {stale} came after it")
    return ReviewFacts(state="signed", detail=f"by {found.by_name} through entry {found.through}")


def _actions(session: Session, record: str, after: int) -> Sequence[tuple[int, str]]:
    rows = session.execute(
        select(Entry.rseq, Entry.action)
        .where(Entry.site_id == site_of(session), Entry.rec == record, Entry.rseq > after)
        .order_by(Entry.rseq)
    )
    return [(number, action) for number, action in rows]


def findings(session: Session, record: str) -> list[Finding]:
    """What a reviewer of the audit trail looks at first: corrections, refused attempts, gaps,
    HELD batches, and values typed instead of read. Everything else is one click away."""
    run = records.run_of(session, record)
    entries = session.scalars(
        select(Entry)
        .where(
            Entry.site_id == run.site_id,
            Entry.rec == run.stream,
            Entry.action.in_(rules.FINDINGS),
        )
        .order_by(Entry.rseq)
    )
    query = select(StepRecord.path, StepRecord.key).where(StepRecord.run_id == run.id)
    steps = {row.path: row.key for row in session.execute(query)}
    return [_from_entry(entry, steps) for entry in entries] + _manual_values(session, run)


def _from_entry(entry: Entry, steps: Mapping[str, str]) -> Finding:
    data = entry.data
    facts: dict[str, Any] = data["facts"]
    told = facts.get("fact") or "; ".join(
        f"{name} {facts[name]}" for name in ("parameter", "old", "new") if name in facts
    )
    reason = data["reason"]
    return Finding(
        kind=rules.FINDINGS[entry.action],
        entry=entry.rseq,
        at=entry.at,
        who=data["actor"]["name"],
        where=entry.object,
        what="; ".join(part for part in (told, reason) if part) or _about(entry, facts, steps),
    )


def _about(entry: Entry, facts: Mapping[str, Any], steps: Mapping[str, str]) -> str:
    """What an entry without words concerns: machine and step, or the hold time by its name."""
    where = steps.get(entry.object) or entry.object.replace("_", " ")
    return ", ".join(part for part in (facts.get("device"), where) if part)


def _manual_values(session: Session, run: ProcedureRun) -> list[Finding]:
    rows = session.execute(
        select(ParameterValue, StepRecord.path)
        .join(StepRecord, StepRecord.id == ParameterValue.step_id)
        .where(StepRecord.run_id == run.id, ParameterValue.grade == Grade.MANUAL_FOR_DEVICE.value)
        .order_by(ParameterValue.recorded_at, ParameterValue.id)
    )
    return [
        Finding(
            kind="manual entry",
            entry=0,
            at=value.recorded_at,
            who=value.recorded_by,
            where=path,
            what=f"{value.code} {value.text} {value.unit or ''}; {value.reason or ''}".strip(),
        )
        for value, path in rows
    ]
