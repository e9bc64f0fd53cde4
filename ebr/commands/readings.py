"""Taking a device's value for a parameter of a step, in a transaction before the step's own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.actors import Actor
from ebr.commands.steps import StepReference, require_able
from ebr.errors import NotBound, StepOutOfOrder, ValueRefused
from ebr.kinds.base import resolve_tag
from ebr.kinds.measured import window
from ebr.models import StepState
from ebr.opening import open_step
from hardware import commands as plant
from workflows.durations import duration
from workflows.words import Statistic


def take_for_step(
    session: Session,
    step: StepReference,
    code: str,
    *,
    accepted_because: str | None = None,
    by: Actor,
    at: datetime,
) -> UUID:
    """Take the reading that a parameter asks for; answers the reading's id.

    Raises NotBound, StaleValue, BadValue, StepOutOfOrder, NotQualified, WrongRole.
    """
    context = open_step(session, step.record, step.path, by=by, at=at)
    if context.step.state not in (StepState.READY, StepState.STARTED):
        raise StepOutOfOrder(
            f"{context.spec.name} is {context.step.state}",
            resolver="who corrects the step: a reading is taken while it is open",
        )
    require_able(context, by, context.spec.role)
    parameter = next((p for p in context.spec.parameters if p.code == code), None)
    if parameter is None or parameter.source is None:
        raise ValueRefused(f"no device gives {code} here", resolver="the recipe author", field=code)
    tag = resolve_tag(context, parameter.source)
    if tag is None:
        raise NotBound(f"no unit is bound for {parameter.source}", resolver="the bind step")
    if parameter.statistic is Statistic.LAST and parameter.window is None:
        return plant.take_reading(
            session,
            tag,
            in_record=context.run.stream,
            step=context.step.path,
            max_age=duration(parameter.max_age) if parameter.max_age else None,
            accepted_because=accepted_because,
            by=by,
            at=at,
        ).id
    return plant.take_statistic(
        session,
        tag,
        parameter.statistic.value,
        window_from=at - window(context, parameter),
        window_to=at,
        in_record=context.run.stream,
        step=context.step.path,
        by=by,
        at=at,
    ).id
