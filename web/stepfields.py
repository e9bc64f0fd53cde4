"""The parameters of a step as its form asks for them, with what was given already."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ebr import queries, values
from ebr.context import StepContext
from ebr.entry import File
from ebr.kinds.base import Form, resolve_tag
from hardware.models import Reading
from web import filters, limits, live, watched
from web.i18n import gettext as _
from workflows.expressions.types import Given as Known
from workflows.step import Parameter, in_language
from workflows.words import DataType, Origin, Rounding, StepKind

FILLING_KINDS = frozenset({StepKind.WEIGH, StepKind.CHARGE, StepKind.RECONCILE, StepKind.LABEL})
TARGET = "target"
"""How a kind that weighs calls what it aims at, as its form does."""
NUMERIC = (DataType.DECIMAL, DataType.INTEGER)
FIGURES = (
    re.compile(r"(?P<name>mean|min|max|sum)\((?P<of>\w+)\)"),
    re.compile(
        r"(?P<name>outside)\((?P<of>\w+), (?P<low>[0-9.]+) \* (?P<around>\w+),"
        r" (?P<high>[0-9.]+) \* (?P=around)\)"
    ),
)
"""Expressions over one series that the browser can follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the person typed, took or chose already on this page."""

    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    readings: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[str] = ()
    scans: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)
    staged: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    reason: str = ""


NOTHING = Given()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """How a calculated value comes from a series of the same form.

    The browser shows it while the series grows; what counts is what the server calculates.
    `name` is a function of the expression language; for `outside` the bounds are `low` and `high`
    times the value of `around`.
    """

    name: str
    of: str
    low: str = ""
    high: str = ""
    around: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One parameter as `ui.field` draws it."""

    code: str
    label: str
    type: str
    unit: str | None
    required: bool
    critical: bool
    numeric: bool
    calculated: bool
    device: bool
    source: str
    tag: str
    take: str
    replicates: int
    choices: Sequence[tuple[str, str]]
    scale: limits.Scale | None
    values: Sequence[str]
    reading: Sequence[str]
    reading_words: str
    not_applicable: str
    staged: str
    now: Mapping[str, Any] | None = None
    """What the device shows, for a value that it gives and nobody has taken yet."""
    reading_last: str = ""
    """The last reading in words."""
    decimals: int | None = None
    figure: Figure | None = None
    figures: Sequence[FieldView] = ()
    """Of a series: the values that are calculated from it."""

    @property
    def is_series(self) -> bool:
        """Several numbers of one kind, asked for as a table of their own."""
        return self.replicates > 1 and self.numeric and not self.calculated


def ahead(context: StepContext, form: Form) -> StepContext:
    """The step as its screen sees it: of its own values only what this occurrence recorded counts.

    A limit that follows the target of a container must not follow the one of the container before
    (URS-MAT-020).
    """
    recorded = queries.current_values(context.session, context.step)
    key = context.spec.key
    own: dict[str, Known] = {
        f"{key}.{each.code}": None for each in context.spec.parameters if each.code not in recorded
    }
    if f"{key}.{TARGET}" in own and form.target is not None:
        own[f"{key}.{TARGET}"] = form.target
    return replace(context, ahead=own)


def field_of(
    context: StepContext, parameter: Parameter, given: Given, take: Callable[[str], str]
) -> FieldView:
    """A parameter with what was typed, taken or chosen already; `take` makes a button's address."""
    code = parameter.code
    reading = [str(found) for found in given.readings.get(code, ())]
    rows = _readings(context, given.readings.get(code, ()))
    texts = [row.value_text or "" for row in rows] or list(given.values.get(code, ()))
    tag = resolve_tag(context, parameter.source) if parameter.source else None
    return FieldView(
        code=code,
        label=values.label(context, parameter),
        type=parameter.data_type.value,
        unit=parameter.unit,
        required=parameter.required,
        critical=parameter.critical,
        numeric=parameter.data_type in NUMERIC,
        calculated=parameter.origin is Origin.CALCULATED or _is_filled(context, parameter),
        device=parameter.origin is Origin.DEVICE and parameter.source is not None,
        source=parameter.source or "",
        tag=tag or "",
        take=take(code),
        replicates=parameter.replicates,
        choices=_choices(context, parameter),
        scale=_scale(context, parameter),
        values=texts,
        reading=reading,
        reading_words="; ".join(_reading_words(row) for row in rows),
        not_applicable=given.not_applicable.get(code, ""),
        staged=given.files[code].name if code in given.files else "",
        now=_now(context, parameter, tag) if not rows else None,
        reading_last=_reading_words(rows[-1]) if rows else "",
        decimals=parameter.decimals,
        figure=_figure(context.spec.key, parameter),
    )


def _now(context: StepContext, parameter: Parameter, tag: str | None) -> Mapping[str, Any] | None:
    if tag is None or parameter.origin is not Origin.DEVICE:
        return None
    found = watched.value_now(context.session, tag)
    return None if found is None else live.tag_view(found)


def fields_of(
    context: StepContext, given: Given, take: Callable[[str], str]
) -> Sequence[FieldView]:
    """The parameters of a step in the order of the recipe, each figure with its series."""
    found = [field_of(context, each, given, take) for each in context.spec.parameters]
    series = {each.code for each in found if each.is_series}
    return [
        replace(each, figures=[other for other in found if _belongs(other, {each.code})])
        if each.is_series
        else each
        for each in found
        if not _belongs(each, series)
    ]


def _belongs(field: FieldView, series: Collection[str]) -> bool:
    return field.figure is not None and field.figure.of in series


def _figure(key: str, parameter: Parameter) -> Figure | None:
    if parameter.expression is None or parameter.rounding is not Rounding.HALF_UP:
        return None
    for pattern in FIGURES:
        match = pattern.fullmatch(parameter.expression.replace(f"{key}.", ""))
        if match is not None:
            return Figure(**match.groupdict())
    return None


def _is_filled(context: StepContext, parameter: Parameter) -> bool:
    """Whether the step kind takes the value from a scanned label by itself; nobody types it."""
    return parameter.origin is Origin.LABEL and context.spec.kind in FILLING_KINDS


def _scale(context: StepContext, parameter: Parameter) -> limits.Scale | None:
    target = context.number(parameter.target, parameter.unit)
    if target is not None and parameter.decimals is not None:
        target = target.quantize(Decimal(1).scaleb(-parameter.decimals))
    return limits.scale_of(values.evaluated_limits(context, parameter), target, parameter.unit)


def _readings(context: StepContext, ids: Sequence[Any]) -> list[Reading]:
    rows = [context.session.get(Reading, reading_id) for reading_id in ids]
    return [row for row in rows if row is not None]


def _reading_words(row: Reading) -> str:
    return _(
        "%(value)s from %(tag)s, %(quality)s, taken %(at)s",
        value=filters.quantity(row.value_text, row.unit),
        tag=row.tag,
        quality=str(row.quality).lower(),
        at=filters.clock_in_words(row.taken_at),
    )


def _choices(context: StepContext, parameter: Parameter) -> list[tuple[str, str]]:
    if parameter.data_type is DataType.BOOLEAN:
        return [("yes", _("Yes")), ("no", _("No"))]
    language = context.run.language
    return [(c.value, in_language(c.labels, language) or c.value) for c in parameter.choices]
