"""The page of a unit that is cleaned by a procedure leads to the steps of its record."""

from __future__ import annotations

import pytest

from tests.integration.maintenance.test_cleaning_runs import UNIT, approve, two_dryers
from tests.integration.web.desk.conftest import Enter, text_of
from tests.support.records import RecordPlant, qualify


@pytest.mark.urs("URS-EQP-020")
def test_starting_a_cleaning_leads_to_its_steps_and_the_unit_back_to_them(
    plant: RecordPlant, enter: Enter
) -> None:
    two_dryers(plant)
    approve(plant)
    qualify(plant, {"P-101": "SOP-150"})
    operator, page = enter("P-101"), f"/equipment/{UNIT}"
    answer = operator.send(page, f"{page}/cleaning")
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/records/CL-0001")
    plant.work()
    assert "Cleaning of the dryer" in text_of(operator.get("/records/CL-0001"))
    shown = text_of(operator.get(page))
    assert "Go on with the cleaning" in shown
    assert "CLN-009 v4" in shown
    assert "Sign the cleaning" not in shown
