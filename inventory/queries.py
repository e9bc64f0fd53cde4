"""Reads: materials, lots, containers by scan, stock first-expiring first, labels, stock tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import case, func, literal_column, select
from sqlalchemy.orm import Session

from core.clock import local
from core.errors import Refusal
from core.house import moment
from documents import gs1
from inventory import rules
from inventory.errors import (
    NoSuchContainer,
    NoSuchLot,
    NoSuchMaterial,
    NoSuchPlace,
    NoSuchTask,
)
from inventory.models import (
    AccountKind,
    Container,
    ContainerState,
    LabelAct,
    LabelPrint,
    Location,
    Lot,
    Material,
    Movement,
    MovementLine,
    StockBalance,
    StockTask,
    TaskState,
)
from inventory.rules import LabelCount, LotFacts

SOURCE_STATES = (ContainerState.FULL, ContainerState.IN_USE)
LOCATION_PREFIX = f"{AccountKind.LOCATION.value}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class LotStock:
    """A lot with what there is of it: `on_hand` in stock, `issued` at the batch asked for."""

    lot: Lot
    unit: str
    on_hand: Decimal
    issued: Decimal
    problem: Refusal | None

    @property
    def available(self) -> Decimal:
        """What the batch can take: stock, and what it has already."""
        return self.on_hand + self.issued


def material(session: Session, code: str, *, lock: bool = False) -> Material:
    """The material of that code. Raises NoSuchMaterial."""
    found = find_material(session, code, lock=lock)
    if found is None:
        raise NoSuchMaterial(f"there is no material {code}", resolver="stores (master data)")
    return found


def find_material(session: Session, code: str, *, lock: bool = False) -> Material | None:
    """The material of that code, or None."""
    query = select(Material).where(Material.code == code)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def materials(session: Session) -> list[Material]:
    """All materials by code."""
    return list(session.scalars(select(Material).order_by(Material.code)))


def location(session: Session, code: str) -> Location:
    """The location of that code. Raises NoSuchPlace."""
    found = session.scalars(select(Location).where(Location.code == code)).one_or_none()
    if found is None:
        raise NoSuchPlace(f"there is no location {code}", resolver="stores (master data)")
    return found


def locations(session: Session) -> list[Location]:
    """All locations by code."""
    return list(session.scalars(select(Location).order_by(Location.code)))


def find_lot(session: Session, number: str, *, lock: bool = False) -> Lot | None:
    """The lot of that number, or None; with `lock`, no other writer can move it meanwhile."""
    query = select(Lot).where(Lot.number == number)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def lot(session: Session, number: str, *, lock: bool = False) -> Lot:
    """The lot of that number. Raises NoSuchLot."""
    found = find_lot(session, number, lock=lock)
    if found is None:
        raise NoSuchLot(f"there is no lot {number}", resolver="stores: look at the label again")
    return found


def lots(session: Session, *, code: str | None = None) -> list[Lot]:
    """All lots by number, of one material if given."""
    query = select(Lot).order_by(Lot.number)
    return list(session.scalars(query if code is None else query.where(Lot.material == code)))


def lots_of_batch(session: Session, batch: str) -> list[Lot]:
    """Lots that a batch of ours made."""
    return list(session.scalars(select(Lot).where(Lot.batch == batch).order_by(Lot.number)))


def facts_of(found: Lot) -> LotFacts:
    """A lot as the rules see it."""
    return LotFacts(
        number=found.number,
        material=found.material,
        status=found.status,
        expires_on=found.expires_on,
        retest_on=found.retest_on,
    )


def today(session: Session, at: datetime) -> date:
    """The calendar day at the site."""
    return local(at, moment(session).zone).date()


def container(session: Session, label: str) -> Container:
    """The container of that label number. Raises NoSuchContainer."""
    found = find_container(session, label)
    if found is None:
        raise NoSuchContainer(
            f"no container carries the label {label}", resolver="scan again, or stores"
        )
    return found


def find_container(session: Session, label: str) -> Container | None:
    """The container of that label number, or None."""
    return session.scalars(select(Container).where(Container.label == label)).one_or_none()


def scanned(session: Session, code: str) -> Container | Lot:
    """What a scan (or its typed text) names: a container, else a lot by its goods label.

    Raises CodeUnreadable for a damaged code, NoSuchContainer when nothing carries it.
    """
    read = gs1.parse_scan(code)
    found = find_container(session, read.text)
    if found is not None:
        return found
    named = find_lot(session, read.lot or read.text)
    if named is not None:
        return named
    return container(session, read.text)


def containers_of(session: Session, number: str, *, with_content: bool = False) -> list[Container]:
    """Containers of a lot by label; `with_content`: only those that can still be taken from."""
    query = select(Container).where(Container.lot == number).order_by(Container.label)
    if with_content:
        query = query.where(Container.state.in_(SOURCE_STATES))
    return list(session.scalars(query))


def containers_of_batch(
    session: Session, batch: str, *, step: str | None = None
) -> list[Container]:
    """Containers filled for (or by) a batch, destroyed ones left out, in order of filling."""
    query = (
        select(Container)
        .where(Container.batch == batch, Container.state != ContainerState.DESTROYED)
        .order_by(Container.step, Container.number, Container.label)
    )
    return list(session.scalars(query if step is None else query.where(Container.step == step)))


def containers_of_path(session: Session, path: str, batch: str) -> list[Container]:
    """Containers that one performance of a step of a batch filled."""
    return list(
        session.scalars(
            select(Container)
            .where(Container.batch == batch, Container.path == path)
            .order_by(Container.number)
        )
    )


def balance(session: Session, account: str, lot_number: str, label: str) -> StockBalance | None:
    """The balance row of one place, read anew."""
    return session.scalars(
        select(StockBalance)
        .where(
            StockBalance.account == account,
            StockBalance.lot == lot_number,
            StockBalance.container == label,
        )
        .execution_options(populate_existing=True)
    ).one_or_none()


def place_of(session: Session, label: str) -> tuple[str, int]:
    """Account and ledger amount of a container with content; ("", 0) when it holds nothing."""
    row = session.scalars(
        select(StockBalance).where(
            StockBalance.container == label,
            StockBalance.amount > 0,
            StockBalance.open_ended.is_(False),
        )
    ).one_or_none()
    return ("", 0) if row is None else (row.account, row.amount)


def content_of(session: Session, found: Container) -> Decimal:
    """What a container holds by the ledger, in the material's unit."""
    unit = material(session, found.material).unit
    return rules.quantity_of(place_of(session, found.label)[1], unit)


