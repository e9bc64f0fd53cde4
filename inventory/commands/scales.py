"""At the scale: choosing one, and taking the weight that it shows (URS-MAT-030)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from ebr import queries
from ebr.commands.steps import StepReference, require_able
from ebr.context import StepContext
from ebr.errors import StepOutOfOrder, ValueMissing
from ebr.kinds import binding
from ebr.models import StepState
from ebr.opening import open_step
from hardware import commands as plant_commands
from hardware import queries as plant
from inventory import weighing
from inventory.errors import NotStable, ScaleNotSuitable
from inventory.models import Container
from workflows.step import Parameter
from workflows.words import Origin, StepKind

OPEN = (StepState.READY, StepState.STARTED)


def choose_scale(
    session: Session,
    step: StepReference,
    unit: str,
    *,
    source: str | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """Use another scale for a weigh step (and the later ones on the same requirement).

    `source` is the scan of the source container, where one was chosen already. Raises
    ScaleNotSuitable listing every reason: below its minimum net, above its capacity, of another
    class, calibration overdue, daily check not passed.
    """
    context = _open(session, step, by, at)
    check_scale(context, unit, target_on(context, unit, source))
    use = weighing.scale_of(context)
    if queries.bound_unit(session, context.run, use.requirement) == unit:
        return
    with trail.act(
        session,
        "scale.chosen",
        stream=context.stream,
        by=by,
        object=step.path,
        facts={"requirement": use.requirement, "unit": unit},
    ):
        binding.bind(context, use, unit)


def check_scale(context: StepContext, number: str, target: Decimal) -> None:
    """The scale suits the weighing, else ScaleNotSuitable with every reason."""
    unit = plant.equipment(context.session, number)
    found = weighing.scale_problems(context, unit, target)
    if found:
        raise ScaleNotSuitable(
            f"{number} cannot be used: {'; '.join(found)}",
            resolver="choose another scale; maintenance for calibration and repair",
            unit=number,
        )


def target_on(context: StepContext, number: str, source: str | None) -> Decimal:
    """The target of the next container on a scale, by the source scanned or proposed, else the
    whole quantity of the recipe."""
    unit = plant.equipment(context.session, number)
    if not weighing.is_scale(unit):
        raise ScaleNotSuitable(f"{number} is no scale", resolver="choose a scale", unit=number)
    readability = Decimal(unit.properties["readability"])
    if source is not None:
        return target_from(context, number, weighing.source_of(context, source))
    proposed = weighing.proposal(context, readability)
    return weighing.required(context) if proposed is None else proposed.plan.target


def target_from(context: StepContext, number: str, source: Container) -> Decimal:
    """The target of the next container from a checked source, on a scale."""
    unit = plant.equipment(context.session, number)
    if not weighing.is_scale(unit):
        raise ScaleNotSuitable(f"{number} is no scale", resolver="choose a scale", unit=number)
    readability = Decimal(unit.properties["readability"])
    return weighing.next_container(context, source, readability).plan.target


def take_weight(
    session: Session, step: StepReference, *, by: Actor, at: datetime
) -> dict[str, list[UUID]]:
    """Read everything that the scale of a weigh or label step shows at this moment.

    Answers reading ids by parameter code, ready for `perform_step(readings=...)`; with the weights
    the stable bit is read. Raises NotStable while the scale moves, BadValue, StaleValue.
    """
    context = _open(session, step, by, at)
    asked = weight_parameters(context)
    with trail.act(session, "weight.taken", stream=context.stream, by=by, object=step.path) as act:
        taken: dict[str, list[UUID]] = {}
        tags = {parameter.code: _tag(context, parameter) for parameter in asked}
        for unit in sorted({tag.rpartition(".")[0] for tag in tags.values()}):
            _require_rest(context, unit)
        for parameter in asked:
            tag = tags[parameter.code]
            reading = plant_commands.take_reading(
                session, tag, in_record=context.run.stream, step=step.path, by=by, at=at
            )
            taken[parameter.code] = [reading.id]
            act.facts[parameter.code] = f"{reading.value_text} {reading.unit}"
    return taken


def weight_parameters(context: StepContext) -> list[Parameter]:
    """The parameters of a step that a scale gives."""
    found = [
        parameter
        for parameter in context.spec.parameters
        if parameter.origin is Origin.DEVICE and parameter.source is not None
    ]
    if not found:
        raise ValueMissing(
            f"{context.spec.name} takes no weight from a device", resolver="the recipe author"
        )
    return found


def _tag(context: StepContext, parameter: Parameter) -> str:
    requirement, _, name = (parameter.source or "").partition(".")
    return f"{context.bound(requirement)}.{name}"


def _require_rest(context: StepContext, unit: str) -> None:
    if weighing.STABLE not in {each.name for each in plant.tags(context.session, unit=unit)}:
        return
    bit = f"{unit}.{weighing.STABLE}"
    reading = plant_commands.take_reading(
        context.session,
        bit,
        in_record=context.run.stream,
        step=context.step.path,
        by=context.by,
        at=context.at,
    )
    if reading.value != 1:
        raise NotStable(f"{unit} is not at rest", resolver="wait until it is stable")


def _open(session: Session, step: StepReference, by: Actor, at: datetime) -> StepContext:
    context = open_step(session, step.record, step.path, by=by, at=at)
    if context.step.state not in OPEN or context.spec.kind not in (
        StepKind.WEIGH,
        StepKind.LABEL,
    ):
        raise StepOutOfOrder(
            f"{context.spec.name} is {context.step.state}; there is nothing to weigh",
            resolver="the steps that are open",
        )
    require_able(context, by, context.spec.role)
    return context
