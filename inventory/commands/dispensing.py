"""Material on its way through a batch: issued, dispensed, charged, returned, produced.

These run inside the act of the step that does it; what happens to a lot stands in the lot's own
stream as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE
from core.actors import Actor
from core.errors import BrokenPromise
from documents import gs1
from inventory import genealogy, ledger, queries, rules
from inventory.commands import labels, stock
from inventory.errors import LotExists, NotEnough, QuantityNotCountable
from inventory.models import (
    AccountKind,
    Container,
    ContainerState,
    LabelSeries,
    Lot,
    LotStatus,
)

PERCENT = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The step of a record that moves material: stream, key of the batch, step key and path."""

    record: str
    batch: str
    step: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """A weighed portion on its way into a container of its own; weights in kg.

    `tolerance` in percent bounds what the source may hold more or less than the ledger says.
    """

    source: str
    number: int
    target: Decimal
    net: Decimal
    gross: Decimal | None
    tare: Decimal | None
    pure: Decimal
    counted: Decimal
    tolerance: Decimal
    to_the_end: bool
    scale: str
    portion: str | None
    use_before: datetime | None
    template: str = "dispensed_container"


def make_label_series(
    session: Session, prefix: str, *, first: int, by: Actor, at: datetime
) -> None:
    """Set up the serial numbers of container labels under a GS1 company prefix."""
    with trail.act(session, "series.made", stream=SITE, by=by, object=f"SSCC {prefix}"):
        session.add(LabelSeries(prefix=prefix, next=first))


def draw_label(session: Session, *, by: Actor) -> str:
    """The next SSCC of the site; it is never given again."""
    series = session.scalars(
        select(LabelSeries).order_by(LabelSeries.prefix).limit(1).with_for_update()
    ).one_or_none()
    if series is None:
        raise BrokenPromise("there is no series of container labels")
    with trail.act(session, "series.drawn", stream=SITE, by=by, object="SSCC") as act:
        label = gs1.make_sscc(series.prefix, series.next)
        series.next += 1
        act.facts["number"] = label
    return label


def issue(session: Session, label: str, place: Place, *, by: Actor, at: datetime) -> None:
    """Bring a whole source container to the batch; nothing happens when it is there."""
    account = ledger.account(AccountKind.BATCH, place.batch)
    if queries.place_of(session, label)[0] == account:
        return
    times = len([m for m in queries.movements_of(session, label) if m.kind == "issue"])
    stock.relocate(
        session,
        label,
        account,
        key=f"issue/{place.batch}/{label}/{times + 1}",
        kind="issue",
        record=place.record,
        step=place.path,
        by=by,
        at=at,
    )


def dispense(
    session: Session, portion: Portion, place: Place, *, by: Actor, at: datetime
) -> Container:
    """Move a weighed portion from its source into a new labelled container.

    What the source holds more or less than booked is adjusted within the tolerance, beyond it
    NotEnough is raised. Raises QuantityNotCountable for a net that is not positive.
    """
    if portion.net <= 0:
        raise QuantityNotCountable("the net weight is not positive", resolver="weigh again")
    issue(session, portion.source, place, by=by, at=at)
    source = queries.container(session, portion.source)
    _allow_more(session, portion, source, place, by, at)
    made = _dispensed(portion, source, place, draw_label(session, by=by), by, at)
    session.add(made)
    session.flush()
    _move_portion(session, portion, source, made, place, by, at)
    _close_source(session, portion, source, place, by, at)
    labels.print_label(
        session, made.label, portion.template, record=place.record, step=place.path, by=by, at=at
    )
    return made


def _dispensed(
    portion: Portion, source: Container, place: Place, label: str, by: Actor, at: datetime
) -> Container:
    return Container(
        label=label,
        lot=source.lot,
        material=source.material,
        state=ContainerState.DISPENSED,
        tare=portion.tare,
        source=source.label,
        batch=place.batch,
        step=place.step,
        path=place.path,
        number=portion.number,
        portion=portion.portion,
        target=portion.target,
        net=portion.net,
        gross=portion.gross,
        pure=portion.pure,
        counted=portion.counted,
        scale=portion.scale,
        filled_at=at,
        filled_by=by.name,
        use_before=portion.use_before,
    )


