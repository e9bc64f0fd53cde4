"""Waiting: a step that ends when a condition has held, a time has passed, or a phase is complete.

An equipment phase named by the recipe is started with the step. Conditions look at the values that
the gateway has stored; a hole in the data interrupts them (URS-PRO-020). The points of each trend
are copied into the record when the step ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from ebr import definitions, values
from ebr.context import StepContext
from ebr.entry import Entry, File
from ebr.errors import NotBound, WaitNotOver
from ebr.kinds.base import Form, Kind, device_codes, live_tags
from ebr.kinds.measured import measured
from ebr.kinds.writing import key_of, request_set_points
from ebr.watching import Outlook
from hardware import commands as plant
from hardware import queries as plant_queries
from workflows.durations import duration
from workflows.step import Condition, Parameter, PhaseCommand
from workflows.words import AtMaximum, Combine

START = 1
COMPLETE = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether the wait is over, and in words what it still waits for."""

    over: bool
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one condition of a wait stands, for people who watch it.

    `tags` are its live tags by the names in its expression. `held` is how long it has held without
    interruption, `needed` at most; None while it does not hold or a value is not known.
    """

    condition: Condition
    tags: Mapping[str, str]
    needed: timedelta
    held: timedelta | None

    @property
    def met(self) -> bool:
        """It has held for as long as the recipe asks."""
        return self.held is not None and self.held >= self.needed


class Wait(Kind):
    """Ends by itself when automatic; a person may end it only when it is over."""

    def form(self, context: StepContext) -> Form:
        """What is still waited for, and the live values."""
        state = progress(context) if context.step.started_at else Progress(over=False)
        return Form(
            facts=tuple(("Waits for", text) for text in state.waits_for),
            live=live_tags(context),
            readings=device_codes(context),
        )

    def start(self, context: StepContext) -> None:
        """Send set points and start the equipment phase that the recipe names."""
        request_set_points(context)
        if context.spec.phase_command is not None:
            _start_phase(context, context.spec.phase_command)

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record the measured values and trends. Raises WaitNotOver while it is not over."""
        state = progress(context)
        if not state.over:
            raise WaitNotOver(
                f"{context.spec.name} still waits for: {'; '.join(state.waits_for)}",
                resolver="time, or the equipment",
            )
        entry = measured(context, entry)
        for parameter in context.spec.parameters:
            if parameter.trend and parameter.source is not None:
                attach_trend(context, parameter)
        values.record(context, replace(entry, files=entry.files))


def _start_phase(context: StepContext, command: PhaseCommand) -> None:
    tag = _tag(context, command.tag)
    plant.request_write(
        context.session,
        tag,
        Decimal(command.phase * 100 + START),
        key=key_of(context, command.tag),
        in_record=context.run.stream,
        step=context.step.path,
        by=context.by,
        at=context.at,
    )


def _tag(context: StepContext, source: str) -> str:
    tag = context.tag_of(source)
    if tag is None:
        raise NotBound(f"no unit is bound for {source}", resolver="the bind step")
    return tag


def progress(context: StepContext) -> Progress:
    """Whether the wait is over at `context.at`: minimum time, conditions, phase, maximum time."""
    if context.step.started_at is None:
        return Progress(False, ("the step is not started",))
    elapsed = context.at - context.step.started_at
    timing = context.spec.timing
    if _ends_at_maximum(context) and timing and elapsed >= duration(timing.maximum or ""):
        return Progress(True)
    missing = []
    if timing and timing.minimum and elapsed < duration(timing.minimum):
        missing.append(f"at least {_minutes(duration(timing.minimum))} in all")
    missing += _unmet(context)
    if context.spec.phase_command is not None and not _conditions(context):
        missing += _phase_missing(context, context.spec.phase_command)
    return Progress(not missing, tuple(missing))


def _ends_at_maximum(context: StepContext) -> bool:
    timing = context.spec.timing
    return (
        timing is not None and timing.maximum is not None and (timing.at_maximum is AtMaximum.END)
    )


def _conditions(context: StepContext) -> tuple[Condition, ...]:
    return context.spec.wait_for.conditions if context.spec.wait_for else ()


def _unmet(context: StepContext) -> list[str]:
    outlook = _outlook(context)
    unmet = [
        _in_words(context, condition)
        for condition in _conditions(context)
        if not outlook.holds(condition)
    ]
    wait = context.spec.wait_for
    if wait and wait.combine is Combine.ANY and len(unmet) < len(wait.conditions):
        return []
    return unmet


def _in_words(context: StepContext, condition: Condition) -> str:
    """The condition as people at the machine read it: units bound, signs and degrees as written."""
    said = condition.expression
    for name in definitions.of(context.run.file_digest, context.procedure).condition(said).names:
        said = said.replace(name, _called(context, name))
    for code, written in (("<=", "≤"), (">=", "≥"), (" Cel", " °C")):
        said = said.replace(code, written)
    if condition.sustained is None:
        return said
    return f"{said} for {_minutes(duration(condition.sustained))}"


def _called(context: StepContext, name: str) -> str:
    if name == f"{context.spec.key}.elapsed":
        return "time since the start"
    return _outlook(context).live(name) or name


def _minutes(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds} s" if seconds < 180 else f"{seconds / 60:g} min"


def _phase_missing(context: StepContext, command: PhaseCommand) -> list[str]:
    state = plant_queries.current(context.session, _tag(context, command.state))
    if state.good and state.value == command.phase * 100 + COMPLETE:
        return []
    return [f"phase {command.phase} complete"]


def _outlook(context: StepContext) -> Outlook:
    return Outlook(
        session=context.session,
        run=context.run,
        procedure=context.procedure,
        path=context.step.path,
        since=context.step.started_at or context.at,
        at=context.at,
        step=context.step,
        units=context.units,
    )


def standings(context: StepContext) -> tuple[Standing, ...]:
    """How each condition of the wait stands at `context.at`, in the order of the recipe."""
    outlook = _outlook(context)
    return tuple(standing(outlook, condition) for condition in _conditions(context))


def standing(outlook: Outlook, condition: Condition) -> Standing:
    """How one condition stands where it is looked at."""
    needed = duration(condition.sustained) if condition.sustained else timedelta(0)
    start = max(outlook.since or outlook.at, outlook.at - needed)
    since = outlook.held_since(condition.expression, start)
    held = None if since is None else outlook.at - since
    tags = outlook.tags_of(condition.expression)
    return Standing(condition=condition, tags=tags, needed=needed, held=held)


def attach_trend(context: StepContext, parameter: Parameter) -> None:
    """Copy the points of the step's time into the record: site time, value, status, no joining."""
    tag = _tag(context, parameter.source or "")
    started = context.step.started_at or context.at
    trend = plant_queries.historian(context.session).trend(tag, started, context.at)
    body = {
        "tag": tag,
        "parameter": parameter.code,
        "unit": parameter.unit,
        "from": started.isoformat(),
        "to": context.at.isoformat(),
        "points": [
            [point.at.isoformat(), None if point.value is None else format(point.value, "f")]
            for point in trend.points
        ],
        "holes": [
            [hole.start.isoformat(), hole.end.isoformat() if hole.end else None]
            for hole in trend.holes
        ],
    }
    data = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
    values.attach(
        context,
        parameter.code,
        File(
            name=f"trend {context.spec.key} {parameter.code}.json",
            media_type="application/json",
            data=data,
        ),
    )
