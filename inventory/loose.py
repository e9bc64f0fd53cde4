"""Reads of stock that stands in no labelled container: printed labels, bottles, caps."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from inventory import queries
from inventory.errors import NoSuchPlace
from inventory.models import AccountKind, Lot, Movement, MovementLine, StockBalance


def amount_at(session: Session, account: str, number: str) -> int:
    """Ledger amount of a lot that stands at an account in no container."""
    found = queries.balance(session, account, number, "")
    return 0 if found is None else found.amount


def place_with(session: Session, number: str, amount: int) -> str | None:
    """The account of a location that holds at least this much of a lot in no container."""
    return next((each.account for each in _stored(session, number) if each.amount >= amount), None)


def in_stock(session: Session, number: str) -> Decimal:
    """The pieces of a lot that one location holds at most."""
    return Decimal(max((each.amount for each in _stored(session, number)), default=0))


def _stored(session: Session, number: str) -> list[StockBalance]:
    return list(
        session.scalars(
            select(StockBalance)
            .where(
                StockBalance.lot == number,
                StockBalance.container == "",
                StockBalance.amount > 0,
                StockBalance.account.startswith(queries.LOCATION_PREFIX, autoescape=True),
            )
            .order_by(StockBalance.account)
            .execution_options(populate_existing=True)
        )
    )


def home_of(session: Session, number: str) -> str:
    """The account of the location that loose pieces of a lot were brought to or taken from last.

    Raises NoSuchPlace for a lot that never stood loose in a location.
    """
    found = session.scalars(
        select(MovementLine.account)
        .join(Movement, MovementLine.movement_id == Movement.id)
        .where(
            MovementLine.lot == number,
            MovementLine.container == "",
            MovementLine.account.startswith(queries.LOCATION_PREFIX, autoescape=True),
        )
        .order_by(Movement.at.desc(), Movement.id.desc(), MovementLine.line.desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchPlace(f"lot {number} never stood in a location", resolver="stores")
    return found


def issued_lots(session: Session, batch: str, material: str | None = None) -> list[Lot]:
    """Lots of which a batch has loose pieces, by number; of one material if given."""
    query = (
        select(Lot)
        .join(StockBalance, StockBalance.lot == Lot.number)
        .where(
            StockBalance.account == f"{AccountKind.BATCH.value}/{batch}",
            StockBalance.container == "",
            StockBalance.amount > 0,
        )
        .order_by(Lot.number)
    )
    return list(
        session.scalars(query if material is None else query.where(Lot.material == material))
    )
