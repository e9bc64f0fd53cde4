"""Words of people at a step: a comment, an exception that somebody reports, a refusal to verify."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from ebr import content, rules
from ebr.commands import steps
from ebr.commands.steps import StepOutcome, StepReference
from ebr.errors import StepOutOfOrder
from ebr.opening import open_step
from personnel import permissions, signing
from personnel import queries as people
from personnel.signing import Confirmation
from workflows.words import Severity

REJECTED = "rejected"


def comment_step(
    session: Session, step: StepReference, text: str, *, by: Actor, at: datetime
) -> None:
    """Keep a comment with the step; possible at any time while the record is open."""
    context = open_step(session, step.record, step.path, by=by, at=at)
    permissions.require(session, by, "exception.comment")
    words = rules.need_reason(text, "a comment")
    with trail.act(session, "step.commented", stream=context.stream, by=by, object=step.path):
        steps.add_remark(context, words)


def report_exception(
    session: Session,
    step: StepReference,
    severity: Severity,
    text: str,
    *,
    by: Actor,
    at: datetime,
) -> int:
    """Somebody saw what the system cannot see; answers the exception's number (URS-DEV-010).

    Major holds the next step, critical holds the batch, like the system's own exceptions.
    """
    context = open_step(session, step.record, step.path, by=by, at=at)
    permissions.require(session, by, "exception.raise")
    words = rules.need_reason(text, "an exception")
    with trail.act(session, "exception.reported", stream=context.stream, by=by, object=step.path):
        case = context.raise_exception("reported", severity, words, facts={"reported_by": by.id})
    return case.number


def disagree(
    session: Session,
    step: StepReference,
    part: str,
    reason: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> StepOutcome:
    """The person who should verify or approve refuses, signed, with reason (URS-SIG-020).

    The step keeps waiting for its signature; a major exception holds what follows until the value
    is corrected or the supervisor has decided. Raises StepOutOfOrder, NotIndependent, ReasonNeeded.
    """
    context = open_step(session, step.record, step.path, by=by, at=at)
    if context.step.revision != step.revision:
        raise steps.changed(context)
    missing = steps.parts_missing(context)
    if part not in missing[:1]:
        raise StepOutOfOrder(
            f"{context.spec.name} does not wait for a {part}",
            resolver=f"next: {missing[0]}" if missing else "nobody: it is signed",
        )
    steps.require_able(context, by, rules.role_of(context.spec.signature, part, context.spec.role))
    people.require_independent(session, by.id, filter(None, [context.step.performed_by]))
    words = rules.need_reason(reason, "disagreeing")
    with trail.act(
        session, "step.disagreed", stream=context.stream, by=by, object=step.path, reason=words
    ) as act:
        shown = content.of_step(context)
        if not rehearsal:
            given = steps.require_confirmation(signed_by, context.spec.name, REJECTED)
            signing.seal(
                session, given, shown, meaning=REJECTED, role=by.role, reason=words, act=act
            )
        context.raise_exception(
            "not_verified",
            Severity.MAJOR,
            f"{by.name} did not agree with {context.spec.name}: {words}",
            facts={"part": part, "by": by.id},
        )
    return steps.outcome_of(context, shown)