def _move_portion(
    session: Session,
    portion: Portion,
    source: Container,
    made: Container,
    place: Place,
    by: Actor,
    at: datetime,
) -> None:
    account = ledger.account(AccountKind.BATCH, place.batch)
    facts = {"batch": place.batch, "quantity": f"{portion.net:f} kg", "from": source.label}
    with stock.on_lot(session, "lot.dispensed", source.lot, by=by, object=made.label, facts=facts):
        lines = ledger.transfer(
            source.lot,
            rules.counted(portion.net, "kg"),
            source=(account, source.label),
            target=(account, made.label),
        )
        _post(session, "dispense", made, place, lines, by=by, at=at)


def _allow_more(
    session: Session, portion: Portion, source: Container, place: Place, by: Actor, at: datetime
) -> None:
    """A drum may hold a little more than was booked: the scale counts, within the tolerance."""
    _, amount = queries.place_of(session, source.label)
    missing = rules.counted(portion.net, "kg") - amount
    if missing <= 0:
        return
    if missing > _slack(portion, amount):
        raise NotEnough(
            f"container {source.label} holds {rules.quantity_of(amount, 'kg')} kg by the ledger,"
            f" {portion.net:f} kg were weighed",
            resolver="stores: count the container, or weigh again",
        )
    _book(session, portion, source, place, missing, "weighed more than was booked", by, at)


def _close_source(
    session: Session, portion: Portion, source: Container, place: Place, by: Actor, at: datetime
) -> None:
    """An emptied source leaves no rest in the books; its loss shows in the reconciliation."""
    _, rest = queries.place_of(session, source.label)
    if rest and portion.to_the_end and rest <= _slack(portion, rest + _net(portion)):
        _book(session, portion, source, place, -rest, "emptied; less than was booked", by, at)
        rest = 0
    source.state = ContainerState.IN_USE if rest else ContainerState.EMPTY


