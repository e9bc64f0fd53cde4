"""Maintenance orders and calibrations on their pages, from the plan to the second signature."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hardware import queries as plant_queries
from hardware import setup_commands
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning
from maintenance import queries
from tests.integration.web.desk.conftest import Enter, also, full, text_of
from tests.support.records import SETUP, START, RecordPlant

UNIT = "/equipment/GRA-01"
ORDER = "/maintenance/WO-0001"


@pytest.fixture
def fitter(plant: RecordPlant) -> str:
    """A granulator, and somebody of maintenance."""
    new = NewEquipment(
        number="GRA-01",
        name="Granulator",
        equipment_class="granulator",
        room="1.12",
        cleaning=Cleaning.CLEAN,
        calibration_due=START + timedelta(days=12),
        properties={"working_volume_l": ["200", "240"]},
    )
    plant.house.perform(setup_commands.register_equipment, new, by=SETUP)
    also(plant, "P-103", "ME")
    return "P-103"


@pytest.mark.urs("URS-EQP-050", "URS-SIG-040")
def test_maintenance_is_planned_done_and_verified_by_another_person(
    plant: RecordPlant, fitter: str, enter: Enter
) -> None:
    maintenance = enter(fitter)
    due = {"title": "Change the gearbox oil", "due": "2026-03-20T14:00"}
    made = maintenance.send(UNIT, f"{UNIT}/order", **due)
    assert made.headers["Location"] == ORDER
    assert maintenance.send(ORDER, f"{ORDER}/start").status_code == 303
    assert maintenance.send(ORDER, f"{ORDER}/complete", work=" ").status_code == 422
    asked = maintenance.send(ORDER, f"{ORDER}/complete", work="3 l of food-grade oil changed")
    assert "3 l of food-grade oil changed" in text_of(asked)
    assert maintenance.sign(asked, f"{ORDER}/complete", **full(fitter)).status_code == 303
    own = maintenance.send(ORDER, f"{ORDER}/verify", verifier=fitter)
    assert own.status_code == 403
    assert plant.ask(queries.order, "WO-0001").state == "to_verify"
    asked = maintenance.send(ORDER, f"{ORDER}/verify", verifier="P-105")
    assert maintenance.sign(asked, f"{ORDER}/verify", **full("P-105")).status_code == 303
    assert plant.ask(queries.order, "WO-0001").state == "closed"
    page = text_of(maintenance.get(ORDER))
    for words in ("Tomasz Wójcik", "Miriam Vogel", "Closed. Nothing more is to be done."):
        assert words in page


@pytest.mark.urs("URS-EQP-050")
def test_an_operator_sees_an_order_and_cannot_begin_it(
    plant: RecordPlant, fitter: str, enter: Enter
) -> None:
    due = {"title": "Change the gearbox oil", "due": "2026-03-20T14:00"}
    maintenance, operator = enter(fitter), enter("P-101")
    maintenance.send(UNIT, f"{UNIT}/order", **due)
    assert "Maintenance does the next step." in text_of(operator.get(ORDER))
    form = operator.forms("/work").to("/language") | {"_key": "1"}
    assert operator.client.post(f"{ORDER}/start", data=form).status_code == 403
    assert plant.ask(queries.order, "WO-0001").state == "due"


@pytest.mark.urs("URS-EQP-040", "URS-SIG-040")
def test_a_calibration_counts_when_a_second_person_has_verified_it(
    plant: RecordPlant, fitter: str, enter: Enter
) -> None:
    maintenance = enter(fitter)
    entered = {
        "performed_at": "2026-03-02T06:30",
        "due_at": "2027-03-02T06:30",
        "as_found": "pass",
        "as_left": "pass",
        "certificate": "CERT-88",
    }
    asked = maintenance.send(UNIT, f"{UNIT}/calibration", **entered)
    assert "CERT-88" in text_of(asked)
    assert maintenance.sign(asked, f"{UNIT}/calibration", **full(fitter)).status_code == 303
    assert "waits for the second person" in text_of(maintenance.get(UNIT))
    to = "/calibrations/CAL-0001/verify"
    assert maintenance.send(UNIT, to, verifier=fitter).status_code == 403
    asked = maintenance.send(UNIT, to, verifier="P-105")
    assert maintenance.sign(asked, to, **full("P-105")).status_code == 303
    assert "waits for the second person" not in text_of(maintenance.get(UNIT))
    due = plant.ask(plant_queries.equipment, "GRA-01").calibration_due
    assert due is not None
    assert due.year == 2027


@pytest.mark.urs("URS-EQP-020")
def test_a_blocked_unit_is_not_used_until_the_quality_unit_takes_the_block_away(
    plant: RecordPlant, fitter: str, enter: Enter
) -> None:
    supervisor, quality = enter("P-105"), enter("P-107")
    assert supervisor.send(UNIT, f"{UNIT}/block", reason=" ").status_code == 422
    assert supervisor.send(UNIT, f"{UNIT}/block", reason="crack in the bowl").status_code == 303
    shown = text_of(supervisor.get(UNIT))
    assert "blocked: crack in the bowl" in shown
    assert "Take the block away" not in shown
    form = supervisor.forms("/work").to("/language") | {"_key": "1", "reason": "it is fine"}
    assert supervisor.client.post(f"{UNIT}/unblock", data=form).status_code == 403
    assert plant.ask(plant_queries.equipment, "GRA-01").blocked_reason == "crack in the bowl"
    assert quality.send(UNIT, f"{UNIT}/unblock", reason="bowl exchanged").status_code == 303
    assert plant.ask(plant_queries.equipment, "GRA-01").blocked_reason is None
    told = [entry["reason"] for entry in plant.entries("equipment/GRA-01")][-2:]
    assert told == ["crack in the bowl", "bowl exchanged"]
