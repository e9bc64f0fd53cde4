"""Values of a step as they are read: in force, with limits, source and all former values.

URS-AUD-030: a change never hides what stood there. URS-REC-010: provenance stands at the value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ebr.models import Grade, ParameterValue, StepRecord
from ebr.report import words
from ebr.report.model import ChangeView
from ebr.report.rows import Rows
from ebr.report.stepmodel import Former, LimitView, Pair, ValueView
from workflows.step import CheckPoint, Parameter, SetPoint, Step

Place = tuple[str, int]

MOST_LISTED = 4


def of_step(rows: Rows, step: StepRecord) -> tuple[ValueView, ...]:
    """The values of a step in the order of the recipe, each with what it superseded."""
    history = _history(rows.values.get(step.id, []))
    spec = rows.specs[step.key]
    order = {code: place for place, code in enumerate(_codes(spec))}
    places = sorted(history, key=lambda at: (order.get(at[0], len(order)), at[1]))
    counts: dict[str, int] = defaultdict(int)
    for code, _ in places:
        counts[code] += 1
    return tuple(_view(rows, spec, history[place], counts[place[0]]) for place in places)


def _codes(spec: Step) -> list[str]:
    points = [point.tag.partition(".")[2] for point in spec.set_points]
    checks = [check.code for check in spec.checks]
    return [*points, *checks, *(parameter.code for parameter in spec.parameters)]


def _history(values: Sequence[ParameterValue]) -> dict[Place, list[ParameterValue]]:
    found: dict[Place, list[ParameterValue]] = defaultdict(list)
    for value in sorted(values, key=lambda row: row.revision):
        found[value.code, value.position].append(value)
    return found


def _view(rows: Rows, spec: Step, history: Sequence[ParameterValue], of: int) -> ValueView:
    value = history[-1]
    parameter = _parameter(spec, value.code)
    return ValueView(
        code=value.code,
        label=label_of(rows, spec, value.code),
        position=value.position + 1,
        of=of,
        text=text_of(rows, parameter, value),
        unit=value.unit or "",
        unrounded="" if value.unrounded is None else format(value.unrounded, "f"),
        data_type=value.data_type,
        critical=parameter is not None and parameter.critical,
        grade=value.grade,
        grade_words=words.word(words.GRADES, value.grade),
        quality=value.quality or "",
        verdict=value.verdict or "",
        target=_target(rows, parameter),
        limits=tuple(_limits(value)),
        source=source_words(rows, value),
        details=tuple(details(value.source)),
        not_applicable=value.not_applicable or "",
        reason=value.reason or "",
        revision=value.revision,
        by=rows.people.who(value.recorded_by, value.recorded_at),
        at=value.recorded_at,
        former=tuple(_former(rows, parameter, old, new) for old, new in pairwise(history)),
    )


def _former(
    rows: Rows, parameter: Parameter | None, old: ParameterValue, new: ParameterValue
) -> Former:
    return Former(
        text=words.with_unit(text_of(rows, parameter, old), old.unit),
        by=rows.people.who(old.recorded_by, old.recorded_at),
        at=old.recorded_at,
        revision=old.revision,
        replaced_by=rows.people.who(new.recorded_by, new.recorded_at),
        replaced_at=new.recorded_at,
        replaced_in=new.revision,
        reason=new.reason or "",
    )


def _parameter(spec: Step, code: str) -> Parameter | None:
    return next((each for each in spec.parameters if each.code == code), None)


def label_of(rows: Rows, spec: Step, code: str) -> str:
    """What a value is called: the recipe's label, a check point's text, the tag of a set point."""
    named: list[Parameter | CheckPoint] = [*spec.parameters, *spec.checks]
    for each in named:
        if each.code == code:
            return rows.text(each.labels) or words.capital(words.plain(code))
    point = _set_point(spec, code)
    return f"Set point {point.tag}" if point else words.capital(words.plain(code))


def _set_point(spec: Step, code: str) -> SetPoint | None:
    return next((each for each in spec.set_points if each.tag.partition(".")[2] == code), None)


def text_of(rows: Rows, parameter: Parameter | None, value: ParameterValue) -> str:
    """The captured text; a choice by its label; “not applicable” when it does not apply."""
    if value.text is None:
        return "not applicable" if value.not_applicable else ""
    for choice in parameter.choices if parameter else ():
        if choice.value == value.text:
            return rows.text(choice.labels) or words.plain(value.text)
    return value.text


def _target(rows: Rows, parameter: Parameter | None) -> str:
    if parameter is None or parameter.target is None:
        return ""
    return words.expression(parameter.target, rows.labels)


def _limits(value: ParameterValue) -> list[LimitView]:
    return [
        LimitView(
            tier=limit["tier"],
            low=limit["low"],
            high=limit["high"],
            text=words.limits(limit["low"], limit["high"]),
        )
        for limit in value.limits or []
    ]


def source_words(rows: Rows, value: ParameterValue) -> str:
    """Where a value came from, in words."""
    source: Mapping[str, Any] = value.source or {}
    if "expression" in source:
        return _calculation(rows, source)
    if "tag" in source:
        return _device(source)
    if "attachment" in source:
        return f"file {source['attachment'][:12]}"
    return words.word(words.GRADES, value.grade)


def _calculation(rows: Rows, source: Mapping[str, Any]) -> str:
    formula = words.expression(str(source["expression"]), rows.labels)
    inputs = source.get("inputs") or {}
    told = [f"{words.named(name, rows.labels)} = {_input(value)}" for name, value in inputs.items()]
    return f"{formula}; {', '.join(told)}" if told else formula


def _device(source: Mapping[str, Any]) -> str:
    parts = [str(source["tag"])]
    if source.get("statistic") and source["statistic"] != "last":
        parts.append(words.plain(str(source["statistic"])))
    if source.get("quality"):
        parts.append(str(source["quality"]))
    if source.get("simulated"):
        parts.append("simulated")
    return ", ".join(parts)


def details(source: Mapping[str, Any] | None) -> list[Pair]:
    """The whole provenance as names with text, in a fixed order; what is not known is left out."""
    return [
        Pair(name=str(name), text=_flat(value))
        for name, value in sorted((source or {}).items())
        if value is not None and value != ""
    ]


def _input(value: Any) -> str:
    """An input of a calculation; a long list stands with its own parameter and is only counted."""
    if isinstance(value, (list, tuple)) and len(value) > MOST_LISTED:
        return f"{len(value)} values"
    return _flat(value)


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_flat(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_flat(part) for part in value)
    return "unknown" if value is None else str(value)


def changes(
    rows: Rows, step: StepRecord, views: Sequence[ValueView]
) -> tuple[list[ChangeView], list[ChangeView]]:
    """Corrections by people, and results that were calculated again, each in order of time."""
    corrected: list[ChangeView] = []
    calculated: list[ChangeView] = []
    for view in views:
        for former, new in replaced(view):
            change = _change(rows, step, view, former, new)
            (calculated if view.grade == Grade.CALCULATED else corrected).append(change)
    return corrected, calculated


def replaced(view: ValueView) -> list[tuple[Former, str]]:
    """Each former value with the text that took its place, oldest first."""
    texts = [former.text for former in view.former] + [words.with_unit(view.text, view.unit)]
    return list(zip(view.former, texts[1:], strict=True))


def _change(rows: Rows, step: StepRecord, view: ValueView, former: Former, new: str) -> ChangeView:
    signed = [
        rows.signed[row.signature_id]
        for row in rows.step_signatures.get(step.id, [])
        if row.revision == former.replaced_in
    ]
    return ChangeView(
        step=step.key,
        step_name=rows.specs[step.key].name,
        occurrence=step.occurrence,
        label=view.label if view.of == 1 else f"{view.label} {view.position}",
        old=former.text,
        new=new,
        reason=former.reason,
        by=former.replaced_by,
        at=former.replaced_at,
        signed=tuple(f"{each.printed_name}, {each.meaning}" for each in signed),
    )
