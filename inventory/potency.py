"""How much of which lot: potency, and the targets of containers. Pure (URS-MAT-030).

The pure share of a lot is its assay times what is left without water; a lot whose assay is stated
"as is" gets no water term. Lots are used first-expiring first and to the end; the target of the
last lot makes the pure total from what was really weighed, never from earlier targets. The active
that is weighed beyond its nominal mass is taken off the compensating excipient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil

from inventory.errors import NothingToWeigh
from workflows.rounding import to_decimal
from workflows.scaling import weighing_target

WHOLE = Decimal(1)


def pure_share(assay: Decimal, loss_on_drying: Decimal | None, *, dried_basis: bool) -> Decimal:
    """Pure substance per weighed substance, exact; `assay` and `loss_on_drying` in percent.

    99.4 % on dried basis with 0.30 % loss on drying: 0.991018.
    """
    share = assay / 100
    if dried_basis and loss_on_drying is not None:
        share *= 1 - loss_on_drying / 100
    return share.normalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A container of this step that was weighed before; `counted` see `Plan`."""

    lot: str
    net: Decimal
    pure: Decimal
    counted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The container to weigh from: its lot's share and stock, and its own content."""

    lot: str
    share: Decimal
    lot_on_hand: Decimal
    content: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to weigh into the next container.

    `target` of this container; `lot_target` of its whole lot, `exact` before rounding; `to_the_end`
    when the lot is used up; `left` containers to come of this lot, this one included; `counted` is
    this container's part of the compensation while it is not the one that is weighed (of a lot used
    up its net counts instead, see `counted_of`).
    """

    target: Decimal
    lot_target: Decimal
    exact: Decimal
    to_the_end: bool
    left: int
    counted: Decimal


def plan_container(
    required: Decimal,
    earlier: Sequence[Weighed],
    source: Source,
    *,
    readability: Decimal,
    containers: int | None = None,
) -> Plan:
    """The target of the next container from `source`; `required` is pure mass, weights in kg.

    `containers` is how many the recipe plans in all. Raises NothingToWeigh when the total is there.
    """
    elsewhere = sum((each.pure for each in earlier if each.lot != source.lot), Decimal(0))
    own = [each for each in earlier if each.lot == source.lot]
    nets = sum((each.net for each in own), Decimal(0))
    exact = to_decimal(Fraction(required - elsewhere) / Fraction(source.share))
    lot_target = weighing_target(exact, readability)
    remaining = lot_target - nets
    if remaining <= 0:
        raise NothingToWeigh(
            f"{required:f} kg are weighed already", resolver="go on with the next step"
        )
    if nets + source.lot_on_hand <= lot_target:
        content = weighing_target(source.content, readability)
        return _plan(content, lot_target, exact, to_the_end=True, left=1, counted=content)
    left = _left(remaining, source.content, containers, len(earlier))
    target = remaining if left == 1 else weighing_target(remaining / left, readability)
    taken = sum((each.counted for each in own), Decimal(0))
    counted = lot_target - taken if left == 1 else target
    return _plan(target, lot_target, exact, to_the_end=False, left=left, counted=counted)


def _plan(
    target: Decimal,
    lot_target: Decimal,
    exact: Decimal,
    *,
    to_the_end: bool,
    left: int,
    counted: Decimal,
) -> Plan:
    return Plan(
        target=target,
        lot_target=lot_target,
        exact=exact,
        to_the_end=to_the_end,
        left=left,
        counted=counted,
    )


def _left(remaining: Decimal, content: Decimal, containers: int | None, done: int) -> int:
    """Containers still to fill: as planned, and enough for what the sources can hold."""
    by_content = ceil(Fraction(remaining) / Fraction(content)) if content > 0 else 1
    planned = (containers or 0) - done
    return max(by_content, planned, 1)


def counted_of(plan: Plan, net: Decimal) -> Decimal:
    """What a weighed container counts in the compensation: the net of a lot that is used up, the
    planned part of the last lot's target."""
    return net if plan.to_the_end else plan.counted


def compensating(nominal: Decimal, counted: Sequence[Decimal], active: Decimal) -> Decimal:
    """Mass of the compensating excipient: 8.500 - (36.50 + 44.00 - 80.000) = 8.000 kg."""
    return nominal - (sum(counted, Decimal(0)) - active)
