"""Reading from equipment: values of a device, now or over the time of the step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry, Measured
from ebr.errors import NotBound
from ebr.kinds import guarding
from ebr.kinds.base import Kind, resolve_tag
from ebr.measuring import as_measured
from hardware import commands as plant
from workflows.durations import duration
from workflows.step import Parameter
from workflows.words import Origin, Statistic


class Read(Kind):
    """Device parameters that nobody took by hand are taken now; bad or stale ones refuse."""

    def record(self, context: StepContext, entry: Entry) -> None:
        """Take the readings and record them. Raises BadValue, StaleValue, NotBound."""
        guarding.compare(context)
        values.record(context, measured(context, entry))


def measured(context: StepContext, entry: Entry) -> Entry:
    """The entry with a reading for each device parameter that it does not hold yet."""
    found = dict(entry.measured)
    for parameter in context.spec.parameters:
        given = parameter.code in found or parameter.code in entry.values
        if parameter.origin is Origin.DEVICE and parameter.source is not None and not given:
            found[parameter.code] = (take(context, parameter),)
    return replace(entry, measured=found)


def take(context: StepContext, parameter: Parameter) -> Measured:
    """The parameter's value from its device: the last one, or a statistic over its window."""
    tag = resolve_tag(context, parameter.source or "")
    if tag is None:
        raise NotBound(f"no unit is bound for {parameter.source}", resolver="the bind step")
    if parameter.statistic is Statistic.LAST and parameter.window is None:
        reading = plant.take_reading(
            context.session,
            tag,
            in_record=context.run.stream,
            step=context.step.path,
            max_age=duration(parameter.max_age) if parameter.max_age else None,
            by=context.by,
            at=context.at,
        )
        return as_measured(reading)
    reading = plant.take_statistic(
        context.session,
        tag,
        parameter.statistic.value,
        window_from=context.at - window(context, parameter),
        window_to=context.at,
        in_record=context.run.stream,
        step=context.step.path,
        by=context.by,
        at=context.at,
    )
    return as_measured(reading)


def window(context: StepContext, parameter: Parameter) -> timedelta:
    """How far back a statistic looks: its window, else since the step was started."""
    if parameter.window is not None:
        return duration(parameter.window)
    return context.at - (context.step.started_at or context.at)
