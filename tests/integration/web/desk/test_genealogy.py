"""The genealogy as people see it: both ways, as a tree, as a table and as CSV."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from inventory import genealogy
from inventory.commands import stock
from inventory.commands.stock import NewContainer, NewLot, NewMaterial
from tests.integration.web.desk.conftest import Enter, text_of
from tests.support.batches import also
from tests.support.records import RecordPlant

WAYS = (
    ("lot/PA-1", "batch/B-1", "consumed", "30"),
    ("lot/PA-1", "batch/B-2", "consumed", "31.5"),
    ("batch/B-1", "lot/BULK-1", "produced", "29"),
    ("batch/B-2", "lot/BULK-1", "produced", "28"),
    ("lot/BULK-1", "batch/B-3", "consumed", "57"),
)
"""Two batches of one lot that meet again in one bulk lot, and what was made of it."""


@pytest.fixture
def grown(plant: RecordPlant) -> RecordPlant:
    """The lots, received, and the ways between them."""
    by = also(plant, "P-105", "WH")
    plant.house.perform(stock.register_location, "1.20", "Stores", by=by)
    for code, name, lot in (("100010", "Paracetamol", "PA-1"), ("500010", "Tablets", "BULK-1")):
        plant.house.perform(stock.register_material, NewMaterial(code=code, name=name), by=by)
        drum = NewContainer(label=f"{lot}-D1", quantity=Decimal("90"))
        new = NewLot(number=lot, material=code, location="1.20", containers=(drum,))
        plant.house.perform(stock.receive_lot, new, by=by)
    with (
        plant.house.transaction() as session,
        stock.on_lot(session, "lot.moved", "PA-1", by=by),
    ):
        for source, target, kind, quantity in WAYS:
            amount = Decimal(quantity)
            link = genealogy.Link(
                source=source, target=target, kind=kind, quantity=amount, unit="kg"
            )
            genealogy.link(session, link, by=by, at=plant.clock.now())
    return plant


def places(page: str) -> list[tuple[int, str]]:
    """Depth and number of every place of the tree, in reading order."""
    tree = page.partition('<div class="tree">')[2].partition("</div>")[0]
    found, depth = [], 0
    for part in re.finditer(r"<(/?)ul>|<strong>(?:<a [^>]*>)?([A-Z0-9-]+)<", tree):
        if part[2]:
            found.append((depth, part[2]))
        else:
            depth += -1 if part[1] else 1
    return found


@pytest.mark.urs("URS-MAT-060")
def test_where_a_lot_went_is_a_tree_that_tells_each_way_once(
    grown: RecordPlant, enter: Enter
) -> None:
    page = text_of(enter("P-107").get("/genealogy/lot/PA-1"))
    assert places(page) == [(1, "B-1"), (2, "BULK-1"), (3, "B-3"), (1, "B-2"), (2, "BULK-1")]
    assert page.count("goes on where it stands first") == 1
    assert "31.5\u202fkg" in page


@pytest.mark.urs("URS-MAT-060")
def test_what_a_lot_was_made_from_and_how_far_to_go(grown: RecordPlant, enter: Enter) -> None:
    quality = enter("P-107")
    back = text_of(quality.get("/genealogy/lot/BULK-1?way=backward"))
    assert [place for _depth, place in places(back)] == ["B-1", "PA-1", "B-2", "PA-1"]
    near = text_of(quality.get("/genealogy/lot/PA-1?levels=1"))
    assert places(near) == [(1, "B-1"), (1, "B-2")]
    nothing = text_of(quality.get("/genealogy/lot/PA-1?way=backward"))
    assert places(nothing) == []
    assert "Nothing is recorded that it was made from." in nothing


@pytest.mark.urs("URS-MAT-060")
def test_the_same_stands_in_a_table_and_in_a_csv(grown: RecordPlant, enter: Enter) -> None:
    quality = enter("P-107")
    rows = text_of(quality.get("/genealogy/lot/PA-1?csv=hops")).splitlines()
    assert len(rows) == len(WAYS) + 1
    assert "Lot PA-1,Batch B-2,100010 Paracetamol,consumed,31.5\u202fkg,1" in rows


@pytest.mark.urs("URS-MAT-060")
@pytest.mark.parametrize("path", ["/genealogy/lot/PA-9", "/genealogy/batch/B-9"])
def test_what_is_not_there_has_no_genealogy(grown: RecordPlant, enter: Enter, path: str) -> None:
    answer = enter("P-107").get(path)
    assert answer.status_code == 404
    assert "There is no lot or batch" in text_of(answer)
