"""Leaving the plan without a problem before: a step is left out, repeated or jumped to.

The supervisor proposes it at a step that is open, signed and with reason. That opens a critical
exception, which holds the batch and opens its deviation; nothing has moved yet. The quality unit
then lets it happen (`exceptions.release_exception`, which carries it out), or lets the batch go on
as the recipe says (`refuse_proposal`). There is no other way out of the plan (URS-DEV-020).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from core.actors import Actor
from ebr import goingon, queries, rules
from ebr.commands import exceptions, steps
from ebr.commands.exceptions import ExceptionReference
from ebr.context import StepContext
from ebr.errors import NothingToDecide, StepOutOfOrder
from ebr.models import RunState, StepState
from ebr.opening import open_step
from engine import detours
from engine.detours import Way
from engine.errors import NoSuchWay
from engine.lowering import DONE
from personnel import permissions, signing
from personnel.signing import Confirmation
from workflows.words import Severity

MEANING = "approved"
REFUSING = goingon.RELEASING[Severity.CRITICAL]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavePlan:
    """Leave an open step by one of its ways (`ways`) instead of performing it, and why."""

    record: str
    path: str
    way: str
    reason: str


def ways(context: StepContext) -> tuple[Way, ...]:
    """The ways on which a step could be left now; none once it is performed, or HELD, or ended."""
    step, run = context.step, context.run
    if run.state != RunState.RUNNING or step.state not in (StepState.READY, StepState.STARTED):
        return ()
    return detours.ways_from(context.session, context.stream, step.path, at=context.at)


def label(context: StepContext, way: Way) -> str:
    """What a way does, in words: the step is left out, or the flow goes on at another one."""
    if way.name == DONE:
        return f"leave out {context.spec.name}"
    return f"leave {context.spec.name} and go on at {way.label}"


def propose_unplanned(
    session: Session,
    plan: LeavePlan,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Propose to leave the plan at an open step: a critical exception holds the batch until the
    quality unit has decided.

    Raises NotPermitted, RunNotRunning, StepOutOfOrder, NoSuchWay, ReasonNeeded, SignatureNeeded.
    """
    context = open_step(session, plan.record, plan.path, by=by, at=at)
    permissions.require(session, by, goingon.PROPOSING)
    words = rules.need_reason(plan.reason, "leaving the plan of the recipe")
    chosen = _chosen(context, plan.way)
    proposal = {
        "way": chosen.name,
        "label": label(context, chosen),
        "reason": words,
        "by": by.id,
    }
    with trail.act(
        session,
        "unplanned.proposed",
        stream=context.stream,
        by=by,
        object=plan.path,
        reason=words,
    ) as act:
        case = context.raise_exception(
            goingon.UNPLANNED,
            Severity.CRITICAL,
            f"Not as the recipe says: {label(context, chosen)}",
            facts={"path": plan.path, goingon.PROPOSAL: proposal},
        )
        case.comment, case.commented_by = words, by.id
        session.flush()
        shown = exceptions.content_of(case, words, "way_proposed", proposal)
        if not rehearsal:
            given = steps.require_confirmation(signed_by, shown.object, MEANING)
            signing.seal(
                session, given, shown, meaning=MEANING, role=by.role, reason=words, act=act
            )
    return shown


def _chosen(context: StepContext, way: str) -> Way:
    step = context.step
    steps.refuse_unless_running(context.run)
    if step.state not in (StepState.READY, StepState.STARTED):
        raise StepOutOfOrder(
            f"{context.spec.name} is {step.state}", resolver="the steps that are open"
        )
    found = next((each for each in ways(context) if each.name == way), None)
    if found is None:
        raise NoSuchWay(f"there is no such way on: {way}", resolver="one of those offered")
    return found


def refuse_proposal(
    session: Session,
    exception: ExceptionReference,
    reason: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """The quality unit refuses what was proposed, signed: the batch goes on as the recipe says.

    The exception stays open for the review. Raises NotPermitted, NothingToDecide, ReasonNeeded.
    """
    run = queries.run_of(session, exception.record)
    case = queries.exception_of(session, run, exception.number)
    permissions.require(session, by, REFUSING)
    if not goingon.is_open_proposal(case) or run.state != RunState.HELD:
        raise NothingToDecide(
            f"exception {case.number} proposes nothing that waits for a decision",
            resolver="quality unit, in the review",
        )
    words = rules.need_reason(reason, "refusing a proposal")
    shown = exceptions.content_of(case, words, "proposal_refused")
    with exceptions.act_on(session, case, "exception.proposal_refused", by, words) as act:
        if not rehearsal:
            given = steps.require_confirmation(signed_by, shown.object, MEANING)
            signing.seal(
                session, given, shown, meaning=MEANING, role=by.role, reason=words, act=act
            )
        proposal = {**(goingon.proposal_of(case) or {}), "refused_by": by.id, "refused": words}
        case.facts = {**case.facts, goingon.PROPOSAL: proposal}
        case.released = True
        session.flush()
        exceptions.go_on(session, case, by=by, at=at)
    return shown
