"""Material that a batch takes straight from stock, without weighing it into containers of its own:
packaging components in pieces, drums of bulk product, bags of medium.

What is counted in pieces is issued to the batch first and settled at its reconciliation: used,
destroyed or returned, the rest booked as a difference (URS-MAT-070, -080). What has a mass is
consumed when it is charged.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy.orm import Session

from core.actors import Actor
from inventory import genealogy, ledger, loose, queries, rules
from inventory.commands import stock
from inventory.commands.dispensing import Place, issue
from inventory.errors import NotEnough
from inventory.models import AccountKind, Container, ContainerState, Lot


class Fate(StrEnum):
    """What became of pieces that were issued to a batch; recipes name it as the portion."""

    USED = "used"
    DESTROYED = "destroyed"
    RETURNED = "returned"


def issue_pieces(
    session: Session, lot: Lot, quantity: Decimal, place: Place, *, by: Actor, at: datetime
) -> None:
    """Bring loose pieces of a lot from their location to the batch. Raises NotEnough."""
    amount = rules.counted(quantity, "1")
    source = loose.place_with(session, lot.number, amount)
    if source is None:
        raise NotEnough(
            f"lot {lot.number}: {quantity:f} pieces are at no location",
            resolver="stores: count the stock, or issue another lot",
            lot=lot.number,
        )
    batch = ledger.account(AccountKind.BATCH, place.batch)
    facts = {"batch": place.batch, "quantity": f"{quantity:f}"}
    with stock.on_lot(session, "lot.issued", lot.number, by=by, facts=facts):
        _move(session, lot, amount, (source, batch), "issue", place, by, at)


def consume(
    session: Session,
    container: Container,
    quantity: Decimal | None,
    place: Place,
    *,
    by: Actor,
    at: datetime,
) -> Decimal:
    """Take `quantity` (all of it when None) of a container of a released lot into the batch;
    answers what was taken, in the material's unit. Raises NotEnough."""
    unit = queries.material(session, container.material).unit
    issue(session, container.label, place, by=by, at=at)
    source, content = queries.place_of(session, container.label)
    amount = content if quantity is None else rules.counted(quantity, unit)
    taken = rules.quantity_of(amount, unit)
    facts = {"batch": place.batch, "quantity": f"{taken:f} {unit}"}
    with stock.on_lot(
        session, "lot.charged", container.lot, by=by, object=container.label, facts=facts
    ):
        ledger.post(
            session,
            ledger.NewMovement(
                key=f"charge/{place.record}/{place.path}/{container.label}",
                kind="charge",
                material=container.material,
                record=place.record,
                step=place.path,
                lines=ledger.transfer(
                    container.lot,
                    amount,
                    source=(source, container.label),
                    target=(ledger.account(AccountKind.CONSUMED, place.batch), ""),
                ),
            ),
            by=by,
            at=at,
        )
        container.state = ContainerState.IN_USE if amount < content else ContainerState.EMPTY
        if container.state == ContainerState.EMPTY:
            container.charged_at = place.step
    _link(session, container.lot, taken, unit, place, by, at, container=container.label)
    return taken


def settle(
    session: Session, lot: Lot, fates: dict[Fate, Decimal], place: Place, *, by: Actor, at: datetime
) -> Decimal:
    """Book what became of the pieces of a lot that the batch has; answers the pieces that nobody
    can account for (negative: more were counted than issued). Nothing stays at the batch."""
    batch = ledger.account(AccountKind.BATCH, place.batch)
    had = loose.amount_at(session, batch, lot.number)
    counted = {fate: rules.counted(quantity, "1") for fate, quantity in fates.items()}
    missing = had - sum(counted.values())
    targets = {
        Fate.USED: ledger.account(AccountKind.CONSUMED, place.batch),
        Fate.DESTROYED: ledger.account(AccountKind.SCRAP, place.batch),
        Fate.RETURNED: loose.home_of(session, lot.number),
    }
    facts = {fate.value: f"{amount}" for fate, amount in counted.items()}
    with stock.on_lot(session, "lot.settled", lot.number, by=by, object=place.batch, facts=facts):
        adjustment = ledger.account(AccountKind.ADJUSTMENT, lot.material)
        if missing:
            _move(session, lot, missing, (batch, adjustment), "adjustment", place, by, at)
        for fate, amount in counted.items():
            if amount:
                _move(session, lot, amount, (batch, targets[fate]), KINDS[fate], place, by, at)
    used = fates.get(Fate.USED, Decimal(0))
    if used:
        _link(session, lot.number, used, "1", place, by, at)
    return rules.quantity_of(missing, "1")


KINDS = {Fate.USED: "charge", Fate.DESTROYED: "scrap", Fate.RETURNED: "return"}
COUNTED = "counted otherwise than issued"


def _move(
    session: Session,
    lot: Lot,
    amount: int,
    between: tuple[str, str],
    kind: str,
    place: Place,
    by: Actor,
    at: datetime,
) -> None:
    ledger.post(
        session,
        ledger.NewMovement(
            key=f"{kind}/{place.record}/{place.path}/{lot.number}",
            kind=kind,
            material=lot.material,
            reason=COUNTED if kind == "adjustment" else None,
            record=place.record,
            step=place.path,
            lines=ledger.transfer(
                lot.number, amount, source=(between[0], ""), target=(between[1], "")
            ),
        ),
        by=by,
        at=at,
    )


def _link(
    session: Session,
    lot: str,
    quantity: Decimal,
    unit: str,
    place: Place,
    by: Actor,
    at: datetime,
    *,
    container: str | None = None,
) -> None:
    genealogy.link(
        session,
        genealogy.Link(
            source=genealogy.lot_node(lot),
            target=genealogy.batch_node(place.batch),
            kind="consumed",
            quantity=quantity,
            unit=unit,
            container=container,
            record=place.record,
            step=place.path,
        ),
        by=by,
        at=at,
    )
