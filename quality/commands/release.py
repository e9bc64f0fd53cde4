"""The signed decision of the quality unit about a batch: released (bulk for packaging) or rejected.

The signature covers the snapshot of the record and every condition with its evidence (W8). Nobody
who took part in production decides, no service ever does (URS-REL-010, -030, -040). What it means
for batch and lots follows in the same transaction, by handlers on the events (URS-REL-060).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from audit.models import Signature
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr import gates
from ebr import queries as records
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from ebr.gates import Condition
from ebr.models import ProcedureRun
from personnel import permissions, signing
from personnel import queries as people
from personnel.errors import NotIndependent
from personnel.signing import Confirmation
from quality import evidence, queries
from quality.errors import AlreadyDecided, NotABatch, OtherRelease, TookPart
from quality.events import BatchRejected, BatchReleased
from quality.models import Decision, ReleaseDecision
from quality.queries import GATE, Snapshot

MEANING = {
    Decision.RELEASE_FOR_PACKAGING: "approved",
    Decision.RELEASE: "approved",
    Decision.REJECT: "rejected",
}
BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideBatch:
    """The decision about a batch and its reason; for a release, the statement that goes with it."""

    record: str
    decision: Decision
    reason: str


def decide_batch(
    session: Session,
    command: DecideBatch,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Release a batch (bulk: for packaging) or reject it.

    A release needs every condition of the gate ``release``; a rejection keeps them as they are.
    Raises NotPermitted, TookPart, GateClosed (naming each unmet condition), AlreadyDecided,
    NotABatch, OtherRelease, ReasonNeeded.
    """
    role = permissions.require(session, by, "release.decide")
    run = records.run_of(session, command.record)
    _refuse_unless_batch(run)
    refuse_who_took_part(session, run, by.id)
    _refuse_if_decided(session, run)
    _refuse_other_release(session, run, command.decision)
    words = record_rules.need_reason(command.reason, "the decision about a batch")
    found = _conditions(session, run, command.decision, by)
    stands = queries.snapshot(session, run.stream)
    shown = _content(run, command.decision, words, found, stands)
    with trail.act(
        session,
        "batch.decided",
        stream=Stream.parse(run.stream),
        by=by,
        object=run.number,
        reason=words,
        facts={"decision": command.decision.value},
    ) as act:
        sealed = None
        if not rehearsal:
            meaning = MEANING[command.decision]
            given = require_confirmation(signed_by, run.number, meaning)
            sealed = signing.seal(
                session, given, shown, meaning=meaning, role=role, reason=words, act=act
            )
            session.flush()
        session.add(_row(session, run, command.decision, words, found, stands, sealed, by, at))
        session.flush()
        _tell(session, run, command.decision, words, by, at)
    return shown


def refuse_who_took_part(session: Session, run: ProcedureRun, badge: str) -> None:
    """`TookPart` when the natural person performed, entered, verified or approved a step."""
    try:
        people.require_independent(session, badge, evidence.people_who_took_part(session, run))
    except NotIndependent as refusal:
        raise TookPart(
            f"{refusal.fact}; the decision about {run.number} is for somebody else",
            resolver=", ".join(_independent(session, run)) or "another person of the quality unit",
        ) from refusal


def _independent(session: Session, run: ProcedureRun) -> list[str]:
    involved = evidence.people_who_took_part(session, run)
    able = people.people_who_can(session, "release.decide")
    return [name for name in able if not any(name.endswith(f"({badge})") for badge in involved)]


def _refuse_unless_batch(run: ProcedureRun) -> None:
    if Stream.parse(run.stream).kind != BATCH:
        raise NotABatch(
            f"{run.number} is no batch",
            resolver="who opens it: choose a batch, other records are not released",
        )


def _refuse_if_decided(session: Session, run: ProcedureRun) -> None:
    standing = queries.standing_decision(session, run.stream)
    if standing is not None:
        raise AlreadyDecided(
            f"{run.number} was decided by {standing.by_name}: {standing.decision}",
            resolver="nobody, unless something new comes to light",
        )


def _refuse_other_release(session: Session, run: ProcedureRun, decision: Decision) -> None:
    fitting = queries.release_of(session, run)
    if decision not in (fitting, Decision.REJECT):
        packed = fitting is Decision.RELEASE
        fact = f"{run.number} is packed" if packed else f"{run.number} is not packed yet"
        raise OtherRelease(fact, resolver="the quality unit, with the other release")


def _conditions(
    session: Session, run: ProcedureRun, decision: Decision, by: Actor
) -> list[Condition]:
    if decision is not Decision.REJECT:
        return gates.require(session, GATE, record=run.stream, by=by.id)
    return gates.conditions(session, GATE, record=run.stream, by=by.id)


def _content(
    run: ProcedureRun,
    decision: Decision,
    reason: str,
    found: Sequence[Condition],
    stands: Snapshot,
) -> SignedContent:
    return SignedContent(
        record=run.stream,
        object=f"decision about {run.number}",
        version=stands.through,
        content={
            "kind": "release_decision",
            "record": run.number,
            "definition": f"{run.code} {run.version_label}",
            "definition_digest": run.file_digest,
            "decision": decision.value,
            "reason": reason,
            "through": stands.through,
            "through_sha256": stands.digest,
            "conditions": [asdict(condition) for condition in found],
        },
    )


def _row(
    session: Session,
    run: ProcedureRun,
    decision: Decision,
    reason: str,
    found: Sequence[Condition],
    stands: Snapshot,
    sealed: Signature | None,
    by: Actor,
    at: datetime,
) -> ReleaseDecision:
    last = queries.decision(session, run.stream)
    return ReleaseDecision(
        record=run.stream,
        ordinal=1 if last is None else last.ordinal + 1,
        decision=decision,
        reason=reason,
        conditions=[asdict(condition) for condition in found],
        through=stands.through,
        through_hash=stands.digest,
        at=at,
        by=by.id,
        by_name=by.name,
        signature_id=None if sealed is None else sealed.id,
    )


def _tell(
    session: Session, run: ProcedureRun, decision: Decision, reason: str, by: Actor, at: datetime
) -> None:
    record, number = run.stream, run.number
    if decision is Decision.REJECT:
        publish(session, BatchRejected(record=record, number=number, reason=reason, by=by, at=at))
        return
    packed = decision is Decision.RELEASE
    publish(
        session,
        BatchReleased(record=record, number=number, packed=packed, reason=reason, by=by, at=at),
    )
