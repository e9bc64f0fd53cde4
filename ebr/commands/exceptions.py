"""Exceptions: comment, let the flow go on, decide. They are never deleted (URS-DEV-010, -020)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from ebr import goingon, queries, rules
from ebr.commands import runs, steps
from ebr.errors import NothingToDecide, WayMissing
from ebr.models import ExceptionCase, ExceptionState, RunState
from engine.detours import Way
from engine.errors import NoSuchWay
from personnel import permissions, signing
from personnel import queries as people
from personnel.signing import Confirmation
from workflows.words import Severity

DECISIONS = ("accepted", "accepted_after_review", "not_accepted")
NEED_PERMISSION = goingon.RELEASING


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionReference:
    """An exception of a record, by its number in the record."""

    record: str
    number: int


def content_of(
    case: ExceptionCase, statement: str, decision: str, proposal: dict[str, Any] | None = None
) -> SignedContent:
    """What a signature on an exception covers; with the way that is proposed, or was."""
    return SignedContent(
        record=case.run.stream,
        object=f"exception {case.number}",
        version=case.version,
        content={
            "kind": "exception",
            "record": case.run.number,
            "number": case.number,
            "type": case.type,
            "severity": case.severity,
            "text": case.text,
            "decision": decision,
            "statement": statement,
            **_way(proposal or goingon.proposal_of(case)),
        },
    )


def _way(proposal: dict[str, Any] | None) -> dict[str, Any]:
    """The way that a decision about an exception of the flow carries out."""
    if proposal is None:
        return {}
    by = {"proposed_by": proposal["by"]} if "by" in proposal else {}
    return {"way": proposal["label"], "because": proposal["reason"], **by}


def comment_exception(
    session: Session, exception: ExceptionReference, text: str, *, by: Actor, at: datetime
) -> None:
    """Say what happened and what was done; needed for each exception before production review."""
    case = _case(session, exception)
    permissions.require(session, by, "exception.comment")
    if case.state == ExceptionState.DECIDED:
        raise NothingToDecide(
            f"exception {case.number} is decided",
            resolver="quality unit: write what is new into a deviation",
        )
    words = rules.need_reason(text, "a comment on an exception")
    with act_on(session, case, "exception.commented", by, words):
        case.comment, case.commented_by = words, by.id


def release_exception(
    session: Session,
    exception: ExceptionReference,
    reason: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Let the flow go on after a major (supervisor) or critical (quality unit) exception, signed.

    The exception stays open for the quality unit's review. A HELD batch restarts with its last
    unreleased critical exception.
    """
    case = _case(session, exception)
    if case.released:
        raise NothingToDecide(
            f"exception {case.number} does not hold the flow",
            resolver="nobody: go on with the open steps",
        )
    if case.run.ended_at is not None:
        raise NothingToDecide(
            f"{case.run.number} has ended: nothing is left to go on with",
            resolver="quality unit, in the review",
        )
    permissions.require(session, by, NEED_PERMISSION[Severity(case.severity)])
    _refuse_without_way(session, case, at)
    words = rules.need_reason(reason, "going on after an exception")
    shown = content_of(case, words, "go_on")
    with act_on(session, case, "exception.released", by, words) as act:
        if not rehearsal:
            _seal(session, signed_by, shown, "approved", by, act, words)
        case.released = True
        case.comment = case.comment or words
        case.commented_by = case.commented_by or by.id
        session.flush()
        go_on(session, case, by=by, at=at)
    return shown


def _refuse_without_way(session: Session, case: ExceptionCase, at: datetime) -> None:
    """Where the recipe leads nowhere, somebody must have said where to (URS-DEV-020)."""
    blockage = goingon.blockage_of(session, case.run, case, at=at)
    if goingon.is_dead_end(blockage):
        able = people.people_who_can(session, goingon.ENDING)
        raise WayMissing(
            f"exception {case.number}: the recipe leads nowhere from here;"
            f" {case.run.number} can only be stopped or aborted",
            resolver=", ".join(able) or "shift supervisor",
        )
    if goingon.needs_way(blockage) and goingon.proposal_of(case) is None:
        able = people.people_who_can(session, goingon.PROPOSING)
        raise WayMissing(
            f"exception {case.number}: nobody has said yet how {case.run.number} goes on",
            resolver=", ".join(able) or "shift supervisor",
        )


