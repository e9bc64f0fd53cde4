"""Master data, and what happens to lots and containers in the stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE, Stream
from core.actors import Actor
from core.events import publish
from ebr.rules import need_reason
from inventory import ledger, queries, rules
from inventory.errors import ContainerUsed, LotExists, QuantityNotCountable
from inventory.events import LotStatusChanged
from inventory.models import (
    AccountKind,
    Container,
    ContainerState,
    Location,
    Lot,
    LotStatus,
    Material,
)
from personnel import permissions
from personnel import queries as people


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMaterial:
    """An item of the master data; see `Material` for the fields."""

    code: str
    name: str
    unit: str = "kg"
    gtin: str | None = None
    minimum: Decimal | None = None
    stocked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewContainer:
    """A container that came with a delivery: its label, and its content in the lot's unit."""

    label: str
    quantity: Decimal
    tare: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLot:
    """A delivery: what the certificate says, and the containers it came in.

    `loose` is stock that stands in no labelled container (printed labels, bottles).
    """

    number: str
    material: str
    location: str
    containers: tuple[NewContainer, ...] = ()
    loose: Decimal | None = None
    supplier: str | None = None
    supplier_lot: str | None = None
    expires_on: date | None = None
    retest_on: date | None = None
    assay: Decimal | None = None
    assay_basis: str | None = None
    loss_on_drying: Decimal | None = None
    facts: dict[str, str] = field(default_factory=dict)


@contextmanager
def on_lot(
    session: Session,
    action: str,
    number: str,
    *,
    by: Actor,
    object: str = "",
    reason: str | None = None,
    facts: dict[str, str] | None = None,
) -> Iterator[None]:
    """An act on the stream of a lot."""
    with trail.act(
        session,
        action,
        stream=Stream("lot", number),
        by=by,
        object=object,
        reason=reason,
        facts=facts,
    ):
        yield


def register_material(session: Session, new: NewMaterial, *, by: Actor, at: datetime) -> str:
    """Enter a material into the master data; answers its code. Raises LotExists."""
    if queries.find_material(session, new.code) is not None:
        raise LotExists(f"there is a material {new.code}", resolver="stores (master data)")
    with trail.act(session, "material.registered", stream=Stream("material", new.code), by=by):
        session.add(
            Material(
                code=new.code,
                name=new.name,
                unit=new.unit,
                gtin=new.gtin,
                minimum=new.minimum,
                stocked=new.stocked,
            )
        )
    return new.code


def register_location(
    session: Session, code: str, name: str, *, room: str | None = None, by: Actor, at: datetime
) -> str:
    """Enter a place for containers into the master data."""
    with trail.act(session, "location.registered", stream=SITE, by=by, object=code):
        session.add(Location(code=code, name=name, room=room))
    return code


def receive_lot(session: Session, new: NewLot, *, by: Actor, at: datetime) -> str:
    """Take a delivery into stock, in quarantine; answers the lot number (URS-MAT-010).

    Raises LotExists for a lot or container that is known, NoSuchMaterial, NoSuchPlace,
    QuantityNotCountable for an empty delivery.
    """
    permissions.require(session, by, "lot.receive")
    item = queries.material(session, new.material)
    place = ledger.account(AccountKind.LOCATION, queries.location(session, new.location).code)
    _refuse_known(session, new)
    supplier = ledger.account(AccountKind.SUPPLIER, (new.supplier or "unknown")[:40])
    with on_lot(session, "lot.received", new.number, by=by, facts=new.facts):
        session.add(_lot(new, by, at))
        for container in new.containers:
            session.add(_container(new, container))
        session.flush()
        lines = _delivery(new, item.unit, place, supplier)
        ledger.post(
            session,
            ledger.NewMovement(
                key=f"receipt/{new.number}", kind="receipt", material=item.code, lines=lines
            ),
            by=by,
            at=at,
        )
    return new.number


def _refuse_known(session: Session, new: NewLot) -> None:
    if queries.find_lot(session, new.number) is not None:
        raise LotExists(f"there is a lot {new.number}", resolver="stores: another number")
    for container in new.containers:
        if queries.find_container(session, container.label) is not None:
            raise LotExists(
                f"there is a container {container.label}", resolver="stores: another label"
            )


