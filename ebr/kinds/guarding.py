"""Guarded set points: as in the approved baseline at the start, as commanded at the end.

What nobody commanded through the recipe and yet changed is found here and raises an exception
naming tag, old and new value (URS-EQP-070). A tag for which nothing was approved raises one, too:
what cannot be compared is not equal.
"""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from ebr.context import StepContext
from ebr.errors import NotBound
from ebr.kinds.base import resolve_tag
from ebr.measuring import provenance
from ebr.models import Grade, ParameterValue, StepRecord
from hardware import commands as plant
from hardware import queries as plant_queries
from hardware.models import Reading, WriteRequest
from hardware.words import WriteState
from workflows.step import Guard
from workflows.words import DataType, Occasion, Origin, Severity


def compare(context: StepContext) -> None:
    """Read every guarded tag of the step, record it, and raise an exception where it differs."""
    for guard in context.spec.guards:
        tag = resolve_tag(context, guard.tag)
        if tag is None:
            raise NotBound(f"no unit is bound for {guard.tag}", resolver="the bind step")
        reading = plant.take_reading(
            context.session,
            tag,
            in_record=context.run.stream,
            step=context.step.path,
            by=context.by,
            at=context.at,
        )
        wanted = _wanted(context, guard, tag)
        differs = wanted is None or _differs(guard, wanted, reading)
        context.session.add(_as_value(context, guard, reading, wanted, differs))
        if differs:
            _raise(context, tag, wanted, reading)
    context.session.flush()


def code_of(guard: Guard) -> str:
    """The code under which a guarded tag stands in the record."""
    return guard.tag.replace(".", "_")


def _wanted(context: StepContext, guard: Guard, tag: str) -> Decimal | None:
    commanded = _last_command(context, tag)
    if commanded is not None:
        return commanded
    earlier = _last_recorded(context, guard)
    if earlier is not None:
        return earlier
    unit, _, name = tag.partition(".")
    approved = plant_queries.equipment(context.session, unit).properties.get("baseline", {})
    return Decimal(approved[name]) if name in approved else None


def _last_command(context: StepContext, tag: str) -> Decimal | None:
    return context.session.scalars(
        select(WriteRequest.value)
        .where(
            WriteRequest.record == context.run.stream,
            WriteRequest.tag == tag,
            WriteRequest.state == WriteState.VERIFIED,
        )
        .order_by(WriteRequest.reported_at.desc())
        .limit(1)
    ).one_or_none()


def _last_recorded(context: StepContext, guard: Guard) -> Decimal | None:
    return context.session.scalars(
        select(ParameterValue.number)
        .join(StepRecord, StepRecord.id == ParameterValue.step_id)
        .where(
            StepRecord.run_id == context.run.id,
            StepRecord.id != context.step.id,
            ParameterValue.code == code_of(guard),
        )
        .order_by(ParameterValue.recorded_at.desc())
        .limit(1)
    ).one_or_none()


def _differs(guard: Guard, wanted: Decimal, reading: Reading) -> bool:
    if reading.value is None:
        return True
    return abs(reading.value - wanted) > (guard.tolerance or Decimal(0))


def _as_value(
    context: StepContext, guard: Guard, reading: Reading, wanted: Decimal | None, differs: bool
) -> ParameterValue:
    tolerance = guard.tolerance or Decimal(0)
    limits = None
    if wanted is not None:
        low, high = wanted - tolerance, wanted + tolerance
        limits = [{"tier": "action", "low": format(low, "f"), "high": format(high, "f")}]
    return ParameterValue(
        step_id=context.step.id,
        code=code_of(guard),
        position=0,
        revision=context.step.revision,
        text=reading.value_text,
        number=reading.value,
        unit=reading.unit,
        data_type=DataType.DECIMAL.value,
        origin=Origin.DEVICE.value,
        grade=Grade.DEVICE.value,
        quality=reading.quality,
        source=provenance(reading),
        limits=limits,
        verdict=None if limits is None else ("action" if differs else "in"),
        performed_at=context.at,
        recorded_at=context.at,
        recorded_by=context.by.id,
    )


def _raise(context: StepContext, tag: str, wanted: Decimal | None, reading: Reading) -> None:
    told = f"{tag} is {reading.value_text} {reading.unit}"
    expected = None if wanted is None else str(wanted)
    facts = {"tag": tag, "expected": expected, "found": reading.value_text}
    severity = next(
        (policy.severity for policy in context.policy_for(Occasion.MISMATCH)), Severity.MAJOR
    )
    if wanted is None:
        text = f"{told}: no baseline of it is approved to compare with"
    else:
        text = f"{told}, expected {wanted}: changed outside the recipe by an unattributed change"
    context.raise_exception("guarded_set_point", severity, text, facts=facts)
