"""Pure decisions of inventory: which lot may be used, which first, how much, on which scale.

- A lot is usable when it is of the item asked for, released, and not past its last day; the date
  counts whatever the status says (URS-MAT-010).
- First-expiring lot first; taking another one needs a reason (URS-MAT-070).
- A scale is refused with every reason at once (URS-MAT-030).
- Labels printed = used + destroyed; accountability in percent of what was issued (URS-MAT-080).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

from core.errors import Refusal
from inventory.errors import (
    ChargeIncomplete,
    ContainerNotDispensed,
    LotExpired,
    LotNotReleased,
    NotBalanced,
    QuantityNotCountable,
    ScannedTwice,
    StatusNotPossible,
    WrongMaterial,
    WrongOrder,
    WrongPortion,
)
from workflows.rounding import to_decimal, to_decimals

PLACES = {"kg": 9, "1": 0}
"""Decimals of the unit that one ledger count stands for: a microgram, a piece."""
MILLIGRAMS_PER_KILOGRAM = 1_000_000
QUALITY_UNIT = "quality unit"

TRANSITIONS: Mapping[str, frozenset[str]] = {
    "quarantine": frozenset({"released", "rejected", "blocked"}),
    "released": frozenset({"blocked", "quarantine", "rejected"}),
    "blocked": frozenset({"released", "rejected", "quarantine"}),
    "rejected": frozenset({"quarantine"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFacts:
    """What decides whether a lot may be used. `shown_status` is for people."""

    number: str
    material: str
    status: str
    expires_on: date | None = None
    retest_on: date | None = None

    @property
    def last_day(self) -> date | None:
        """The earlier of expiry and retest date; None when neither is set."""
        days = [day for day in (self.expires_on, self.retest_on) if day is not None]
        return min(days) if days else None


def check_usable(lot: LotFacts, *, material: str, today: date) -> None:
    """The lot may be used today as `material`.

    Raises WrongMaterial, LotNotReleased, LotExpired, in this order.
    """
    problem = lot_problem(lot, material=material, today=today)
    if problem is not None:
        raise problem


def lot_problem(lot: LotFacts, *, material: str, today: date) -> Refusal | None:
    """The refusal that using the lot would meet, or None."""
    if lot.material != material:
        return WrongMaterial(
            f"lot {lot.number} is material {lot.material}, the step needs {material}",
            resolver="fetch the material that the step names",
            lot=lot.number,
        )
    if lot.status != "released":
        shown = "BLOCKED" if lot.status == "blocked" else lot.status
        in_quarantine = " in" if lot.status == "quarantine" else ""
        return LotNotReleased(
            f"lot {lot.number} is{in_quarantine} {shown}", resolver=QUALITY_UNIT, lot=lot.number
        )
    if is_past(lot, today):
        return LotExpired(
            f"lot {lot.number}: {_which_day(lot)} was {lot.last_day}",
            resolver=QUALITY_UNIT,
            lot=lot.number,
        )
    return None


def is_past(lot: LotFacts, today: date) -> bool:
    """Past its last day; the last day itself is still inside."""
    return lot.last_day is not None and today > lot.last_day


def _which_day(lot: LotFacts) -> str:
    return "its retest day" if lot.last_day == lot.retest_on else "its expiry date"


def first_expiring(lots: Iterable[LotFacts]) -> list[LotFacts]:
    """First-expiring first, then by number; lots without a date come last."""
    return sorted(
        lots, key=lambda lot: (lot.last_day is None, lot.last_day or date.max, lot.number)
    )


def check_transition(before: str, after: str) -> None:
    """A lot may go from one status to the other. Raises StatusNotPossible."""
    if after not in TRANSITIONS[before]:
        raise StatusNotPossible(
            f"a lot that is {before} cannot become {after}",
            resolver=QUALITY_UNIT,
        )


def counted(quantity: Decimal, unit: str) -> int:
    """A quantity as ledger counts (micrograms of kg, pieces).

    Raises QuantityNotCountable for what the ledger cannot count exactly.
    """
    scaled = quantity.scaleb(PLACES[unit])
    if scaled != scaled.to_integral_value():
        raise QuantityNotCountable(
            f"{quantity} {unit} is finer than the ledger counts", resolver="the person who acts"
        )
    return int(scaled)


def quantity_of(amount: int, unit: str) -> Decimal:
    """Ledger counts as a decimal of the unit, without trailing zeros (``36.5``)."""
    plain = Decimal(amount).scaleb(-PLACES[unit]).normalize()
    exponent = plain.as_tuple().exponent
    return plain.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else plain


def check_balanced(lines: Iterable[tuple[str, int]]) -> None:
    """(lot, amount) pairs sum to zero per lot. Raises NotBalanced."""
    sums: dict[str, int] = {}
    for lot, amount in lines:
        sums[lot] = sums.get(lot, 0) + amount
    for lot, total in sums.items():
        if total != 0:
            raise NotBalanced(
                f"the movement of lot {lot} is off by {total}", resolver="system administrator"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleFacts:
    """What decides whether a scale suits a weighing; weights in kg.

    `obstacles` are the words of what stands in its way by status (overdue, check not passed ...).
    """

    number: str
    equipment_class: str
    capacity: Decimal
    readability: Decimal
    minimum_net: Decimal
    obstacles: Sequence[str] = ()


def scale_problems(
    scale: ScaleFacts,
    target: Decimal,
    *,
    wanted_class: str | None = None,
    tolerance: Decimal | None = None,
    minimum_load: bool = True,
) -> list[str]:
    """Every reason why `target` kg cannot be weighed on the scale; empty when it suits.

    `tolerance` is in percent of the target.
    """
    found = []
    if minimum_load and target < scale.minimum_net:
        found.append(f"{target:f} kg is below its minimum net of {scale.minimum_net:f} kg")
    if target > scale.capacity:
        found.append(f"{target:f} kg is above its capacity of {scale.capacity:f} kg")
    if tolerance is not None and target * tolerance / 100 < scale.readability:
        found.append(
            f"its readability of {scale.readability:f} kg is coarser than the tolerance"
            f" of {tolerance:f} %"
        )
    if wanted_class is not None and scale.equipment_class != wanted_class:
        found.append(
            f"its class is {scale.equipment_class.replace('_', ' ')},"
            f" needed {wanted_class.replace('_', ' ')}"
        )
    return found + list(scale.obstacles)


def band(target: Decimal, tolerance: Decimal, readability: Decimal) -> tuple[Decimal, Decimal]:
    """Lowest and highest net weight inside `tolerance` percent, in steps of the readability.

    Both ends lie inside the exact band: the low end is rounded up, the high end down.
    """
    margin = target * tolerance / 100
    return (
        _steps(target - margin, readability, ROUND_CEILING),
        _steps(target + margin, readability, ROUND_FLOOR),
    )


def _steps(end: Decimal, readability: Decimal, rounding: str) -> Decimal:
    steps = (end / readability).to_integral_value(rounding=rounding)
    return (steps * readability).quantize(readability)


def tablets(net: Decimal, mean_mass: Decimal) -> int:
    """Whole tablets in `net` kg at a mean mass in mg, rounded down.

    97.63 kg at 625.4 mg are 156,108. Raises QuantityNotCountable without a positive mean mass.
    """
    if mean_mass <= 0:
        raise QuantityNotCountable("the mean mass is not positive", resolver="in-process control")
    return int(Fraction(net) * MILLIGRAMS_PER_KILOGRAM / Fraction(mean_mass))


def accountability_gap(issued: Decimal, dispensed: Decimal, returned: Decimal) -> Decimal:
    """What is missing of the issued quantity, in percent of it; 0 when nothing was issued."""
    if issued == 0:
        return Decimal(0)
    gap = Fraction(abs(issued - dispensed - returned)) * 100 / Fraction(issued)
    return to_decimal(gap)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCount:
    """Copies of labels of one record by what became of them."""

    printed: int
    used: int
    destroyed: int

    @property
    def open(self) -> int:
        """Copies that are neither used nor destroyed; below zero when one counts twice."""
        return self.printed - self.used - self.destroyed

    def gap(self) -> Decimal:
        """The difference in percent of the printed labels, two decimals (URS-MAT-080)."""
        if self.printed == 0:
            return Decimal("0.00")
        return to_decimals(Fraction(abs(self.open) * 100, self.printed), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place in the charging order: which material, from which weigh step, which portion."""

    material: str
    step: str | None
    portion: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A dispensed container as it is scanned for charging."""

    label: str
    material: str
    step: str | None
    portion: str | None


def check_charge(slots: Sequence[Slot], offered: Sequence[Offered], *, ordered: bool) -> None:
    """The scanned containers are those of the recipe, in its order when `ordered`.

    Raises ScannedTwice, WrongMaterial, WrongPortion, ContainerNotDispensed, WrongOrder,
    ChargeIncomplete naming the first difference (URS-MAT-050).
    """
    labels = [container.label for container in offered]
    for label in labels:
        if labels.count(label) > 1:
            raise ScannedTwice(f"container {label} was scanned twice", resolver="scan the others")
    open_slots = list(slots)
    for place, container in enumerate(offered):
        at = open_slots[0] if open_slots else None
        if at is not None and _fits(container, at):
            open_slots.pop(0)
            continue
        later = next((slot for slot in open_slots if _fits(container, slot)), None)
        if later is not None and not ordered:
            open_slots.remove(later)
            continue
        raise _misfit(container, slots, at, place, later)
    if open_slots:
        raise ChargeIncomplete(
            f"{len(offered)} of {len(slots)} containers were scanned; next:"
            f" {_words(open_slots[0])}",
            resolver="the person at this step",
        )


def _fits(container: Offered, slot: Slot) -> bool:
    return (container.material, container.step, container.portion) == (
        slot.material,
        slot.step,
        slot.portion,
    )


def _misfit(
    container: Offered, slots: Sequence[Slot], at: Slot | None, place: int, later: Slot | None
) -> Refusal:
    same = [slot for slot in slots if slot.material == container.material]
    next_one = _words(at) if at is not None else "nothing more"
    if not same:
        return WrongMaterial(
            f"container {container.label} holds {container.material}; the step needs {next_one}",
            resolver="fetch the container that the step names",
        )
    if all(slot.portion != container.portion for slot in same):
        return WrongPortion(
            f"container {container.label} is portion {container.portion or 'none'},"
            f" the step needs {same[0].portion or 'none'}",
            resolver="fetch the container of the right portion",
        )
    if all(slot.step != container.step for slot in same):
        return ContainerNotDispensed(
            f"container {container.label} was weighed at {container.step or 'no step'},"
            f" the step takes those of {same[0].step}",
            resolver="fetch the container that the step names",
        )
    if later is not None or at is not None:
        return WrongOrder(
            f"container {container.label} ({container.material}) is not number {place + 1};"
            f" next is {next_one}",
            resolver="charge in the order of the recipe",
        )
    return WrongOrder(
        f"container {container.label} is one more than the recipe charges here",
        resolver="put it back to the staged containers",
    )


def _words(slot: Slot) -> str:
    portion = f" ({slot.portion})" if slot.portion else ""
    return f"{slot.material}{portion} weighed at {slot.step}"
