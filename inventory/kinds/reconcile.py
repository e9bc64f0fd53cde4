"""Reconcile: what was issued, dispensed and returned; what became of every label.

The rests of opened source containers go back to where they came from, so that the books say what
the shelves hold; then the sums are taken (URS-MAT-070, -080). Differences beyond the recipe's
limits raise exceptions like any other value. A step that names materials settles what was issued in
pieces instead (see `settling`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ebr.context import StepContext
from ebr.entry import Entry
from ebr.kinds.base import Form, Kind
from inventory import filling, ledger, rules
from inventory import queries as stock
from inventory.commands import dispensing
from inventory.filling import Filled, Values
from inventory.kinds import settling
from inventory.kinds.weigh import place_of
from inventory.models import AccountKind, ContainerState


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSums:
    """What of one lot went to a batch, in kg."""

    lot: str
    issued: Decimal
    dispensed: Decimal
    returned: Decimal

    @property
    def gap(self) -> Decimal:
        """What is missing, in percent of the issued quantity."""
        return rules.accountability_gap(self.issued, self.dispensed, self.returned)


class Reconcile(Kind):
    """Sums of material and labels of the batch up to now."""

    def form(self, context: StepContext) -> Form:
        """The sums as they stand, by lot, and the labels."""
        if context.spec.materials:
            return Form(facts=tuple(settling.facts(context)))
        return Form(facts=tuple(_facts(context)))

    def record(self, context: StepContext, entry: Entry) -> None:
        """Return the rests and record the sums; with materials, settle the pieces issued."""
        if context.spec.materials:
            settling.settle(context, entry)
            return
        place = place_of(context)
        returned = dispensing.return_rests(context.session, place, by=context.by, at=context.at)
        filling.record(context, entry, sums(context, returned), dict)


def lot_sums(context: StepContext) -> list[LotSums]:
    """Material of the batch by lot, from the ledger."""
    account = ledger.account(AccountKind.BATCH, context.run.number)
    parts = {
        kind: stock.moved(context.session, context.run.stream, kind, account)
        for kind in ("issue", "return")
    }
    dispensed: dict[str, Decimal] = {}
    for container in stock.containers_of_batch(context.session, context.run.number):
        if container.source is not None:
            net = container.net or Decimal(0)
            dispensed[container.lot] = dispensed.get(container.lot, Decimal(0)) + net
    return [
        LotSums(
            lot=lot,
            issued=rules.quantity_of(amount, "kg"),
            dispensed=dispensed.get(lot, Decimal(0)),
            returned=rules.quantity_of(parts["return"].get(lot, 0), "kg"),
        )
        for lot, amount in sorted(parts["issue"].items())
    ]


def sums(context: StepContext, returned: list[str]) -> Values:
    """Everything that a reconcile step can record, by parameter code."""
    lots = lot_sums(context)
    count = stock.label_count(context.session, context.run.stream)
    containers = [
        container
        for container in stock.containers_of_batch(context.session, context.run.number)
        if container.source is not None and container.state != ContainerState.DESTROYED
    ]
    source = {
        lot.lot: f"{lot.issued:f} - {lot.dispensed:f} - {lot.returned:f} kg" for lot in lots
    } | {"returned": returned}
    numbers: dict[str, Decimal | int] = {
        "issued": sum((lot.issued for lot in lots), Decimal(0)),
        "dispensed": sum((lot.dispensed for lot in lots), Decimal(0)),
        "returned": sum((lot.returned for lot in lots), Decimal(0)),
        "largest_difference": max((lot.gap for lot in lots), default=Decimal(0)),
        "containers": len(containers),
        "printed": count.printed,
        "used": count.used,
        "destroyed": count.destroyed,
        "open": count.open,
    }
    named = numbers | {f"labels_{code}": numbers[code] for code in LABEL_CODES}
    return {code: Filled(value, source) for code, value in named.items()}


LABEL_CODES = ("printed", "used", "destroyed", "open")


def _facts(context: StepContext) -> list[tuple[str, str]]:
    facts = [(f"Lot {lot.lot}", _words_of(lot)) for lot in lot_sums(context)]
    open_sources = stock.sources_at_batch(context.session, context.run.number)
    if open_sources:
        facts.append(("To be returned", ", ".join(open_sources)))
    count = stock.label_count(context.session, context.run.stream)
    facts.append(
        ("Labels", f"printed {count.printed}, used {count.used}, destroyed {count.destroyed}")
    )
    return facts


def _words_of(lot: LotSums) -> str:
    # The three are compared by eye: they have the same number of decimals.
    finest = min(Decimal(1), *(Decimal(1).scaleb(_exponent(q)) for q in _amounts(lot)))
    issued, dispensed, returned = (amount.quantize(finest) for amount in _amounts(lot))
    return f"issued {issued:f}, dispensed {dispensed:f}, returned {returned:f}\u202fkg"


def _amounts(lot: LotSums) -> tuple[Decimal, Decimal, Decimal]:
    return lot.issued, lot.dispensed, lot.returned


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
