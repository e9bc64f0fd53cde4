"""Corrections: a new row that supersedes, with reason and new signatures (URS-SIG-060, AUD-030).

What depends on the corrected value is evaluated again and kept with both results. A gateway that
would now decide otherwise never moves a token: it opens the exception "path inconsistent"
(URS-EXE-100).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from core.events import publish
from ebr import content, queries, rerouting, rules, values
from ebr.commands import steps
from ebr.commands.steps import StepOutcome, StepReference
from ebr.context import StepContext
from ebr.errors import StepOutOfOrder, ValueRefused
from ebr.events import ValueCorrected
from ebr.models import Grade, ParameterValue, StepRecord
from ebr.opening import context_of, open_step
from personnel.signing import Confirmation
from workflows.step import Parameter
from workflows.words import Origin, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The new text of one value, and why."""

    code: str
    position: int
    text: str
    reason: str


def correct_value(
    session: Session,
    step: StepReference,
    correction: Correction,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> StepOutcome:
    """Correct a recorded value; the step needs its signatures again.

    Automatic values are never editable (URS-PRO-080). Raises ReasonNeeded, ValueRefused,
    StepOutOfOrder.
    """
    context = open_step(session, step.record, step.path, by=by, at=at)
    _refuse_unless_recorded(context, step)
    steps.require_able(context, by, context.spec.role)
    reason = rules.need_reason(correction.reason, "a correction")
    parameter, old = _correctable(context, correction)
    with trail.act(
        session,
        "value.corrected",
        stream=context.stream,
        by=by,
        object=context.step.path,
        reason=reason,
        facts={"parameter": correction.code, "old": old.text or "", "new": correction.text.strip()},
    ) as act:
        before = _numbers(context)
        context.step.revision += 1
        captured = rules.capture(parameter, correction.text)
        values.store(
            context,
            parameter,
            correction.position,
            captured.text,
            captured.number,
            grade=Grade.CORRECTED,
            supersedes=old,
            reason=reason,
        )
        _evaluate_again(context, reason)
        _note_dependents(context, correction.code, before)
        shown = content.of_step(context)
        if not rehearsal:
            steps.sign_as_performer(context, signed_by, shown, act)
        publish(
            session,
            ValueCorrected(
                record=context.run.stream,
                path=context.step.path,
                code=correction.code,
                by=by,
                at=at,
            ),
        )
        steps.settle(context)
    return steps.outcome_of(context, shown)


def _refuse_unless_recorded(context: StepContext, step: StepReference) -> None:
    if context.step.revision != step.revision:
        raise steps.changed(context)
    if context.step.performed_at is None:
        raise StepOutOfOrder(
            f"{context.spec.name} has no recorded values yet", resolver=context.spec.role
        )


def _correctable(context: StepContext, correction: Correction) -> tuple[Parameter, ParameterValue]:
    current = queries.current_values(context.session, context.step).get(correction.code, [])
    old = next((value for value in current if value.position == correction.position), None)
    if old is None:
        raise ValueRefused(
            f"there is no value {correction.code} to correct", resolver="the record's value list"
        )
    if old.grade in (Grade.DEVICE, Grade.CALCULATED, Grade.SCANNED):
        raise ValueRefused(
            f"{correction.code} was not typed ({old.grade}): it cannot be edited",
            resolver="an exception with the quality unit",
        )
    return context.spec.parameter(correction.code), old


def _evaluate_again(context: StepContext, reason: str) -> None:
    current = queries.current_values(context.session, context.step)
    for parameter in context.spec.parameters:
        if parameter.origin is Origin.CALCULATED and parameter.code in current:
            values.calculate(
                context, parameter, supersedes=current[parameter.code][0], reason=reason
            )


def _numbers(context: StepContext) -> dict[str, Decimal | None]:
    current = queries.current_values(context.session, context.step)
    return {code: found[0].number for code, found in current.items()}


def _note_dependents(context: StepContext, code: str, before: dict[str, Decimal | None]) -> None:
    for place in rerouting.changed_decisions(context, before, _numbers(context)):
        context.raise_exception(
            "path_inconsistent",
            Severity.MAJOR,
            f"After the correction of {code} the branch at {place} would be another one",
        )
    for step in _later_users(context):
        later = context_of(context.session, context.run, step, by=context.by, at=context.at)
        _evaluate_later(later, code)


def _later_users(context: StepContext) -> list[StepRecord]:
    prefix = f"{context.spec.key}."
    found = []
    for step in queries.steps(context.session, context.run):
        if step.ordinal <= context.step.ordinal or step.performed_at is None:
            continue
        spec = context.procedure.step(step.key)
        if any(prefix in (parameter.expression or "") for parameter in spec.parameters):
            found.append(step)
    return found


def _evaluate_later(later: StepContext, code: str) -> None:
    """A later step that used the old value: both results stand, and its signatures are due anew."""
    later.step.revision += 1
    _evaluate_again(later, f"{code} was corrected in an earlier step")
    later.raise_exception(
        "dependent_value",
        Severity.MINOR,
        f"{later.spec.name} was calculated with the value before the correction of {code}",
    )
