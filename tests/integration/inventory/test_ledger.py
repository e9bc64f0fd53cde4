"""The ledger: double entry, single by key, never negative, also under eight writers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal as D
from random import Random

import pytest
from sqlalchemy.orm import Session

from audit.trail import TrailGuard
from core.actors import Actor, ActorKind
from core.clock import HeldClock
from core.db import Database
from core.house import House
from inventory import genealogy, ledger, queries
from inventory.commands import stock
from inventory.errors import KeyUsedOtherwise, NotBalanced, NotEnough, QuantityNotCountable
from inventory.ledger import Line, NewMovement, transfer
from inventory.models import Lot, LotStatus, Material
from tests.support.records import make_tables
from tests.support.templates import Templates

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
STORE, BATCH = "location/1.20", "batch/B-2045"
KEEPER = Actor(kind=ActorKind.PERSON, id="P-104", name="Ravi Menon", role="WH", terminal="T-1")


def make_site(url: str) -> None:
    """One material, two lots, stock in one of them."""
    make_tables(url)
    house = open_house(url)
    with house.transaction() as session, stock.on_lot(session, "lot.received", "A", by=KEEPER):
        session.add(Material(code="100010", name="Paracetamol", unit="kg"))
        for number in ("A", "B"):
            session.add(
                Lot(
                    number=number,
                    material="100010",
                    status=LotStatus.RELEASED,
                    status_at=START,
                    received_at=START,
                    received_by="P-104",
                )
            )
        session.flush()
        post(session, "receipt/A", move("A", 10_000, source="supplier/Acme", target=STORE))
    house.database.close()


def open_house(url: str) -> House:
    return House(Database(url), guards=[TrailGuard()], clock=HeldClock(START))


@pytest.fixture
def house(database_url: str, templates: Templates) -> Iterator[House]:
    """The site on both databases."""
    templates.fill(database_url, make_site)
    made = open_house(database_url)
    yield made
    made.database.close()


def move(lot: str, amount: int, *, source: str = STORE, target: str = BATCH) -> list[Line]:
    return transfer(lot, amount, source=(source, ""), target=(target, ""))


def post(session: Session, key: str, lines: list[Line], kind: str = "issue") -> None:
    new = NewMovement(key=key, kind=kind, material="100010", lines=lines)
    ledger.post(session, new, by=KEEPER, at=START)


def write(house: House, key: str, lines: list[Line], kind: str = "issue") -> None:
    with house.transaction() as session, stock.on_lot(session, "lot.moved", "A", by=KEEPER):
        post(session, key, lines, kind)


def amount(house: House, account: str, lot: str = "A") -> int:
    with house.reading() as session:
        row = queries.balance(session, account, lot, "")
        return 0 if row is None else row.amount


@pytest.mark.urs("URS-MAT-070")
def test_the_same_key_moves_once(house: House) -> None:
    write(house, "issue/1", move("A", 5_000))
    write(house, "issue/1", move("A", 5_000))
    assert (amount(house, STORE), amount(house, BATCH)) == (5_000, 5_000)
    with pytest.raises(KeyUsedOtherwise):
        write(house, "issue/1", move("A", 4_000))


@pytest.mark.urs("URS-MAT-070")
def test_more_than_there_is_is_refused_and_nothing_moves(house: House) -> None:
    with pytest.raises(NotEnough) as refused:
        write(house, "issue/1", move("A", 10_001))
    assert "0.00001 kg" in refused.value.fact
    assert amount(house, STORE) == 10_000
    with pytest.raises(NotEnough):
        write(house, "issue/2", move("B", 1))


@pytest.mark.urs("URS-MAT-070")
def test_a_movement_balances_per_lot_or_is_refused(house: House) -> None:
    crossed = [
        Line(account=STORE, lot="A", amount=-5),
        Line(account=BATCH, lot="B", amount=5),
    ]
    with pytest.raises(NotBalanced):
        write(house, "issue/1", crossed)
    with pytest.raises(QuantityNotCountable):
        write(house, "issue/2", [])


@pytest.mark.urs("URS-MAT-070")
def test_eight_writers_never_take_more_than_there_is(house: House) -> None:
    def one(place: int) -> bool:
        try:
            write(house, f"issue/{place}", move("A", 3_000))
        except NotEnough:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(one, range(8)))
    assert sum(got) == 3
    assert (amount(house, STORE), amount(house, BATCH)) == (1_000, 9_000)
    with house.reading() as session:
        assert ledger.differences(session) == []


@pytest.mark.urs("URS-MAT-070")
def test_eight_writers_with_the_same_key_move_once(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(house, "issue/1", move("A", 3_000)), range(8)))
    assert amount(house, STORE) == 7_000


@pytest.mark.urs("URS-MAT-070")
def test_balances_are_made_anew_from_the_lines_and_a_difference_is_found(house: House) -> None:
    write(house, "issue/1", move("A", 4_000))
    with house.transaction() as session:
        row = queries.balance(session, STORE, "A", "")
        assert row is not None
        row.amount += 7
    with house.reading() as session:
        assert ledger.differences(session) == ["location/1.20/A: balance 6007, lines 6000"]
        assert ledger.unbalanced(session) == []
    with house.transaction() as session:
        assert ledger.rebuild(session) == 3
    with house.reading() as session:
        assert ledger.differences(session) == []


@pytest.mark.urs("URS-MAT-060")
def test_genealogy_of_depth_six_with_splits_and_rework_gives_the_exact_set(house: House) -> None:
    edges = seeded_graph()
    with house.transaction() as session, stock.on_lot(session, "lot.moved", "A", by=KEEPER):
        for source, target in edges:
            link = genealogy.Link(
                source=source, target=target, kind="consumed", quantity=D(1), unit="kg"
            )
            genealogy.link(session, link, by=KEEPER, at=START)
    with house.reading() as session:
        for start in ("lot/0-0", "lot/0-3"):
            hops = genealogy.forward(session, start)
            assert {hop.target for hop in hops} == reachable(edges, start)
        backwards = [(target, source) for source, target in edges]
        found = {hop.source for hop in genealogy.backward(session, "lot/6-0")}
        assert found == reachable(backwards, "lot/6-0")
        for ahead, start in ((True, "lot/0-3"), (False, "lot/6-0")):
            walk = genealogy.forward if ahead else genealogy.backward
            hops = walk(session, start)
            told = list(all_hops(genealogy.tree(start, hops, ahead=ahead)))
            assert sorted(map(str, told)) == sorted(map(str, hops)), "each hop once"
        near = genealogy.forward(session, "lot/0-0", depth=1)
        assert {hop.target for hop in near} == {t for s, t in edges if s == "lot/0-0"}


def all_hops(branches: Sequence[genealogy.Branch]) -> Iterator[genealogy.Hop]:
    """Every hop of a tree, in reading order."""
    for branch in branches:
        yield branch.hop
        yield from all_hops(branch.beyond)


def seeded_graph() -> list[tuple[str, str]]:
    """Six layers with splits and merges, and one lot that was worked up again."""
    random = Random(17)
    edges = {
        (f"lot/{layer}-{place}", f"lot/{layer + 1}-{random.randrange(6)}")
        for layer in range(6)
        for place in range(6)
        for _ in range(2)
    }
    return sorted(edges | {("lot/4-0", "lot/2-1")})


def reachable(edges: list[tuple[str, str]], start: str) -> set[str]:
    """What the plain definition of reachability gives."""
    found: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        for source, target in edges:
            if source == here and target not in found:
                found.add(target)
                todo.append(target)
    return found