def home_of(session: Session, label: str) -> str:
    """The account of the location that a container stands at or stood at last."""
    found = session.scalars(
        select(MovementLine.account)
        .join(Movement, MovementLine.movement_id == Movement.id)
        .where(
            MovementLine.container == label,
            MovementLine.account.startswith(LOCATION_PREFIX, autoescape=True),
        )
        .order_by(Movement.at.desc(), Movement.id.desc(), MovementLine.line.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchPlace(f"container {label} never stood in a location", resolver="stores")
    return found


def stock(session: Session, code: str, *, at: datetime, batch: str | None = None) -> list[LotStock]:
    """All lots of a material with what there is, first-expiring first, unusable ones included."""
    found = material(session, code)
    sums = _sums(session, batch, code=code)
    return _stock(found, lots(session, code=code), sums, today(session, at))


def whole_stock(session: Session, *, at: datetime) -> list[tuple[Material, LotStock]]:
    """The lots of all materials by code, as `stock` lists those of one; three queries in all."""
    sums, day = _sums(session, None), today(session, at)
    by_code: dict[str, list[Lot]] = {}
    for found in lots(session):
        by_code.setdefault(found.material, []).append(found)
    return [
        (item, stored)
        for item in materials(session)
        for stored in _stock(item, by_code.get(item.code, []), sums, day)
    ]


def _stock(
    item: Material, found: Sequence[Lot], sums: Mapping[tuple[str, bool], int], day: date
) -> list[LotStock]:
    by_number = {each.number: each for each in found}
    ordered = rules.first_expiring(facts_of(each) for each in found)
    return [
        LotStock(
            lot=by_number[facts.number],
            unit=item.unit,
            on_hand=rules.quantity_of(sums.get((facts.number, False), 0), item.unit),
            issued=rules.quantity_of(sums.get((facts.number, True), 0), item.unit),
            problem=rules.lot_problem(facts, material=item.code, today=day),
        )
        for facts in ordered
    ]


def _sums(
    session: Session, batch: str | None, *, code: str | None = None
) -> dict[tuple[str, bool], int]:
    # Dispensed portions at a batch are no stock: they stand in containers of their own.
    at_batch = StockBalance.account == f"{AccountKind.BATCH.value}/{batch}"
    in_stock = StockBalance.account.startswith(LOCATION_PREFIX, autoescape=True)
    open_source = (Container.state.is_(None)) | (Container.state.in_(SOURCE_STATES))
    query = (
        select(
            StockBalance.lot,
            case((at_batch, 1), else_=0).label("at_batch"),
            func.sum(StockBalance.amount),
        )
        .join(Lot, Lot.number == StockBalance.lot)
        .outerjoin(Container, Container.label == StockBalance.container)
        .where(open_source, at_batch | in_stock)
        .group_by(StockBalance.lot, literal_column("at_batch"))
    )
    rows = session.execute(query if code is None else query.where(Lot.material == code))
    return {(number, bool(issued)): int(amount) for number, issued, amount in rows}


def fefo(session: Session, code: str, *, at: datetime, batch: str | None = None) -> list[LotStock]:
    """Usable lots that a batch can take from, first-expiring first."""
    return [
        found
        for found in stock(session, code, at=at, batch=batch)
        if found.problem is None and found.available > 0
    ]


def usable_on_hand(session: Session, code: str, *, at: datetime) -> Decimal:
    """Stock of a material in released, unexpired lots, in its unit."""
    return sum(
        (found.on_hand for found in stock(session, code, at=at) if found.problem is None),
        Decimal(0),
    )


def movement(session: Session, key: str) -> Movement | None:
    """The movement of that key, if it was ever written."""
    return session.scalars(select(Movement).where(Movement.key == key)).one_or_none()


def movements(session: Session, *, lot_number: str) -> list[Movement]:
    """Movements of a lot, oldest first."""
    return list(
        session.scalars(
            select(Movement)
            .join(MovementLine, MovementLine.movement_id == Movement.id)
            .where(MovementLine.lot == lot_number)
            .distinct()
            .order_by(Movement.at, Movement.id)
        )
    )


def movements_of(session: Session, label: str) -> list[Movement]:
    """Movements of one container, oldest first."""
    return list(
        session.scalars(
            select(Movement)
            .join(MovementLine, MovementLine.movement_id == Movement.id)
            .where(MovementLine.container == label)
            .distinct()
            .order_by(Movement.at, Movement.id)
        )
    )


def sources_at_batch(session: Session, batch: str) -> list[str]:
    """Labels of source containers with content that a batch has, in order."""
    return list(
        session.scalars(
            select(Container.label)
            .join(StockBalance, StockBalance.container == Container.label)
            .where(
                StockBalance.account == f"{AccountKind.BATCH.value}/{batch}",
                StockBalance.amount > 0,
                Container.state.in_(SOURCE_STATES),
                Container.batch.is_(None),
            )
            .order_by(Container.label)
        )
    )


def moved(session: Session, record: str, kind: str, account: str) -> dict[str, int]:
    """Ledger amounts that a kind of movement of a record brought to or took from an account, by
    lot, without sign."""
    rows = session.execute(
        select(MovementLine.lot, func.sum(MovementLine.amount))
        .join(Movement, MovementLine.movement_id == Movement.id)
        .where(
            Movement.record == record,
            Movement.kind == kind,
            MovementLine.account == account,
        )
        .group_by(MovementLine.lot)
    )
    return {number: abs(int(amount)) for number, amount in rows}


def label_acts(session: Session, label: str) -> list[LabelPrint]:
    """Everything that happened to the copies of one label."""
    return list(
        session.scalars(
            select(LabelPrint)
            .where(LabelPrint.label == label)
            .order_by(LabelPrint.copy, LabelPrint.at, LabelPrint.id)
        )
    )


def label_count(session: Session, record: str) -> LabelCount:
    """Copies of the labels of a record by what became of them."""
    rows = session.execute(
        select(LabelPrint.act, func.count())
        .where(LabelPrint.record == record)
        .group_by(LabelPrint.act)
    )
    by_act = {act: int(count) for act, count in rows}
    return LabelCount(
        printed=by_act.get(LabelAct.PRINTED, 0) + by_act.get(LabelAct.REPRINTED, 0),
        used=by_act.get(LabelAct.USED, 0),
        destroyed=by_act.get(LabelAct.DESTROYED, 0),
    )


def tasks(session: Session, *, states: Sequence[TaskState] = (TaskState.OPEN,)) -> list[StockTask]:
    """Stock tasks in these states, by number."""
    return list(
        session.scalars(
            select(StockTask).where(StockTask.state.in_(states)).order_by(StockTask.number)
        )
    )


def task(session: Session, number: str) -> StockTask:
    """The stock task of that number. Raises NoSuchTask."""
    found = session.scalars(select(StockTask).where(StockTask.number == number)).one_or_none()
    if found is None:
        raise NoSuchTask(f"there is no stock task {number}", resolver="the list of stock tasks")
    return found


def open_task(session: Session, code: str) -> StockTask | None:
    """The open replenishment task of a material, or None."""
    return session.scalars(
        select(StockTask).where(StockTask.open_key == replenishment_key(code))
    ).one_or_none()


def replenishment_key(code: str) -> str:
    """What makes a replenishment task single while it is open."""
    return f"replenishment/{code}"
