"""A signed cleaning entry, and clean holds that run out by themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import NotPermitted
from hardware import equipment_commands, queries
from hardware.models import Equipment, LogbookLine
from maintenance import expiry
from maintenance.commands.cleaning import (
    PerformCleaning,
    StartCleaning,
    perform_cleaning,
    start_cleaning,
    verify_cleaning,
)
from maintenance.commands.setting_up import make_series
from maintenance.errors import NotToBeCleaned, UnitInUse, WorkNotInState
from maintenance.models import Series
from personnel.errors import NotIndependent, NotQualified
from tests.support.records import SETUP, START, RecordPlant


def unit(plant: RecordPlant, number: str = "GRA-01") -> Equipment:
    found: Equipment = plant.ask(queries.equipment, number)
    return found


def log(plant: RecordPlant, number: str = "GRA-01") -> list[LogbookLine]:
    return list(plant.ask(queries.logbook, number))


def begin(plant: RecordPlant, badge: str = "P-101", number: str = "GRA-01") -> str:
    answer: str = plant.person(badge).do(
        start_cleaning, StartCleaning(equipment=number), record=f"equipment/{number}"
    )
    return answer


def perform(plant: RecordPlant, number: str, badge: str = "P-101") -> None:
    command = PerformCleaning(number=number, result="washed, dried, no residue seen")
    plant.person(badge).sign(
        perform_cleaning, command, meaning="performed", record=f"procedure/{number}"
    )


def verify(plant: RecordPlant, number: str, badge: str = "P-102") -> None:
    plant.person(badge).sign(
        verify_cleaning, number, meaning="verified", record=f"procedure/{number}"
    )


@pytest.fixture
def soiled(plant: RecordPlant) -> RecordPlant:
    """GRA-01 was used for B-2041 and is to be cleaned."""
    plant.house.perform(
        equipment_commands.soil, "GRA-01", batch="B-2041", product="500010", by=SETUP
    )
    return plant


@pytest.mark.urs("URS-EQP-020", "URS-EQP-030")
def test_performed_and_verified_by_two_people_the_unit_is_clean(soiled: RecordPlant) -> None:
    soiled.house.perform(make_series, Series.CLEANING, first=312, by=SETUP)
    number = begin(soiled)
    assert number == "CL-0312"
    assert unit(soiled).cleaning == "in_cleaning"
    soiled.later(minutes=40)
    perform(soiled, number)
    assert unit(soiled).cleaning == "in_cleaning"
    soiled.later(minutes=10)
    verify(soiled, number)
    cleaned = unit(soiled)
    assert cleaned.cleaning == "clean"
    assert cleaned.clean_until == START + timedelta(minutes=40, days=3)
    assert unit(soiled, "BV-01").cleaning == "clean"
    (line,) = log(soiled)
    assert (line.kind, line.performed_by, line.checked_by) == ("cleaning", "P-101", "P-102")
    assert (line.batch, line.product, line.record) == ("B-2041", "500010", "procedure/CL-0312")
    actions = soiled.actions("procedure/CL-0312")
    assert actions == ["cleaning.started", "cleaning.performed", "cleaning.verified"]


@pytest.mark.urs("URS-EQP-030", "URS-SIG-040")
def test_nobody_verifies_the_own_cleaning(soiled: RecordPlant) -> None:
    number = begin(soiled)
    perform(soiled, number)
    with pytest.raises(NotIndependent):
        verify(soiled, number, "P-101")
    assert unit(soiled).cleaning == "in_cleaning"
    assert log(soiled) == []


@pytest.mark.urs("URS-EQP-030")
def test_a_cleaning_is_not_verified_before_it_is_performed(soiled: RecordPlant) -> None:
    number = begin(soiled)
    with pytest.raises(WorkNotInState):
        verify(soiled, number)


@pytest.mark.urs("URS-IAM-110")
def test_who_is_not_qualified_for_cleaning_does_not_clean(soiled: RecordPlant) -> None:
    with pytest.raises(NotQualified) as refused:
        begin(soiled, "P-104")
    assert "SOP-150" in refused.value.fact
    with pytest.raises(NotPermitted):
        begin(soiled, "P-107")
    assert unit(soiled).cleaning == "to_be_cleaned"


def test_a_unit_of_a_batch_is_not_cleaned_meanwhile(plant: RecordPlant) -> None:
    plant.house.perform(equipment_commands.allocate, "GRA-01", batch="B-2045", by=SETUP)
    with pytest.raises(UnitInUse):
        begin(plant)


def test_a_unit_that_needs_no_cleaning_is_not_cleaned(plant: RecordPlant) -> None:
    with pytest.raises(NotToBeCleaned):
        begin(plant, number="WGH-02")


@pytest.mark.urs("URS-EQP-020")
@pytest.mark.parametrize(
    ("wait", "expected"),
    [(timedelta(days=3), "clean"), (timedelta(days=3, seconds=1), "to_be_cleaned")],
)
def test_a_clean_hold_runs_out_with_nobody_logged_in(
    soiled: RecordPlant, wait: timedelta, expected: str
) -> None:
    number = begin(soiled)
    perform(soiled, number)
    verify(soiled, number)
    soiled.clock.move(wait)
    soiled.work()
    assert unit(soiled).cleaning == expected


@pytest.mark.urs("URS-EQP-020")
def test_units_that_were_clean_from_the_start_are_watched_too(plant: RecordPlant) -> None:
    with plant.house.transaction() as session:
        assert expiry.watch_all(session) == 3
    plant.later(days=7, seconds=1)
    plant.work()
    assert unit(plant).cleaning == "to_be_cleaned"
    assert unit(plant, "TS-12").cleaning == "clean"
    assert "equipment.clean_hold_expired" in plant.actions("equipment/GRA-01")