def _book(
    session: Session,
    portion: Portion,
    source: Container,
    place: Place,
    difference: int,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    stock.book_difference(
        session,
        source,
        ledger.account(AccountKind.BATCH, place.batch),
        difference,
        key=f"adjustment/{place.record}/{place.path}/{portion.source}",
        reason=reason,
        record=place.record,
        step=place.path,
        by=by,
        at=at,
    )


def _net(portion: Portion) -> int:
    return rules.counted(portion.net, "kg")


def _slack(portion: Portion, amount: int) -> int:
    return int(amount * portion.tolerance / PERCENT)


def _post(
    session: Session,
    kind: str,
    container: Container,
    place: Place,
    lines: Sequence[ledger.Line],
    *,
    by: Actor,
    at: datetime,
) -> None:
    """The movement of a container's content, once: its key is the kind and the label."""
    moved = ledger.NewMovement(
        key=f"{kind}/{container.label}",
        kind=kind,
        material=container.material,
        record=place.record,
        step=place.path,
        lines=lines,
    )
    ledger.post(session, moved, by=by, at=at)


def charge(
    session: Session,
    container: Container,
    place: Place,
    *,
    by: Actor,
    at: datetime,
) -> Decimal:
    """Take the whole content of a dispensed container into the batch; answers the quantity in kg.

    The lot goes into the batch's genealogy.
    """
    source, amount = queries.place_of(session, container.label)
    quantity = rules.quantity_of(amount, "kg")
    consumed = ledger.account(AccountKind.CONSUMED, place.batch)
    facts = {"batch": place.batch, "quantity": f"{quantity:f} kg"}
    with stock.on_lot(
        session, "lot.charged", container.lot, by=by, object=container.label, facts=facts
    ):
        lines = ledger.transfer(
            container.lot, amount, source=(source, container.label), target=(consumed, "")
        )
        _post(session, "charge", container, place, lines, by=by, at=at)
        container.state, container.charged_at = ContainerState.CHARGED, place.step
        genealogy.link(
            session,
            genealogy.Link(
                source=genealogy.lot_node(container.lot),
                target=genealogy.batch_node(place.batch),
                kind="consumed",
                quantity=quantity,
                unit="kg",
                container=container.label,
                record=place.record,
                step=place.path,
            ),
            by=by,
            at=at,
        )
    return quantity


def return_rests(session: Session, place: Place, *, by: Actor, at: datetime) -> list[str]:
    """Bring every opened source container of the batch back to where it came from; answers their
    labels. Dispensed portions stay."""
    returned = []
    for label in queries.sources_at_batch(session, place.batch):
        times = len([m for m in queries.movements_of(session, label) if m.kind == "return"])
        stock.relocate(
            session,
            label,
            queries.home_of(session, label),
            key=f"return/{place.batch}/{label}/{times + 1}",
            kind="return",
            record=place.record,
            step=place.path,
            by=by,
            at=at,
        )
        returned.append(label)
    return returned


def open_lot(
    session: Session, number: str, material: str, place: Place, *, by: Actor, at: datetime
) -> Lot:
    """A lot that the batch makes, in quarantine until the quality unit decides (URS-MAT-090).

    Raises LotExists when another batch or supplier has that number.
    """
    found = queries.find_lot(session, number)
    if found is not None:
        if found.batch != place.batch or found.material != material:
            raise LotExists(f"there is a lot {number}", resolver="stores (master data)")
        return found
    queries.material(session, material)
    with stock.on_lot(session, "lot.produced", number, by=by, facts={"batch": place.batch}):
        made = Lot(
            number=number,
            material=material,
            status=LotStatus.QUARANTINE,
            status_at=at,
            received_at=at,
            received_by=by.id,
            batch=place.batch,
        )
        session.add(made)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A container that the batch filled with its product; weights in the product's unit."""

    number: int
    net: Decimal
    gross: Decimal | None = None
    tare: Decimal | None = None
    template: str = "bulk_drum"


def _filled(
    lot: Lot, filled: Filled, place: Place, *, label: str, by: Actor, at: datetime
) -> Container:
    return Container(
        label=label,
        lot=lot.number,
        material=lot.material,
        state=ContainerState.FULL,
        tare=filled.tare,
        batch=place.batch,
        step=place.step,
        path=place.path,
        number=filled.number,
        net=filled.net,
        gross=filled.gross,
        filled_at=at,
        filled_by=by.name,
    )


def produce(
    session: Session, lot: Lot, filled: Filled, place: Place, *, by: Actor, at: datetime
) -> Container:
    """Put product of the batch into a new labelled container of its lot."""
    if filled.net <= 0:
        raise QuantityNotCountable("the net weight is not positive", resolver="weigh again")
    made = _filled(lot, filled, place, label=draw_label(session, by=by), by=by, at=at)
    session.add(made)
    session.flush()
    unit = queries.material(session, lot.material).unit
    facts = {"batch": place.batch, "quantity": f"{filled.net:f} {unit}"}
    with stock.on_lot(session, "lot.filled", lot.number, by=by, object=made.label, facts=facts):
        lines = ledger.transfer(
            lot.number,
            rules.counted(filled.net, unit),
            source=(ledger.account(AccountKind.PRODUCED, place.batch), ""),
            target=(ledger.account(AccountKind.BATCH, place.batch), made.label),
        )
        _post(session, "produce", made, place, lines, by=by, at=at)
        genealogy.link(
            session,
            genealogy.Link(
                source=genealogy.batch_node(place.batch),
                target=genealogy.lot_node(lot.number),
                kind="produced",
                quantity=filled.net,
                unit=unit,
                container=made.label,
                record=place.record,
                step=place.path,
            ),
            by=by,
            at=at,
        )
    labels.print_label(
        session, made.label, filled.template, record=place.record, step=place.path, by=by, at=at
    )
    return made
