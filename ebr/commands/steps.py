"""Acts on a step: start, perform, verify, confirm, approve; and moving on when all is there.

Order is enforced here and in the engine: only a step that the flow has reached can be acted on,
only after what comes before it (URS-EXE-010, -040). A signature is sealed in the transaction of
the act it belongs to, over exactly the content that was rehearsed and shown (feature C6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.models import Signature
from audit.signatures import SignedContent
from core.actors import Actor, ActorKind
from core.events import publish
from ebr import content, gates, holds, intervals, overtime, queries, rules
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import (
    NotQualified,
    RunNotRunning,
    SignatureNeeded,
    StepChanged,
    StepOutOfOrder,
    WrongRole,
)
from ebr.events import StepCompleted
from ebr.kinds.base import kind_of
from ebr.measuring import with_readings
from ebr.models import ProcedureRun, Remark, RunState, StepRecord, StepSignature, StepState
from ebr.opening import context_of, open_step
from ebr.routes import elements_after
from engine import commands as engine
from personnel import permissions, signing
from personnel import queries as people
from personnel.signing import Confirmation
from workflows.words import Occasion, Severity, Since

SIGNED = {
    "performer": "step.signed_again",
    "verifier": "step.verified",
    "confirmer": "step.confirmed",
    "approver": "step.approved",
}
"""Actions by part; a performer signs apart only after the correction of an earlier step."""
VERIFYING = "step.verify"
START_GATE = "step.start"
"""The gate that every step passes when it begins, besides those that the recipe names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReference:
    """A step of a record, and the revision that the person was shown."""

    record: str
    path: str
    revision: int = 1


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What an act on a step led to; `shown` is the content that its signature covers."""

    state: str
    shown: SignedContent
    exceptions: tuple[tuple[int, str, str], ...]
    """Number, severity and text of the exceptions open at this step."""


def start_step(session: Session, step: StepReference, *, by: Actor, at: datetime) -> str:
    """Begin with a step. Raises NotQualified, WrongRole, StepOutOfOrder, RunNotRunning, gates."""
    context = open_step(session, step.record, step.path, by=by, at=at)
    _refuse_unless(context, StepState.READY)
    require_able(context, by, context.spec.role)
    with trail.act(session, "step.started", stream=context.stream, by=by, object=step.path):
        begin(context)
    return context.step.state


def start_step_automatically(
    session: Session, step: StepReference, *, by: Actor, at: datetime
) -> str:
    """The system begins with an automatic step of the recipe."""
    context = open_step(session, step.record, step.path, by=by, at=at)
    _refuse_unless(context, StepState.READY)
    _refuse_unless_automatic(context)
    with trail.act(session, "step.started", stream=context.stream, by=by, object=step.path):
        begin(context)
    return context.step.state


def begin(context: StepContext) -> None:
    """Mark as started and let the kind do what starting means, inside the current act."""
    for gate in (START_GATE, *(gate.name for gate in context.spec.gates)):
        gates.require(context.session, gate, record=context.run.stream, step=context.step.path)
    intervals.require_startable(context)
    context.step.state = StepState.STARTED
    context.step.started_at = context.at
    context.step.started_by = context.by.id
    holds.end_named(context)
    intervals.end_counting(context)
    intervals.start_counting(context, Since.START)
    overtime.watch_maximum(context)
    kind_of(context.session, context.spec.kind).start(context)


def perform_step(
    session: Session,
    step: StepReference,
    entry: Entry,
    *,
    by: Actor,
    at: datetime,
    readings: dict[str, list[UUID]] | None = None,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> StepOutcome:
    """Record what a step asks and sign it; values outside limits are kept and raise exceptions.

    A step that is still ready is started by the same act. `readings` are device readings taken
    before, by parameter code. Refusals change nothing.
    """
    context = open_step(session, step.record, step.path, by=by, at=at)
    _refuse_unless(context, StepState.READY, StepState.STARTED)
    _refuse_if_changed(context, step)
    if by.kind is ActorKind.PERSON:
        require_able(context, by, context.spec.role)
    else:
        _refuse_unless_automatic(context)
    with trail.act(
        session, "step.performed", stream=context.stream, by=by, object=step.path
    ) as act:
        if context.step.state == StepState.READY:
            begin(context)
        _record(context, with_readings(context, entry, readings or {}))
        shown = content.of_step(context)
        if not rehearsal:
            sign_as_performer(context, signed_by, shown, act)
        settle(context)
    return outcome_of(context, shown)


def _record(context: StepContext, entry: Entry) -> None:
    intervals.require_performable(context)
    kind_of(context.session, context.spec.kind).record(context, entry)
    if entry.comment.strip():
        add_remark(context, entry.comment.strip())
    overtime.note_when_over(context)
    context.step.state = StepState.PERFORMED
    context.step.performed_at = context.at
    context.step.performed_by = context.by.id
    intervals.start_counting(context, Since.END)
    for policy in context.policy_for(Occasion.PERFORMED):
        context.raise_exception("performed", policy.severity, f"{context.spec.name} was necessary")
    context.session.flush()


def add_remark(context: StepContext, text: str) -> None:
    """Keep a comment with the step."""
    context.session.add(
        Remark(
            run_id=context.run.id,
            step_id=context.step.id,
            text=text,
            at=context.at,
            by=context.by.id,
            by_name=context.by.name,
        )
    )


def sign_as_performer(
    context: StepContext, signed_by: Confirmation | None, shown: SignedContent, act: trail.Act
) -> None:
    """Seal the performer's signature where the recipe asks for one."""
    if "performer" not in rules.parts_due(context.spec.signature):
        return
    _seal(context, signed_by, shown, "performer", act)