def _lot(new: NewLot, by: Actor, at: datetime) -> Lot:
    return Lot(
        number=new.number,
        material=new.material,
        status=LotStatus.QUARANTINE,
        status_at=at,
        supplier=new.supplier,
        supplier_lot=new.supplier_lot,
        expires_on=new.expires_on,
        retest_on=new.retest_on,
        assay=new.assay,
        assay_basis=new.assay_basis,
        loss_on_drying=new.loss_on_drying,
        received_at=at,
        received_by=by.id,
    )


def _container(new: NewLot, container: NewContainer) -> Container:
    return Container(
        label=container.label,
        lot=new.number,
        material=new.material,
        state=ContainerState.FULL,
        tare=container.tare,
        net=container.quantity,
    )


def _delivery(new: NewLot, unit: str, place: str, supplier: str) -> list[ledger.Line]:
    parts = [(container.label, container.quantity) for container in new.containers]
    if new.loose is not None:
        parts.append(("", new.loose))
    if not parts or any(quantity <= 0 for _, quantity in parts):
        raise QuantityNotCountable(
            f"the delivery of {new.number} holds nothing", resolver="the person who receives it"
        )
    lines: list[ledger.Line] = []
    for label, quantity in parts:
        amount = rules.counted(quantity, unit)
        lines += ledger.transfer(new.number, amount, source=(supplier, ""), target=(place, label))
    return lines


def change_status(
    session: Session, number: str, status: LotStatus, *, reason: str, by: Actor, at: datetime
) -> None:
    """The quality unit changes the status of a lot, with the reason (URS-MAT-010).

    Blocking takes the right to block, everything else the right to decide on lots. Raises
    StatusNotPossible, NotPermitted, ReasonNeeded. Tells LotStatusChanged.
    """
    permissions.require(session, by, "lot.block" if status is LotStatus.BLOCKED else "lot.decide")
    set_status(session, number, status, reason=need_reason(reason, "a lot status"), by=by, at=at)


def set_status(
    session: Session, number: str, status: LotStatus, *, reason: str, by: Actor, at: datetime
) -> None:
    """Change a lot's status inside a decision that was permitted elsewhere (release of a batch)."""
    found = queries.lot(session, number, lock=True)
    before = found.status
    rules.check_transition(before, status.value)
    with on_lot(session, f"lot.{_verb(status)}", number, by=by, reason=reason):
        found.status, found.status_at, found.status_reason = status, at, reason
    publish(
        session,
        LotStatusChanged(
            lot=number,
            material=found.material,
            before=before,
            after=status.value,
            reason=reason,
            by=by,
            at=at,
        ),
    )


def _verb(status: LotStatus) -> str:
    return "quarantined" if status is LotStatus.QUARANTINE else status.value


def move_container(
    session: Session, label: str, location: str, *, key: str, by: Actor, at: datetime
) -> None:
    """Bring a container with content to another location; the same `key` moves once."""
    permissions.require(session, by, "lot.move")
    code = ledger.account(AccountKind.LOCATION, queries.location(session, location).code)
    relocate(session, label, code, key=key, kind="move", by=by, at=at)


