"""Units: one status per dimension, exclusive allocation, calibration, and the equipment log."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import HeldClock
from core.errors import Stale
from core.house import House
from hardware import equipment_commands, queries, setup_commands
from hardware.errors import EquipmentNotSuitable, LogbookIncomplete, MapNotApproved
from hardware.events import EquipmentStatusChanged
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning, LogKind, Verdict
from tests.integration.hardware.conftest import (
    APPROVER,
    AUTHOR,
    KERN,
    ROTH,
    START,
    TAGS,
    allocated,
    dryer,
)


@pytest.mark.urs("URS-EQP-010")
def test_a_unit_is_allocated_to_one_batch_only(house: House) -> None:
    dryer(house)
    allocated(house, "B-2045")
    allocated(house, "B-2045")
    with pytest.raises(EquipmentNotSuitable, match="in use by B-2045") as refused:
        allocated(house, "B-2046")
    assert refused.value.resolver == "shift supervisor"
    with pytest.raises(EquipmentNotSuitable, match="belongs to B-2045"):
        house.perform(equipment_commands.release, "FBD-01", batch="B-2046", by=KERN)
    house.perform(equipment_commands.release, "FBD-01", batch="B-2045", by=KERN)
    allocated(house, "B-2046")


@pytest.mark.urs("URS-EQP-010", "URS-EXE-090")
def test_two_batches_that_take_a_unit_at_the_same_moment_have_one_winner(house: House) -> None:
    dryer(house)
    both_have_looked = Barrier(2, timeout=30)

    def take(session: Session, batch: str, *, by: Actor, at: datetime) -> str:
        assert queries.equipment(session, "FBD-01").allocated_to != batch
        if house.database.dialect == "postgresql":  # SQLite lets one after the other look
            both_have_looked.wait()
        equipment_commands.allocate(session, "FBD-01", batch=batch, by=by, at=at)
        return batch

    def attempt(batch: str) -> str:
        try:
            return house.perform(take, batch, by=KERN)
        except (EquipmentNotSuitable, Stale) as refusal:
            return refusal.rule

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(attempt, ["B-2045", "B-2046"]))
    with house.reading() as session:
        winner = queries.equipment(session, "FBD-01").allocated_to
    assert winner in answers
    (refused,) = [answer for answer in answers if answer != winner]
    assert refused in (EquipmentNotSuitable.rule, Stale.rule)


@pytest.mark.urs("URS-EQP-010")
@pytest.mark.parametrize(
    ("spoil", "fact"),
    [
        ((equipment_commands.block, {"reason": "crack in the gasket"}), "blocked: crack"),
        ((equipment_commands.take_out_of_service, {"order": "MO-12"}), "in maintenance: MO-12"),
        ((equipment_commands.soil, {"batch": "B-1", "product": "PT500"}), "to be cleaned"),
        ((equipment_commands.begin_cleaning, {"in_record": "CL-0312"}), "in cleaning"),
    ],
)
def test_an_unsuitable_unit_is_not_allocated(
    house: House, spoil: tuple[object, dict[str, str]], fact: str
) -> None:
    dryer(house)
    command, arguments = spoil
    house.perform(command, "FBD-01", by=KERN, **arguments)  # type: ignore[arg-type]  # a table of commands
    with pytest.raises(EquipmentNotSuitable, match=fact):
        allocated(house)
    with house.reading() as session:
        assert queries.equipment(session, "FBD-01").allocated_to is None


@pytest.mark.urs("URS-EQP-020")
def test_a_clean_hold_ends_to_the_second_and_is_written_down_once(
    house: House, clock: HeldClock
) -> None:
    dryer(house)
    clock.move(timedelta(days=7))
    assert not house.perform(equipment_commands.expire_clean_hold, "FBD-01", by=KERN)
    with house.reading() as session:
        assert not queries.obstacles(session, "FBD-01")
    clock.move(timedelta(seconds=1))
    with pytest.raises(EquipmentNotSuitable, match="to be cleaned"):
        allocated(house)
    assert house.perform(equipment_commands.expire_clean_hold, "FBD-01", by=KERN)
    assert not house.perform(equipment_commands.expire_clean_hold, "FBD-01", by=KERN)
    with house.reading() as session:
        unit = queries.equipment(session, "FBD-01")
        assert unit.cleaning == Cleaning.TO_BE_CLEANED
        assert unit.dirty_since == START + timedelta(days=7)


@pytest.mark.urs("URS-EQP-020")
def test_too_little_clean_hold_left_refuses_the_unit(house: House, clock: HeldClock) -> None:
    dryer(house)
    clock.move(timedelta(days=7, hours=-3))
    with pytest.raises(EquipmentNotSuitable, match="less than 4 h of its clean hold"):
        house.perform(
            equipment_commands.allocate,
            "FBD-01",
            batch="B-2045",
            clean_hold_left=timedelta(hours=4),
            by=KERN,
        )


def test_parts_follow_their_unit(house: House) -> None:
    dryer(house)
    part = NewEquipment(
        number="FB-02",
        name="Filter bag",
        equipment_class="filter_bag",
        parent="FBD-01",
        cleaning=Cleaning.CLEAN,
    )
    house.perform(setup_commands.register_equipment, part, by=AUTHOR)
    allocated(house)
    house.perform(equipment_commands.soil, "FBD-01", batch="B-2045", product="PT500", by=KERN)
    with house.reading() as session:
        bag = queries.equipment(session, "FB-02")
        assert (bag.allocated_to, bag.cleaning) == ("B-2045", Cleaning.TO_BE_CLEANED)


@pytest.mark.urs("URS-EQP-010", "URS-AUD-020")
def test_each_change_leaves_an_event_an_entry_and_a_fact(house: House) -> None:
    told: list[EquipmentStatusChanged] = []
    house.events.on(EquipmentStatusChanged, lambda session, event: told.append(event))
    dryer(house)
    house.perform(equipment_commands.block, "FBD-01", reason="leak at the door", by=KERN)
    with house.reading() as session:
        (event,) = queries.status_history(session, "FBD-01")
        entry = trail.entries(session, Stream("equipment", "FBD-01"))[-1].data
    assert (event.before, event.after, event.actor) == (None, "leak at the door", "P-101")
    assert (entry["action"], entry["reason"]) == ("equipment.blocked", "leak at the door")
    assert told[0].after == "leak at the door"


@pytest.mark.urs("URS-EQP-040")
def test_a_failed_calibration_names_the_last_good_one_and_blocks_at_once(
    house: House, clock: HeldClock
) -> None:
    dryer(house)

    def calibrate(found: Verdict, left: Verdict) -> None:
        house.perform(
            equipment_commands.record_calibration,
            "FBD-01",
            performed_at=clock.now(),
            due_at=clock.now() + timedelta(days=90),
            as_found=found,
            as_left=left,
            certificate="CAL-77",
            by=KERN,
        )

    calibrate(Verdict.PASS, Verdict.PASS)
    clock.move(timedelta(days=3))
    calibrate(Verdict.FAIL, Verdict.FAIL)
    clock.move(timedelta(seconds=1))
    with house.reading() as session:
        last = queries.calibrations(session, "FBD-01")[-1]
        assert last.last_good_before == START
        assert "overdue" in queries.obstacles(session, "FBD-01")[0].fact


@pytest.mark.urs("URS-EQP-030")
def test_a_cleaning_line_needs_another_person_who_checked(house: House) -> None:
    dryer(house)

    def write(checker: Actor | None = None) -> None:
        house.perform(
            equipment_commands.add_log_line,
            "FBD-01",
            kind=LogKind.CLEANING,
            started_at=START,
            ended_at=START,
            performer=KERN,
            checker=checker,
            by=KERN,
        )

    with pytest.raises(LogbookIncomplete, match="who checked"):
        write()
    with pytest.raises(LogbookIncomplete, match="another person"):
        write(checker=KERN)
    write(checker=ROTH)
    with house.reading() as session:
        (line,) = queries.logbook(session, "FBD-01")
    assert (line.line, line.performer_name, line.checker_name) == (1, "Anna Kern", "Paul Roth")


@pytest.mark.urs("URS-EQP-030")
def test_a_late_line_stands_in_order_of_writing_and_is_marked(
    house: House, clock: HeldClock
) -> None:
    dryer(house)
    clock.move(timedelta(days=1))
    for ended in (clock.now(), START):
        house.perform(
            equipment_commands.add_log_line,
            "FBD-01",
            kind=LogKind.USE,
            batch="B-2045",
            product="PT500",
            started_at=START,
            ended_at=ended,
            performer=KERN,
            by=KERN,
        )
    with house.reading() as session:
        lines = queries.logbook(session, "FBD-01")
    assert [(line.line, line.late) for line in lines] == [(1, False), (2, True)]


@pytest.mark.urs("URS-PRO-030")
def test_a_tag_map_is_used_only_after_another_person_approved_it(house: House) -> None:
    dryer(house)
    wider = [TAGS[0]]
    house.perform(setup_commands.propose_tag_map, "FBD-01", wider, by=AUTHOR)
    with house.reading() as session:
        assert {tag.name for tag in queries.tags(session)} == {"TI102", "TC103"}
    with pytest.raises(MapNotApproved, match="drawn up by Aino Lind"):
        house.perform(setup_commands.approve_tag_map, "FBD-01", 2, by=AUTHOR)
    house.perform(setup_commands.approve_tag_map, "FBD-01", 2, by=APPROVER)
    with house.reading() as session:
        assert {(tag.name, tag.map.number) for tag in queries.tags(session)} == {("TI102", 2)}
    with pytest.raises(MapNotApproved, match="no draft"):
        house.perform(setup_commands.approve_tag_map, "FBD-01", 1, by=APPROVER)


def test_the_digest_of_a_map_changes_with_its_content_only() -> None:
    from dataclasses import replace

    there = setup_commands.map_digest("FBD-01", TAGS)
    assert setup_commands.map_digest("FBD-01", TAGS[::-1]) == there
    changed = [replace(TAGS[0], range_high=Decimal(101)), TAGS[1]]
    assert setup_commands.map_digest("FBD-01", changed) != there
