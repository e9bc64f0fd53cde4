"""The ledger of material: double entry, single by key, never negative (URS-MAT-070).

`post` is the only writer of movements. It locks the lots it moves, so that of writers who want the
same stock one gets it and the others are refused. Balances are a projection of the lines:
`differences` compares them, `rebuild` makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.actors import Actor
from inventory import queries, rules
from inventory.errors import KeyUsedOtherwise, NotEnough, QuantityNotCountable
from inventory.models import (
    OPEN_ENDED,
    AccountKind,
    Movement,
    MovementLine,
    StockAccount,
    StockBalance,
)

Place = tuple[str, str, str]
"""Account, lot, container ("" for loose stock)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a movement; `amount` in ledger counts, negative where it is taken from."""

    account: str
    lot: str
    amount: int
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMovement:
    """One movement of a material; the same `key` with the same lines is done once."""

    key: str
    kind: str
    material: str
    lines: Sequence[Line]
    reason: str | None = None
    record: str | None = None
    step: str | None = None


def account(kind: AccountKind, key: str) -> str:
    """The code of an account: ``location/1.20``, ``batch/B-2045``."""
    return f"{kind.value}/{key}"


def kind_of(code: str) -> AccountKind:
    """The kind that an account's code says."""
    return AccountKind(code.partition("/")[0])


def transfer(
    lot: str, amount: int, *, source: tuple[str, str], target: tuple[str, str]
) -> list[Line]:
    """The two lines of a plain move; `source` and `target` are account and container."""
    return [
        Line(account=source[0], container=source[1], lot=lot, amount=-amount),
        Line(account=target[0], container=target[1], lot=lot, amount=amount),
    ]


def post(session: Session, new: NewMovement, *, by: Actor, at: datetime) -> Movement:
    """Write a movement, inside the act under way.

    Raises NotBalanced, NotEnough (naming lot and what there is), KeyUsedOtherwise when the key was
    used for other lines. The same key with the same lines answers the movement that was written.
    """
    _refuse_nothing(new)
    rules.check_balanced((line.lot, line.amount) for line in new.lines)
    for number in sorted({line.lot for line in new.lines}):
        queries.lot(session, number, lock=True)
    known = queries.movement(session, new.key)
    if known is not None:
        return _same(known, new)
    movement = Movement(
        key=new.key,
        kind=new.kind,
        material=new.material,
        reason=new.reason,
        record=new.record,
        step=new.step,
        at=at,
        by=by.id,
    )
    session.add(movement)
    session.flush()
    for place, line in enumerate(new.lines, start=1):
        _ensure_account(session, line.account)
        session.add(
            MovementLine(
                movement_id=movement.id,
                line=place,
                account=line.account,
                lot=line.lot,
                container=line.container,
                amount=line.amount,
            )
        )
    _apply(session, new)
    session.flush()
    return movement


def _refuse_nothing(new: NewMovement) -> None:
    if not new.lines or any(line.amount == 0 for line in new.lines):
        raise QuantityNotCountable(
            "a movement of nothing is not written", resolver="the person who acts"
        )


def _same(known: Movement, new: NewMovement) -> Movement:
    written = sorted((line.account, line.lot, line.container, line.amount) for line in known.lines)
    wanted = sorted((line.account, line.lot, line.container, line.amount) for line in new.lines)
    if known.kind != new.kind or written != wanted:
        raise KeyUsedOtherwise(
            f"the movement {new.key} was written with other lines", resolver="use a new form"
        )
    return known


def _ensure_account(session: Session, code: str) -> None:
    found = session.scalars(select(StockAccount).where(StockAccount.code == code)).one_or_none()
    if found is None:
        session.add(StockAccount(code=code, kind=kind_of(code).value))
        session.flush()


def _apply(session: Session, new: NewMovement) -> None:
    sums: dict[Place, int] = {}
    for line in new.lines:
        place = (line.account, line.lot, line.container)
        sums[place] = sums.get(place, 0) + line.amount
    for place, amount in sorted(sums.items(), key=lambda item: item[1]):
        _add(session, new.material, place, amount)


def _add(session: Session, material: str, place: Place, amount: int) -> None:
    code, lot, container = place
    open_ended = kind_of(code) in OPEN_ENDED
    balance = queries.balance(session, code, lot, container)
    before = 0 if balance is None else balance.amount
    if before + amount < 0 and not open_ended:
        unit = queries.material(session, material).unit
        raise NotEnough(
            f"lot {lot}{f' in {container}' if container else ''} at {code.partition('/')[2]}: there"
            f" are {rules.quantity_of(before, unit)} {unit},"
            f" {rules.quantity_of(-amount, unit)} {unit} were to be taken",
            resolver="stores: count the stock, or take another lot",
            lot=lot,
        )
    if balance is None:
        session.add(
            StockBalance(
                account=code, lot=lot, container=container, amount=amount, open_ended=open_ended
            )
        )
    else:
        balance.amount = before + amount
    session.flush()


def differences(session: Session) -> list[str]:
    """Where balances and the sums of movement lines disagree; empty is good."""
    from_lines = dict(_sums(session))
    kept = {
        (row.account, row.lot, row.container): row.amount
        for row in session.scalars(select(StockBalance))
    }
    return [
        f"{'/'.join(part for part in place if part)}: balance {kept.get(place, 0)},"
        f" lines {from_lines.get(place, 0)}"
        for place in sorted(from_lines.keys() | kept.keys())
        if kept.get(place, 0) != from_lines.get(place, 0)
    ]


def unbalanced(session: Session) -> list[str]:
    """Movements whose lines do not sum to zero per lot; empty is good."""
    rows = session.execute(
        select(Movement.key, MovementLine.lot)
        .join(MovementLine, MovementLine.movement_id == Movement.id)
        .group_by(Movement.key, MovementLine.lot)
        .having(func.sum(MovementLine.amount) != 0)
        .order_by(Movement.key)
    )
    return [f"{key}: lot {lot}" for key, lot in rows]


def rebuild(session: Session) -> int:
    """Make all balances anew from the movement lines; answers how many there are."""
    for row in session.scalars(select(StockBalance)):
        session.delete(row)
    session.flush()
    rows = list(_sums(session))
    for (code, lot, container), amount in rows:
        session.add(
            StockBalance(
                account=code,
                lot=lot,
                container=container,
                amount=amount,
                open_ended=kind_of(code) in OPEN_ENDED,
            )
        )
    session.flush()
    return len(rows)


def _sums(session: Session) -> Iterable[tuple[Place, int]]:
    rows = session.execute(
        select(
            MovementLine.account,
            MovementLine.lot,
            MovementLine.container,
            func.sum(MovementLine.amount),
        )
        .group_by(MovementLine.account, MovementLine.lot, MovementLine.container)
        .order_by(MovementLine.account, MovementLine.lot, MovementLine.container)
    )
    for code, lot, container, amount in rows:
        yield (code, lot, container), int(amount)
