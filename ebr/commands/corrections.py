"""Corrections: a new row that supersedes, with reason and new signatures (URS-SIG-060, AUD-030).

What depends on the corrected value is evaluated again and kept with both results. A gateway that
would now decide otherwise never moves a token: it opens the exception "path inconsistent"
(URS-EXE-100).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from core.events import publish
from ebr import content, dependents, queries, rerouting, rules, values
from ebr.commands import steps
from ebr.commands.steps import StepOutcome, StepReference
from ebr.context import StepContext
from ebr.errors import StepOutOfOrder, ValueRefused
from ebr.events import ValueCorrected
from ebr.models import Grade, ParameterValue, StepRecord
from ebr.opening import context_of, open_step
from personnel.signing import Confirmation
from workflows.step import Parameter
from workflows.words import Severity


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
        _supersede(context, parameter, old, correction.text, reason)
        _follow(context, parameter, old, reason)
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
    parameter = next((p for p in context.spec.parameters if p.code == correction.code), None)
    if old is None:
        raise ValueRefused(
            f"there is no value {correction.code} to correct", resolver="the record's value list"
        )
    typed = old.grade not in (Grade.DEVICE, Grade.CALCULATED, Grade.SCANNED)
    if parameter is None or not typed or parameter.data_type in values.FILE_TYPES:
        raise ValueRefused(
            f"{correction.code} was not typed ({old.grade}): it cannot be edited",
            resolver="an exception with the quality unit",
        )
    if old.text == correction.text.strip():
        raise ValueRefused(
            f"{correction.code} is {old.text} already", resolver="the person who corrects"
        )
    return parameter, old


def _supersede(
    context: StepContext, parameter: Parameter, old: ParameterValue, text: str, reason: str
) -> None:
    context.step.revision += 1
    captured = rules.capture(parameter, text)
    values.store(
        context,
        parameter,
        old.position,
        captured.text,
        captured.number,
        grade=Grade.CORRECTED,
        supersedes=old,
        reason=reason,
    )
    values.judge_choice(context, parameter, [captured.text])


def _follow(context: StepContext, parameter: Parameter, old: ParameterValue, reason: str) -> None:
    """Everything that used the old value: results and limits of this step and of those performed
    since, through any number of steps; and the branches that were taken on it."""
    moved = dependents.Moved()
    moved.note(context.spec.key, old)
    dependents.renew(context, moved, reason, corrected=True)
    for step in _performed_since(context):
        later = context_of(context.session, context.run, step, by=context.by, at=context.at)
        if dependents.renew(later, moved, f"{parameter.code} was corrected in an earlier step"):
            later.raise_exception(
                "dependent_value",
                Severity.MINOR,
                f"{later.spec.name} used the value before the correction of {parameter.code}",
            )
            steps.settle(later)
    for place in rerouting.changed_decisions(context, moved.changes(context)):
        context.raise_exception(
            "path_inconsistent",
            Severity.MAJOR,
            f"After the correction of {parameter.code} the branch at {place} would be another one",
        )


def _performed_since(context: StepContext) -> list[StepRecord]:
    own = context.step
    then = own.performed_at
    others = [
        step
        for step in queries.steps(context.session, context.run)
        if step.id != own.id and step.performed_at and then and step.performed_at >= then
    ]
    return sorted(others, key=lambda step: (step.performed_at or context.at, step.ordinal))
