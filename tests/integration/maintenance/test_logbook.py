"""The logbook of a unit for a period on paper (URS-EQP-030, URS-REP-010)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core.actors import Actor
from core.errors import NotPermitted
from hardware import equipment_commands
from hardware.errors import UnknownEquipment
from hardware.words import LogKind
from maintenance.commands.orders import report_fault, start_order
from tests.integration.maintenance.test_orders import complete, do, pass_limit, running, verify
from tests.support import recorded, sheets
from tests.support.records import START, RecordPlant

__all__ = ["running"]
DAY = f"{START:%Y-%m-%d}"
LONG = "Reinigungsmittelrückstandsüberprüfung der Wirbelschichtgranuliertrocknungsanlage " * 12
SIGNS = "Rührer Ω-Dichtung: Δp ≤ 5 µm, ±0,5 °C, Σ ≥ 99 % – “geprüft”"


@pytest.fixture
def plant(plant: RecordPlant, tmp_path: Path) -> RecordPlant:
    """The staffed site, which issues every kind of document."""
    recorded.furnish(plant, tmp_path)
    sheets.register(plant)
    return plant


def issue(plant: RecordPlant, unit: str, since: str = DAY, until: str = DAY) -> sheets.Issued:
    by = plant.person("P-107").actor
    return sheets.issue(plant.house, "logbook", by, unit=unit, since=since, until=until)


def _write(session: Session, texts: list[str], *, by: Actor, at: datetime) -> None:
    for number, text in enumerate(texts):
        begun = at - timedelta(hours=1) + timedelta(seconds=number)
        equipment_commands.add_log_line(
            session, "TS-12", kind=LogKind.USE, started_at=begun, ended_at=at,
            performer=by, batch=f"B-{number:04}", remark=text, by=by, at=at,
        )  # fmt: skip


@pytest.mark.urs("URS-EQP-030", "URS-REP-010")
def test_use_maintenance_and_fault_stand_in_order_with_their_signatures(
    running: RecordPlant,
) -> None:
    pass_limit(running)
    do(running, "G")
    do(running, "C")
    running.person("P-103", "ME").do(start_order, "WO-0001", record="order/WO-0001")
    complete(running)
    verify(running, "P-107")
    running.person("P-101").do(
        report_fault, "TS-12", "a punch is cracked", record="equipment/TS-12"
    )
    made = issue(running, "TS-12")
    assert [row["kind"] for row in made.rows("lines")] == ["Use", "Maintenance"]
    signed = made.rows("lines")[1]["signed"]
    assert "Tomasz Wójcik (P-103)\nperformed · ME\n" in signed
    assert "Samuel Okafor (P-107)\nverified · QA\n" in signed
    assert [(row["number"], row["trigger"], row["state"]) for row in made.rows("orders")] == [
        ("WO-0001", "counter", "closed"),
        ("WO-0002", "fault", "due"),
    ]
    assert "Faults: 1." in made.data["statement"]
    assert made.standing == "1 not closed"
    assert sheets.unsaid(made) == []


@pytest.mark.urs("URS-EQP-030")
def test_a_period_in_which_nothing_was_done_says_so(plant: RecordPlant) -> None:
    made = issue(plant, "TS-12", "2001-01-01", "2001-01-31")
    assert made.holds("Nothing was done with this unit in this period, and no order stood open.")
    assert made.holds("No line: the unit was not used")
    assert made.holds("No calibration was performed in this period.")
    assert made.holds("The status of the unit did not change in this period.")
    assert made.data["mark"] == ""


@pytest.mark.urs("URS-REP-030")
def test_a_thousand_lines_long_words_and_signs_are_printed_whole_in_parts(
    plant: RecordPlant,
) -> None:
    texts = [LONG, SIGNS, *(f"Charge Nr. {number} gepresst" for number in range(998))]
    plant.house.perform(_write, texts, by=plant.person("P-101").actor)
    made = issue(plant, "TS-12")
    assert len(made.rows("lines")) == 1000
    assert made.data["facts"][5] == {"name": "Numbers of lines", "text": "1 to 1000"}
    assert made.holds(LONG)
    assert made.holds(SIGNS)
    assert made.holds(f"Page {made.pages} of {made.pages}")
    assert made.pages > 20
    assert [row["what"] for row in made.rows("lines") if not made.holds(row["what"])] == []


@pytest.mark.urs("URS-IAM-020")
def test_who_may_read_no_equipment_gets_no_logbook(plant: RecordPlant) -> None:
    with pytest.raises(NotPermitted):
        sheets.issue(
            plant.house, "logbook", plant.person("A-001").actor,
            unit="TS-12", since=DAY, until=DAY,
        )  # fmt: skip


def test_a_unit_that_is_none_is_not_found(plant: RecordPlant) -> None:
    with pytest.raises(UnknownEquipment):
        issue(plant, "XXX-99")