def relocate(
    session: Session,
    label: str,
    account: str,
    *,
    key: str,
    kind: str,
    record: str | None = None,
    step: str | None = None,
    reason: str | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """Move the whole content of a container to an account. Raises ContainerUsed when empty."""
    if queries.movement(session, key) is not None:
        return
    found = queries.container(session, label)
    source, amount = queries.place_of(session, label)
    if amount == 0:
        raise ContainerUsed(f"container {label} is empty", resolver="scan another container")
    if source == account:
        return
    verb = {"issue": "issued", "return": "returned", "scrap": "destroyed"}.get(kind, "moved")
    facts = {"from": source, "to": account}
    with on_lot(session, f"lot.{verb}", found.lot, by=by, object=label, reason=reason, facts=facts):
        ledger.post(
            session,
            ledger.NewMovement(
                key=key,
                kind=kind,
                material=found.material,
                reason=reason,
                record=record,
                step=step,
                lines=ledger.transfer(
                    found.lot, amount, source=(source, label), target=(account, label)
                ),
            ),
            by=by,
            at=at,
        )


def destroy_container(
    session: Session, label: str, *, reason: str, witness: str, by: Actor, at: datetime
) -> None:
    """Destroy a container and its content before a witness who is another person."""
    permissions.require(session, by, "lot.move")
    words = need_reason(reason, "destroying material")
    people.require_independent(session, witness, {by.id})
    found = queries.container(session, label)
    if found.state == ContainerState.DESTROYED:
        raise ContainerUsed(
            f"container {label} is destroyed already", resolver="nobody: choose another container"
        )
    source, amount = queries.place_of(session, label)
    scrap = ledger.account(AccountKind.SCRAP, found.batch or "stores")
    facts = {"witness": witness}
    with on_lot(
        session, "lot.destroyed", found.lot, by=by, object=label, reason=words, facts=facts
    ):
        if amount:
            ledger.post(
                session,
                ledger.NewMovement(
                    key=f"scrap/{label}",
                    kind="scrap",
                    material=found.material,
                    reason=words,
                    record=f"batch/{found.batch}" if found.batch else None,
                    lines=ledger.transfer(
                        found.lot, amount, source=(source, label), target=(scrap, "")
                    ),
                ),
                by=by,
                at=at,
            )
        found.state = ContainerState.DESTROYED


def draw_sample(
    session: Session,
    label: str,
    quantity: Decimal,
    *,
    sample: str,
    by: Actor,
    at: datetime,
) -> None:
    """Take a sample out of a container; `sample` is its number and draws once."""
    permissions.require(session, by, "lot.sample")
    found = queries.container(session, label)
    unit = queries.material(session, found.material).unit
    source, _ = queries.place_of(session, label)
    facts = {"sample": sample, "quantity": f"{quantity:f} {unit}"}
    with on_lot(session, "lot.sampled", found.lot, by=by, object=label, facts=facts):
        ledger.post(
            session,
            ledger.NewMovement(
                key=f"sample/{sample}",
                kind="sample",
                material=found.material,
                lines=ledger.transfer(
                    found.lot,
                    rules.counted(quantity, unit),
                    source=(source or ledger.account(AccountKind.LOCATION, "none"), label),
                    target=(ledger.account(AccountKind.SAMPLE, sample), ""),
                ),
            ),
            by=by,
            at=at,
        )


def adjust(
    session: Session,
    label: str,
    found_quantity: Decimal,
    *,
    reason: str,
    key: str,
    by: Actor,
    at: datetime,
) -> None:
    """Book what was counted in a container; the difference goes to the adjustment account."""
    permissions.require(session, by, "lot.adjust")
    words = need_reason(reason, "an adjustment")
    found = queries.container(session, label)
    unit = queries.material(session, found.material).unit
    place, amount = queries.place_of(session, label)
    difference = rules.counted(found_quantity, unit) - amount
    if difference == 0:
        return
    account = place or queries.home_of(session, label)
    book_difference(
        session, found, account, difference, key=key, reason=words, record=None, step=None,
        by=by, at=at,
    )  # fmt: skip


def book_difference(
    session: Session,
    found: Container,
    account: str,
    difference: int,
    *,
    key: str,
    reason: str,
    record: str | None,
    step: str | None,
    by: Actor,
    at: datetime,
) -> None:
    """Add (or, negative, take away) ledger counts of a container against the adjustment account."""
    other = ledger.account(AccountKind.ADJUSTMENT, found.material)
    with on_lot(session, "lot.adjusted", found.lot, by=by, object=found.label, reason=reason):
        ledger.post(
            session,
            ledger.NewMovement(
                key=key,
                kind="adjustment",
                material=found.material,
                reason=reason,
                record=record,
                step=step,
                lines=ledger.transfer(
                    found.lot, difference, source=(other, ""), target=(account, found.label)
                ),
            ),
            by=by,
            at=at,
        )
