"""Results and limits that were worked out from a value which was corrected since (URS-EXE-100).

A recorded calculation names its inputs with the values they had; so what used the old value is
known exactly, also in loops. Both results stay in the record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ebr import definitions, queries, values
from ebr.context import StepContext
from ebr.models import Grade, ParameterValue, StepRecord
from workflows.expressions.types import SERIES, Given
from workflows.step import Parameter
from workflows.words import DataType, Origin


@dataclass(frozen=True, slots=True)
class Change:
    """A value under every form that it ever had in the record, and as it is now."""

    former: tuple[str | bool | None, ...]
    """As decisions and calculations name it; a correction of a correction leaves several."""
    now: Given


@dataclass
class Moved:
    """Values that counted before the correction, by the name that expressions use."""

    former: dict[str, list[ParameterValue]] = field(default_factory=dict)

    def note(self, key: str, old: ParameterValue) -> None:
        """A value of the step with this key was superseded."""
        self.former.setdefault(f"{key}.{old.code}", []).append(old)

    def used_by(self, value: ParameterValue) -> bool:
        """Whether a recorded calculation used one of them."""
        inputs = (value.source or {}).get("inputs", {})
        return any(
            _same(given, _recorded(old))
            for name, given in inputs.items()
            for old in self.former.get(name.removesuffix(SERIES), ())
        )

    def named_in(self, context: StepContext, parameter: Parameter) -> bool:
        """Whether a limit of the parameter names one of them."""
        definition = definitions.of(context.run.file_digest, context.procedure)
        names = {
            name.removesuffix(SERIES)
            for limit in parameter.limits
            for end in (limit.low, limit.high)
            if end is not None
            for name in definition.expression(end, parameter.unit).names
        }
        return not names.isdisjoint(self.former)

    def changes(self, context: StepContext) -> dict[str, list[Change]]:
        """What counted before and what counts now, by name."""
        return {
            name: [_change(context, value) for value in former]
            for name, former in self.former.items()
        }


def renew(context: StepContext, moved: Moved, reason: str, *, corrected: bool = False) -> bool:
    """Work out anew what in this step depends on moved values; answers whether anything did.

    What is worked out anew has moved in its turn. A step that was not `corrected` itself gets a
    new revision, whose signatures are due.
    """
    renewed = False
    for parameter in context.spec.parameters:
        current = queries.current_values(context.session, context.step)
        for value in current.get(parameter.code, []):
            if not _is_stale(context, moved, parameter, value):
                continue
            if not renewed and not corrected:
                context.step.revision += 1
            renewed = True
            _work_out(context, parameter, value, reason)
            moved.note(context.spec.key, value)
    return renewed


def _is_stale(
    context: StepContext, moved: Moved, parameter: Parameter, value: ParameterValue
) -> bool:
    if parameter.origin is Origin.CALCULATED:
        return moved.used_by(value)
    just_made = value.supersedes_id is not None and value.recorded_at == context.at
    if value.number is None or just_made or not moved.named_in(context, parameter):
        return False
    limits = values.evaluated_limits(context, parameter)
    return bool(values.limits_as_json(limits) != value.limits)


def _work_out(
    context: StepContext, parameter: Parameter, value: ParameterValue, reason: str
) -> None:
    if parameter.origin is Origin.CALCULATED:
        values.calculate(context, parameter, supersedes=value, reason=reason)
        return
    values.store(
        context,
        parameter,
        value.position,
        value.text,
        value.number,
        grade=Grade(value.grade),
        quality=value.quality,
        source=value.source,
        unrounded=value.unrounded,
        supersedes=value,
        reason=reason,
    )


def _change(context: StepContext, old: ParameterValue) -> Change:
    step = context.session.get_one(StepRecord, old.step_id)
    place = old.code, old.position
    *former, now = (
        value
        for value in queries.all_values(context.session, step)
        if (value.code, value.position) == place
    )
    return Change(tuple(_recorded(value) for value in former), _given(now))


def _given(value: ParameterValue) -> Given:
    return value.number if value.number is not None else _recorded(value)


def _recorded(value: ParameterValue) -> str | bool | None:
    """A value as a calculation names it among its inputs."""
    if value.number is not None:
        return str(value.number)
    if value.data_type == DataType.BOOLEAN and value.text is not None:
        return value.text == "yes"
    return value.text


def _same(given: Any, old: Any) -> bool:
    return old in given if isinstance(given, list) else given == old
