"""Reconcile what was issued in pieces: used, destroyed, returned, and what nobody can account for.

Each material of the step names one fate as its portion and how many pieces met it as its
quantity. The difference to what was issued is booked as such and never stays at the batch, so that
a difference beyond its limit is an exception and no stock (URS-MAT-070, -080).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import ValueMissing
from inventory import filling, ledger, loose
from inventory.commands import components
from inventory.commands.components import Fate
from inventory.errors import NotEnough
from inventory.filling import Filled, Late
from inventory.kinds.weigh import place_of
from inventory.models import AccountKind, Lot

Fates = dict[Fate, Decimal]


def settle(context: StepContext, entry: Entry) -> None:
    """Record the step and book the fates. Raises NotEnough for a material that was not issued."""
    filling.record(context, entry, {}, lambda: _settle(context))


def facts(context: StepContext) -> list[tuple[str, str]]:
    """The lots that the batch has pieces of, and how many."""
    return [
        (f"Lot {lot.number}", f"{_issued(context, lot)} issued")
        for code in _codes(context)
        for lot in loose.issued_lots(context.session, context.run.number, code)
    ]


def _codes(context: StepContext) -> list[str]:
    return list(dict.fromkeys(use.code for use in context.spec.materials))


def _issued(context: StepContext, lot: Lot) -> int:
    account = ledger.account(AccountKind.BATCH, context.run.number)
    return loose.amount_at(context.session, account, lot.number)


def _settle(context: StepContext) -> Late:
    missing = Decimal(0)
    for code in _codes(context):
        lots = loose.issued_lots(context.session, context.run.number, code)
        if not lots:
            raise NotEnough(
                f"{code} was not issued to {context.run.number}", resolver="stores, at the issue"
            )
        for lot, fates in _by_lot(context, lots, _fates(context, code)):
            missing += components.settle(
                context.session, lot, fates, place_of(context), by=context.by, at=context.at
            )
            for fate, quantity in fates.items():
                context.use_material(fate.value, code, lot.number, quantity, "1")
    return filling.known({"missing": Filled(missing, {"materials": _codes(context)})})


def _fates(context: StepContext, code: str) -> Fates:
    found: Fates = {}
    for use in context.spec.materials:
        if use.code != code:
            continue
        number = context.number(use.quantity, "1")
        if number is None:
            raise ValueMissing(
                f"how many {code} were {use.portion} is not known: {use.quantity}",
                resolver="the person at this step",
            )
        fate = Fate(use.portion or "")
        found[fate] = found.get(fate, Decimal(0)) + number
    return found


def _by_lot(context: StepContext, lots: Sequence[Lot], fates: Fates) -> list[tuple[Lot, Fates]]:
    """Fates of several lots of one material: the first lot first, the rest at the last one."""
    left, found = dict(fates), []
    for lot in lots:
        room = Decimal(_issued(context, lot))
        own: Fates = {}
        for fate, number in left.items():
            part = number if lot is lots[-1] else min(number, room)
            room -= part
            if part:
                own[fate] = part
                left[fate] = number - part
        found.append((lot, own))
    return found
