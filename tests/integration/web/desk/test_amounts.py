"""Pages of lists ask the database the same number of questions whatever they list."""

from __future__ import annotations

import pytest

from tests.bench.capturing import captured
from tests.integration.web.desk.conftest import Enter
from tests.support import batches
from tests.support.records import RecordPlant
from tests.support.web import Visitor

LISTS = ("/batches", "/reviews", "/exceptions", "/equipment", "/materials", "/deviations")


def questions(plant: RecordPlant, visitor: Visitor, path: str) -> int:
    """How many statements opening a page sends."""
    assert visitor.get(path).status_code == 200
    with captured(plant.house.database) as cost:
        visitor.get(path)
    return len(cost.sent)


@pytest.mark.urs("URS-REC-060")
def test_a_list_of_any_length_asks_the_same_number_of_questions(
    plant: RecordPlant, enter: Enter
) -> None:
    batches.plan(plant, "B-0001")
    visitor = enter("P-107")
    few = {path: questions(plant, visitor, path) for path in LISTS}
    for number in range(2, 5):
        another = batches.MOISTURE.replace("PT30M", f"PT{30 + number}M")
        batches.plan(plant, f"B-{number:04}", control=another)
    assert {path: questions(plant, visitor, path) for path in LISTS} == few
    assert "B-0004" in visitor.get("/batches").get_data(as_text=True)
    assert "B-0004" in visitor.get("/reviews").get_data(as_text=True)
