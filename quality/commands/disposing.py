"""The quality unit's decision about material in process, written by the step that asks for it."""

from __future__ import annotations

from core.events import publish
from ebr import queries as records
from ebr.context import StepContext
from ebr.errors import ValueRefused
from quality import queries
from quality.events import MaterialDispositioned
from quality.models import Disposition, Outcome

CODE = "decision"
"""Code of the choice parameter that holds the decision: ``released`` or ``rejected``."""


def asks_for_decision(context: StepContext) -> bool:
    """Whether the step has the parameter that holds a disposition."""
    return any(parameter.code == CODE for parameter in context.spec.parameters)


def decide(context: StepContext) -> None:
    """Keep the decision that the step has just recorded, inside its act (URS-EXE-120)."""
    session, record, path = context.session, context.run.stream, context.step.path
    outcome = _outcome(context)
    last = queries.last_disposition(session, record, path)
    session.add(
        Disposition(
            record=record,
            step=path,
            ordinal=1 if last is None else last.ordinal + 1,
            outcome=outcome,
            at=context.at,
            by=context.by.id,
            supersedes_id=None if last is None else last.id,
        )
    )
    session.flush()
    publish(
        session,
        MaterialDispositioned(
            record=record,
            number=context.run.number,
            step=path,
            outcome=outcome.value,
            by=context.by,
            at=context.at,
        ),
    )


def decide_again(context: StepContext) -> None:
    """After a correction at the step: a decision that changed supersedes the former one."""
    last = queries.last_disposition(context.session, context.run.stream, context.step.path)
    if last is None or last.outcome != _outcome(context):
        decide(context)


def _outcome(context: StepContext) -> Outcome:
    found = records.current_values(context.session, context.step).get(CODE, [])
    text = found[0].text if found else None
    try:
        return Outcome(text or "")
    except ValueError:
        raise ValueRefused(
            f"the decision about material is released or rejected, not {text!r}",
            resolver="recipe author",
            field=CODE,
        ) from None
