"""Values of machines at a step, as people watch them: named, with extremes, limits and trend.

A trend is drawn from the stored points with its holes (URS-PRO-040); while the step runs the
browser adds what the live endpoint tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from core.errors import NotFound
from documents.units import symbol
from ebr import values
from ebr.context import StepContext
from ebr.kinds.base import resolve_tag
from hardware import queries as plant
from hardware.historian import Trend
from hardware.queries import TagNow
from web import filters, live, states
from web.i18n import gettext as _
from workflows.step import Parameter

SINGLE = re.compile(r"\S+ (?P<sign>>=|<=|>|<) (?P<number>-?[0-9.]+)(?: \S+)?")
"""A condition on one tag alone, whose number can be drawn beside its trend."""
SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A tag of the step: its name for people, value now, extremes and limits, its trend if kept."""

    tag: str
    label: str
    now: dict[str, Any]
    extremes: str
    limits: Sequence[str]
    chart: dict[str, Any] | None


def of(context: StepContext) -> list[Watched]:
    """Each tag of the step's parameters once, in the order of the recipe, with trend where kept."""
    by_source: dict[str, list[Parameter]] = {}
    for parameter in context.spec.parameters:
        if parameter.source is not None:
            by_source.setdefault(parameter.source, []).append(parameter)
    found = []
    for source, parameters in by_source.items():
        tag = resolve_tag(context, source)
        now = None if tag is None else value_now(context.session, tag)
        if tag is not None and now is not None:
            found.append(_watched(context, source, tag, now, parameters))
    return found


def _watched(
    context: StepContext, source: str, tag: str, now: TagNow, parameters: Sequence[Parameter]
) -> Watched:
    lines = list(_limit_lines(context, source, parameters))
    trend = None
    if context.step.started_at and any(parameter.trend for parameter in parameters):
        historian = plant.historian(context.session)
        trend = historian.trend(tag, context.step.started_at, context.at)
    label = label_of(context.session, tag)
    return Watched(
        tag=tag,
        label=label[:1].upper() + label[1:],
        now=live.tag_view(now),
        extremes=_extremes(trend, now.unit),
        limits=list(_said(lines)),
        chart=None if trend is None else _chart(context, trend, now.unit, label, lines),
    )


def _extremes(trend: Trend | None, unit: str) -> str:
    known = [point.value for point in trend.points if point.value is not None] if trend else []
    if not known:
        return ""
    return _("lowest %(low)s, highest %(high)s until now", low=filters.number(min(known)),
             high=filters.quantity(max(known), unit))  # fmt: skip


def _said(lines: Iterable[tuple[str, Decimal, str]]) -> Iterator[str]:
    """Each tier once: both its ends, or the one that it has."""
    by_tier: dict[str, list[tuple[str, Decimal]]] = {}
    for name, value, tier in lines:
        by_tier.setdefault(tier, []).append((name, value))
    for ends in by_tier.values():
        name = ends[0][0]
        if len(ends) == 1:
            yield f"{name} {filters.number(ends[0][1])}"
        else:
            low, high = min(end for _name, end in ends), max(end for _name, end in ends)
            yield f"{name.rpartition(' ')[0]} {filters.number(low)} … {filters.number(high)}"


def tier_words() -> Mapping[str, str]:
    """What the tiers of limits are called on a screen."""
    return {"alert": _("alert"), "action": _("action"), "registered": _("specification")}


def _limit_lines(
    context: StepContext, source: str, parameters: Iterable[Parameter]
) -> Iterator[tuple[str, Decimal, str]]:
    """Ends of the limits of every value taken from the tag, and what the step waits for in it."""
    names = tier_words()
    for condition in context.spec.wait_for.conditions if context.spec.wait_for else ():
        match = SINGLE.fullmatch(condition.expression)
        if match and condition.expression.startswith(f"{source} "):
            yield _("waits for") + f" {SIGNS[match['sign']]}", Decimal(match["number"]), "wait"
    for parameter in parameters:
        for limit in values.evaluated_limits(context, parameter):
            for sign, end in (("≥", limit.low), ("≤", limit.high)):
                if end is not None:
                    yield f"{names[limit.tier.value]} {sign}", end, limit.tier.value


def _chart(
    context: StepContext,
    trend: Trend,
    unit: str,
    label: str,
    lines: Iterable[tuple[str, Decimal, str]],
) -> dict[str, Any]:
    """What the chart draws first. Pixels need no exact decimals: nothing is decided by them."""
    start = context.step.started_at or context.at
    return {
        "label": label,
        "unit": symbol(unit),
        "points": [
            [max(point.at, start).timestamp(), None if point.value is None else float(point.value)]
            for point in trend.points
        ],
        "holes": [
            [hole.start.timestamp(), hole.end.timestamp() if hole.end else None]
            for hole in trend.holes
        ],
        "limits": [
            {"label": f"{name} {filters.number(value)}", "value": float(value), "tier": tier}
            for name, value, tier in lines
        ],
        "from": start.timestamp(),
        "to": context.at.timestamp(),
    }


def value_now(session: Session, tag: str) -> TagNow | None:
    """What is known of a tag now; None where no map knows it."""
    try:
        return plant.current(session, tag)
    except NotFound:
        return None


def label_of(session: Session, tag: str) -> str:
    """What a tag measures, in the language of the screen; its own name where no map knows it."""
    try:
        return states.words_of(plant.tag(session, tag).description)
    except NotFound:
        return tag