def propose_way(
    session: Session,
    exception: ExceptionReference,
    way: str,
    reason: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """The supervisor says, signed, by which way the flow leaves where the engine holds it.

    Nothing moves yet: the quality unit's decision about this exception carries it out. A later
    proposal replaces an earlier one; both stay in the trail. Raises NotPermitted, NothingToDecide,
    NoSuchWay, ReasonNeeded (URS-DEV-020).
    """
    permissions.require(session, by, goingon.PROPOSING)
    case = _case(session, exception)
    proposal = proposal_for(session, exception, way, reason, at=at)
    words = proposal["reason"]
    shown = content_of(case, words, "way_proposed", proposal)
    with act_on(session, case, "exception.way_proposed", by, words) as act:
        if not rehearsal:
            _seal(session, signed_by, shown, "approved", by, act, words)
        case.facts = {**case.facts, goingon.PROPOSAL: {**proposal, "by": by.id}}
        case.comment, case.commented_by = case.comment or words, case.commented_by or by.id
    return shown


def proposal_for(
    session: Session, exception: ExceptionReference, way: str, reason: str, *, at: datetime
) -> dict[str, Any]:
    """A proposal as it would be kept, by nobody yet; refuses like `propose_way`, whoever asks."""
    chosen = _chosen_way(session, _case(session, exception), way, at)
    words = rules.need_reason(reason, "a way that the recipe does not lead")
    return {"way": chosen.name, "label": _label(chosen), "reason": words}


def _chosen_way(session: Session, case: ExceptionCase, way: str, at: datetime) -> Way:
    blockage = goingon.blockage_of(session, case.run, case, at=at)
    if case.released or blockage is None:
        raise NothingToDecide(
            f"exception {case.number} is not about a place that holds {case.run.number} now",
            resolver="shift supervisor, at the exception that holds it now",
        )
    found = next((each for each in blockage.ways if each.name == way), None)
    if found is None:
        raise NoSuchWay(f"there is no such way on: {way}", resolver="one of those offered")
    return found


def _label(way: Way) -> str:
    return f"go on at {way.label}" if way.element else f"end {way.label} here"


def go_on(session: Session, case: ExceptionCase, *, by: Actor, at: datetime) -> None:
    """Restart the batch when this was the last exception that held it; else what waits moves."""
    run = case.run
    still = [
        other
        for other in queries.exceptions(session, run)
        if not other.released and other.severity == Severity.CRITICAL
    ]
    # A hold that a person has commanded stands until a person restarts the batch.
    by_exception = any(
        run.problem == other.text
        for other in queries.exceptions(session, run)
        if other.severity == Severity.CRITICAL
    )
    if run.state == RunState.HELD and by_exception and not still:
        runs.restart(session, run, reason=f"exception {case.number} released", by=by, at=at)
    else:
        steps.settle_held(session, run, by=by, at=at)


def decide_exception(
    session: Session,
    exception: ExceptionReference,
    decision: str,
    reason: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """The quality unit's decision in the review, signed, with reason; closes the exception."""
    case = _case(session, exception)
    permissions.require(session, by, "review.quality")
    if decision not in DECISIONS:
        raise NothingToDecide(f"{decision} is not a decision", resolver=", ".join(DECISIONS))
    if case.state != ExceptionState.OPEN:
        raise NothingToDecide(
            f"exception {case.number} is {case.state}",
            resolver="nobody: it needs no further decision",
        )
    words = rules.need_reason(reason, "the decision on an exception")
    shown = content_of(case, words, decision)
    with act_on(session, case, "exception.decided", by, words) as act:
        if not rehearsal:
            _seal(session, signed_by, shown, "reviewed", by, act, words)
        case.state = ExceptionState.DECIDED
        case.decision, case.decision_reason = decision, words
        case.decided_by, case.decided_at = by.id, at
    return shown


def _seal(
    session: Session,
    confirmation: Confirmation | None,
    shown: SignedContent,
    meaning: str,
    by: Actor,
    act: trail.Act,
    reason: str,
) -> None:
    given = steps.require_confirmation(confirmation, shown.object, meaning)
    signing.seal(session, given, shown, meaning=meaning, role=by.role, reason=reason, act=act)


def _case(session: Session, exception: ExceptionReference) -> ExceptionCase:
    run = queries.run_of(session, exception.record)
    return queries.exception_of(session, run, exception.number)


def act_on(
    session: Session, case: ExceptionCase, action: str, by: Actor, reason: str
) -> AbstractContextManager[trail.Act]:
    """An act on an exception, in the stream of its record."""
    return trail.act(
        session,
        action,
        stream=Stream.parse(case.run.stream),
        by=by,
        object=f"exception {case.number}",
        reason=reason,
    )
