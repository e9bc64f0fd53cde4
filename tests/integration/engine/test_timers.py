"""Timers: due, late, repeating, standing still while held (URS-EXE-070)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from core.clock import HeldClock
from core.jobs import Claim, Job
from engine import commands, handlers
from engine.models import Subscription
from tests.support.bpmn import boundary, bpmn, call, end, task, timer, wait
from tests.support.running import BATCH, START, Plant, level

MINUTE = timedelta(minutes=1)
PRESS = bpmn(
    level("PROC", "RUN > LAST", call("RUN", "OP"), task("LAST")),
    level(
        "OP",
        ["C080 > end", "EV_IPC > C090 > EV_end"],
        task("C080"),
        boundary("EV_IPC", "C080", timer("cycle", "R/PT15M"), interrupting=False),
        call("C090", "IPC"),
        end("EV_end"),
    ),
    level("IPC", "I010", task("I010")),
)
DRYING = bpmn(
    level(
        "PROC",
        ["G150 > LAST > end", "EV_MAX > OVER > EV_end"],
        task("G150"),
        boundary("EV_MAX", "G150", timer("duration", "PT90M")),
        task("LAST"),
        task("OVER"),
        end("EV_end"),
    ),
)


@pytest.mark.urs("URS-EXE-070")
def test_checks_repeat_while_the_host_runs_and_outlive_it(plant: Plant) -> None:
    plant.run(PRESS)
    plant.pass_time(14 * MINUTE)
    assert plant.ready() == ["PROC/RUN#1/C080#1"]
    for _ in range(3):
        plant.pass_time(15 * MINUTE)
    checks = [f"PROC/RUN#1/EV_IPC#{n}/C090#1/I010#1" for n in (1, 2, 3)]
    assert [path for path in plant.ready() if "I010" in path] == checks
    plant.complete("PROC/RUN#1/C080#1")
    plant.pass_time(60 * MINUTE)
    assert plant.ready() == checks
    plant.complete(*reversed(checks))
    assert plant.ready() == ["PROC/LAST#1"]
    assert [event.occurrence for event in plant.host.events] == [1, 2, 3]


@pytest.mark.urs("URS-EXE-070")
def test_a_limit_interrupts_one_second_after_it_is_passed_not_before(plant: Plant) -> None:
    plant.run(DRYING)
    plant.pass_time(90 * MINUTE - timedelta(seconds=1))
    assert plant.ready() == ["PROC/G150#1"]
    plant.pass_time(timedelta(seconds=1))
    assert plant.ready() == ["PROC/OVER#1"]
    assert ("cancelled", "PROC/G150#1") in plant.host.told
    plant.complete("PROC/OVER#1")
    assert plant.state() == "complete"


def test_a_timer_whose_host_is_over_never_fires(plant: Plant) -> None:
    plant.run(DRYING)
    plant.complete("PROC/G150#1")
    assert plant.pass_time(100 * MINUTE) == 0
    assert plant.ready() == ["PROC/LAST#1"]


def test_a_job_whose_timer_was_withdrawn_meanwhile_leaves_no_entry(small_plant: Plant) -> None:
    small_plant.run(DRYING)
    with small_plant.house.reading() as session:
        row = session.query(Subscription).one()
        assert row.job_id is not None
        claimed = Claim(row.job_id, "engine.timer", _payload(row), 1, row.due_at)
    with small_plant.house.transaction() as session:
        session.execute(update(Job).values(state="running", fence=1))
    small_plant.complete("PROC/G150#1")
    before = small_plant.journal()
    handlers.fire_timer(small_plant.house, claimed)
    assert small_plant.journal() == before


def _payload(row: Subscription) -> dict[str, str]:
    return {"subscription": str(row.id), "record": str(BATCH)}


@pytest.mark.urs("URS-EXE-070")
def test_a_timer_that_fires_after_down_time_is_late_and_says_when_it_was_due(plant: Plant) -> None:
    plant.run(DRYING)
    plant.pass_time(100 * MINUTE)
    fired = next(fact for fact in plant.journal() if fact["fact"] == "timer.fired")
    assert fired["late"] is True
    assert fired["due"] == (START + 90 * MINUTE).isoformat()
    assert fired["at"] == (START + 100 * MINUTE).isoformat()
    assert plant.host.events[0].late


def test_a_timer_in_time_is_not_late(plant: Plant) -> None:
    plant.run(DRYING)
    plant.pass_time(90 * MINUTE)
    assert not plant.host.events[0].late


def test_missed_repetitions_all_fire_each_marked_late(small_plant: Plant) -> None:
    small_plant.run(PRESS)
    small_plant.pass_time(46 * MINUTE)
    assert [event.late for event in small_plant.host.events] == [True, True, True]


def test_a_limited_cycle_ends_by_itself(small_plant: Plant) -> None:
    small_plant.run(
        bpmn(
            level(
                "PROC",
                ["A > end", "EV > B > EV_end"],
                task("A"),
                boundary("EV", "A", timer("cycle", "R2/PT5M"), interrupting=False),
                task("B"),
                end("EV_end"),
            )
        )
    )
    small_plant.pass_time(60 * MINUTE)
    assert small_plant.ready() == ["PROC/A#1", "PROC/EV#1/B#1", "PROC/EV#2/B#1"]


def test_a_wait_in_the_flow_ends_when_it_is_due(plant: Plant) -> None:
    plant.run(
        bpmn(
            level("PROC", "A > W > B", task("A"), wait("W", timer("duration", "PT20M")), task("B"))
        )
    )
    plant.complete("PROC/A#1")
    assert plant.ready() == []
    plant.pass_time(20 * MINUTE)
    assert plant.ready() == ["PROC/B#1"]


@pytest.mark.urs("URS-EXE-070")
def test_running_time_stands_still_while_held(plant: Plant) -> None:
    plant.run(DRYING)
    plant.pass_time(60 * MINUTE)
    plant.do(commands.hold, reason="alarm")
    plant.pass_time(60 * MINUTE)
    assert plant.ready() == ["PROC/G150#1"]
    plant.do(commands.restart, reason="alarm cleared")
    plant.pass_time(29 * MINUTE)
    assert plant.ready() == ["PROC/G150#1"]
    plant.pass_time(1 * MINUTE)
    assert plant.ready() == ["PROC/OVER#1"]
    assert not plant.host.events[0].late


def test_a_hold_that_ended_before_the_timer_was_due_counts_as_well(plant: Plant) -> None:
    plant.run(DRYING)
    plant.do(commands.hold, "PROC", reason="alarm")
    plant.pass_time(30 * MINUTE)
    plant.do(commands.restart, "PROC", reason="alarm cleared")
    plant.pass_time(89 * MINUTE)
    assert plant.ready() == ["PROC/G150#1"]
    plant.pass_time(1 * MINUTE)
    assert plant.ready() == ["PROC/OVER#1"]


def test_a_date_does_not_wait_for_a_hold(small_plant: Plant) -> None:
    due = (START + 10 * MINUTE).isoformat()
    data = bpmn(level("PROC", "W > B", wait("W", timer("date", due)), task("B")))
    small_plant.run(data)
    small_plant.do(commands.hold, reason="alarm")
    small_plant.pass_time(20 * MINUTE)
    small_plant.do(commands.restart, reason="alarm cleared")
    small_plant.pass_time(timedelta(0))
    assert small_plant.ready() == ["PROC/B#1"]


@pytest.mark.urs("URS-EXE-070")
def test_a_day_is_twenty_four_hours_across_the_change_to_summer_time(small_plant: Plant) -> None:
    night = datetime(2026, 3, 28, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert isinstance(small_plant.clock, HeldClock)
    small_plant.clock.move(night - START)
    data = bpmn(level("PROC", "W > B", wait("W", timer("duration", "PT24H")), task("B")))
    small_plant.run(data)
    small_plant.pass_time(timedelta(hours=24, seconds=-1))
    assert small_plant.ready() == []
    small_plant.pass_time(timedelta(seconds=1))
    assert small_plant.ready() == ["PROC/B#1"]