def sign_step(
    session: Session,
    step: StepReference,
    part: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> StepOutcome:
    """Verify, confirm or approve a performed step (`part` verifier, confirmer or approver).

    Raises SamePerson when verifier and performer are one natural person, StepOutOfOrder before
    performance. A verification after a later step began, or too long after the act, is kept as
    late and raises an exception (URS-EXE-040).
    """
    context = open_step(session, step.record, step.path, by=by, at=at)
    _refuse_if_changed(context, step)
    _refuse_unless_due(context, part)
    role = rules.role_of(context.spec.signature, part, context.spec.role)
    require_able(context, by, role)
    _refuse_same_person(context, part, by)
    with trail.act(session, SIGNED[part], stream=context.stream, by=by, object=step.path) as act:
        shown = content.of_step(context)
        late = part == "verifier" and _mark_late(context)
        if not rehearsal:
            _seal(context, signed_by, shown, part, act, late=late)
        settle(context)
    return outcome_of(context, shown)


def _mark_late(context: StepContext) -> bool:
    performed_at = _last_performed(context)
    if not rules.is_late(performed_at, context.at, _successor_started(context, performed_at)):
        return False
    severity = next(
        (policy.severity for policy in context.policy_for(Occasion.LATE_VERIFICATION)),
        Severity.MAJOR,
    )
    minutes = int((context.at - performed_at).total_seconds() // 60)
    context.raise_exception(
        "late_verification",
        severity,
        f"{context.spec.name}: verified {minutes} min after it was performed",
        facts={"performed_at": performed_at.isoformat(), "verified_at": context.at.isoformat()},
    )
    return True


def _last_performed(context: StepContext) -> datetime:
    """When the revision to be verified was made: performed, or corrected and signed anew."""
    performer = parts_signed(context.session, context.step).get("performer")
    if performer is not None:
        return context.session.get_one(Signature, performer.signature_id).at
    return context.step.performed_at or context.at


def _successor_started(context: StepContext, performed_at: datetime) -> bool:
    """Whether a step that the flow reaches from this one, in the same instance of its level, was
    started since. Steps of parallel branches are no successors."""
    prefix = context.step.path.rpartition("/")[0] + "/"
    later = context.session.scalars(
        select(StepRecord.path).where(
            StepRecord.run_id == context.run.id,
            StepRecord.path.startswith(prefix, autoescape=True),
            StepRecord.ordinal > context.step.ordinal,
            StepRecord.started_at > performed_at,
        )
    ).all()
    if not later:
        return False
    after = elements_after(context.procedure.level(context.step.level), context.step.element)
    return any(path[len(prefix) :].partition("#")[0] in after for path in later)


def _seal(
    context: StepContext,
    confirmation: Confirmation | None,
    shown: SignedContent,
    part: str,
    act: trail.Act,
    *,
    late: bool = False,
) -> None:
    meaning = rules.meaning_of(context.spec.signature, part)
    confirmation = require_confirmation(confirmation, context.spec.name, meaning)
    earlier = parts_signed(context.session, context.step)
    before = earlier.get("performer") or earlier.get("confirmer")
    prior = None if before is None else context.session.get_one(Signature, before.signature_id)
    signature = signing.seal(
        context.session,
        confirmation,
        shown,
        meaning=meaning,
        role=context.by.role,
        prior=prior,
        act=act,
    )
    context.session.flush()
    context.session.add(
        StepSignature(
            step_id=context.step.id,
            revision=context.step.revision,
            part=part,
            signature_id=signature.id,
            signer=context.by.id,
            late=late,
        )
    )
    context.session.flush()


def require_confirmation(
    confirmation: Confirmation | None, what: str, meaning: str
) -> Confirmation:
    """The confirmation, or `SignatureNeeded` when none was given."""
    if confirmation is None:
        raise SignatureNeeded(f"{what} must be signed “{meaning}”", resolver="the person who acts")
    return confirmation


def parts_signed(session: Session, step: StepRecord) -> dict[str, StepSignature]:
    """Signatures of the step's current revision, by part."""
    return {
        signed.part: signed
        for signed in queries.signatures(session, step)
        if signed.revision == step.revision
    }


def parts_missing(context: StepContext) -> tuple[str, ...]:
    """Signature parts that the current revision still needs, in order."""
    due = rules.parts_due(context.spec.signature)
    signed = parts_signed(context.session, context.step) if due else {}
    return tuple(part for part in due if part not in signed)


def settle(context: StepContext) -> None:
    """Move the step on as far as it can go: performed, held, or complete.

    A step that was complete and then corrected waits for its signatures again; the flow has moved
    on and stays where it is (URS-SIG-060). What was cancelled stays cancelled.
    """
    step = context.step
    if step.state == StepState.CANCELLED:
        return
    if parts_missing(context):
        step.state = StepState.PERFORMED
    elif step.completed_at is not None:
        step.state = StepState.COMPLETE
    elif blocking(context) or context.run.state != RunState.RUNNING:
        step.state = StepState.HELD
    else:
        _complete(context)
    context.session.flush()


def settle_held(session: Session, run: ProcedureRun, *, by: Actor, at: datetime) -> None:
    """Something that held steps is gone (a restart, a release): they move on as far as they can."""
    if run.state != RunState.RUNNING:
        return
    for step in queries.open_steps(session, run):
        if step.state == StepState.HELD:
            settle(context_of(session, run, step, by=by, at=at))


def blocking(context: StepContext) -> bool:
    """Whether an exception of this step, or one of the run as a whole (a hold time, the flow),
    holds the flow until somebody has decided."""
    return queries.is_blocked(context.session, context.run, context.step)


def _complete(context: StepContext) -> None:
    step = context.step
    step.state = StepState.COMPLETE
    step.completed_at = context.at
    holds.start_named(context)
    kind_of(context.session, context.spec.kind).complete(context)
    context.session.flush()
    publish(
        context.session,
        StepCompleted(
            record=context.run.stream,
            path=step.path,
            key=step.key,
            kind=step.kind,
            by=context.by,
            at=context.at,
        ),
    )
    engine.complete_task(context.session, context.stream, step.path, by=context.by, at=context.at)


def require_able(context: StepContext, by: Actor, role: str | None) -> None:
    """The person is qualified for this step and holds the role, else a refusal that names the gap
    and who can act instead (URS-IAM-110). Without a role (any other person verifies) one of the
    person's roles must permit to verify (URS-IAM-020)."""
    session, at = context.session, context.at
    if role is None:
        permissions.require(session, by, VERIFYING)
    subjects = rules.subjects_needed(
        role or by.role, f"{context.run.code} {context.run.version_label}", context.spec.sop
    )
    who = role or VERIFYING
    held = people.roles_of(session, by.id, at)
    for subject, gap in people.qualification_gaps(session, by.id, subjects, at):
        able = people.people_who_can(session, who, subject, at)
        raise NotQualified(gap, resolver=", ".join(able) or "the training coordinator")
    for needed in (role or by.role, by.role):
        if needed not in held:
            able = people.people_who_can(session, who, subjects[0] if subjects else None, at)
            raise WrongRole(
                f"{by.name} does not hold the role {needed}",
                resolver=", ".join(able) or "administrator",
            )


def _refuse_same_person(context: StepContext, part: str, by: Actor) -> None:
    if part not in ("verifier", "approver"):
        return
    signed = parts_signed(context.session, context.step).values()
    took_part = {signature.signer for signature in signed}
    if context.step.performed_by is not None and not context.spec.automatic:
        took_part.add(context.step.performed_by)
    people.require_independent(context.session, by.id, took_part)


def _refuse_unless_due(context: StepContext, part: str) -> None:
    missing = parts_missing(context)
    if context.step.performed_at is None:
        raise StepOutOfOrder(
            f"{context.spec.name} is not performed yet", resolver=context.spec.role
        )
    if not missing or missing[0] != part:
        raise StepOutOfOrder(
            f"{context.spec.name} does not wait for a {part}",
            resolver=f"next: {missing[0]}" if missing else "nobody: it is signed",
        )
    if context.step.state == StepState.CANCELLED and context.step.revision == 1:
        raise StepOutOfOrder(
            f"{context.spec.name} is cancelled: {context.step.ended_by}",
            resolver="nobody: go on with the open steps",
        )
    # What was done is verified at the time of the act, also when it made the batch HELD; and what
    # was corrected afterwards is signed anew, also when the batch has ended.
    if context.run.state != RunState.HELD and context.step.revision == 1:
        refuse_unless_running(context.run)


def _refuse_unless_automatic(context: StepContext) -> None:
    if not context.spec.automatic:
        raise StepOutOfOrder(
            f"{context.spec.name} is not automatic", resolver=f"role {context.spec.role}"
        )


def _refuse_unless(context: StepContext, *states: StepState) -> None:
    if context.step.state not in states:
        raise StepOutOfOrder(
            f"{context.spec.name} is {context.step.state}", resolver="the steps that are open"
        )
    refuse_unless_running(context.run)


def refuse_unless_running(run: ProcedureRun) -> None:
    """Nothing is done in a batch that does not run. Raises RunNotRunning."""
    if run.state != RunState.RUNNING:
        held = run.state == RunState.HELD
        raise RunNotRunning(
            f"{run.number} is {run.state.upper() if held else run.state}",
            resolver="quality unit" if held else "shift supervisor",
        )


def _refuse_if_changed(context: StepContext, step: StepReference) -> None:
    if context.step.revision != step.revision:
        raise changed(context)


def changed(context: StepContext) -> StepChanged:
    """The refusal of a page that shows an earlier revision."""
    return StepChanged(
        f"{context.spec.name} was corrected meanwhile", resolver="open the page again"
    )


def outcome_of(context: StepContext, shown: SignedContent) -> StepOutcome:
    """State, signed content and exceptions of the step after an act."""
    cases = queries.cases_of(context.session, context.step)
    return StepOutcome(
        context.step.state, shown, tuple((case.number, case.severity, case.text) for case in cases)
    )
