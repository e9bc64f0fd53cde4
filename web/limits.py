"""Limits as a scale: where the tiers, the target and the value stand between two ends.

Drawn before anything is typed (URS-EXE-060). The browser judges with the same tiers while somebody
types; the server decides.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ebr.rules import EvaluatedLimit, breach
from web import filters, states
from web.i18n import gettext as _
from workflows.words import Tier

WIDTH = 1000
OUTERMOST_FIRST = (Tier.REGISTERED, Tier.ACTION, Tier.ALERT)
BAND = {Tier.REGISTERED: (16, 12), Tier.ACTION: (14, 16), Tier.ALERT: (12, 20)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One tier as a rectangle of the drawing."""

    tier: str
    start: int
    width: int
    top: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Everything that `ui.limit_scale` draws; places count from 0 to 1000."""

    bands: Sequence[Band]
    target: int | None
    mark: int | None
    words: Sequence[str]
    ends: tuple[Decimal, Decimal]
    limits: Sequence[EvaluatedLimit]
    unit: str | None

    def as_json(self) -> str:
        """The tiers for the browser, outermost first, with the words of a breach."""
        tiers = [
            {
                "tier": limit.tier.value,
                "low": _text(limit.low),
                "high": _text(limit.high),
                "words": breach_words(limit, self.unit),
            }
            for limit in self.limits
        ]
        low, high = (format(end, "f") for end in self.ends)
        told = {"from": low, "to": high, "tiers": tiers, "good": states.word("in")}
        return json.dumps(told, ensure_ascii=False)


def scale_of(
    limits: Sequence[EvaluatedLimit],
    target: Decimal | None,
    unit: str | None,
    value: Decimal | None = None,
) -> Scale | None:
    """The scale of a parameter, or None when nothing limits it."""
    known = [limit for limit in limits if limit.low is not None or limit.high is not None]
    known.sort(key=lambda limit: OUTERMOST_FIRST.index(limit.tier))
    if not known:
        return None
    ends = _ends(known, target)
    return Scale(
        bands=[_band(limit, ends) for limit in known],
        target=None if target is None else _place(target, ends),
        mark=None if value is None else _place(value, ends),
        words=_words(known, target, unit),
        ends=ends,
        limits=known,
        unit=unit,
    )


def breach_words(limit: EvaluatedLimit, unit: str | None) -> str:
    """What a value beyond this tier leads to, as the screen says it."""
    said = _("%(state)s: %(range)s", state=states.word(limit.tier.value), range=words(limit, unit))
    return f"{said}. {_('Saving opens an exception.')}"


def words(limit: EvaluatedLimit, unit: str | None) -> str:
    """The range of one tier: ``9.50 … 10.50 kg``; one number where both ends are the same."""
    if limit.low is None:
        return f"≤ {filters.quantity(limit.high, unit)}"
    if limit.high is None:
        return f"≥ {filters.quantity(limit.low, unit)}"
    if limit.low == limit.high:
        return filters.quantity(limit.high, unit)
    return f"{filters.number(limit.low)} … {filters.quantity(limit.high, unit)}"


def verdict(limits: Sequence[EvaluatedLimit], value: Decimal | None) -> str:
    """The tier that a value breaches, ``in``, or nothing to judge."""
    if value is None or not limits:
        return ""
    found = breach(limits, value)
    return found.limit.tier.value if found else "in"


def _words(limits: Sequence[EvaluatedLimit], target: Decimal | None, unit: str | None) -> list[str]:
    names = {
        Tier.ALERT: _("alert"),
        Tier.ACTION: _("action"),
        Tier.REGISTERED: _("specification"),
    }
    said = [f"{names[limit.tier]} {words(limit, unit)}" for limit in reversed(limits)]
    if target is not None:
        said.insert(0, f"{_('target')} {filters.quantity(target, unit)}")
    return said


def _ends(limits: Sequence[EvaluatedLimit], target: Decimal | None) -> tuple[Decimal, Decimal]:
    points = [end for limit in limits for end in (limit.low, limit.high) if end is not None]
    points += [] if target is None else [target]
    low, high = min(points), max(points)
    if any(limit.low is None for limit in limits) and len(set(points)) == 1:
        low = Decimal(0) if high > 0 else high * 2
    if any(limit.high is None for limit in limits) and len(set(points)) == 1:
        high = low * 2 if low > 0 else low + 1
    margin = (high - low) / 4 or Decimal(1)
    return low - margin, high + margin


def _band(limit: EvaluatedLimit, ends: tuple[Decimal, Decimal]) -> Band:
    start = 0 if limit.low is None else _place(limit.low, ends)
    end = WIDTH if limit.high is None else _place(limit.high, ends)
    top, height = BAND[limit.tier]
    return Band(tier=limit.tier.value, start=start, width=end - start, top=top, height=height)


def _place(value: Decimal, ends: tuple[Decimal, Decimal]) -> int:
    low, high = ends
    share = (value - low) / (high - low)
    return int(min(max(share, Decimal(0)), Decimal(1)) * WIDTH)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
