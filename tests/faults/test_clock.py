"""The clock of the machine is set wrong and the laptop sleeps (F5): order comes from sequence
numbers, the jump is an event, work goes on, nothing is lost or done twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.worker import SiteWorker
from audit.sequencer import oldest_pending_age
from core.steady import Steady
from ebr.models import RunState
from hardware import queries as plant_queries
from hardware.gateway import LEASE, Gateway
from hardware.pki import Pki
from hardware.recorder import Recorder
from tests.support import faultcheck, faultplant, faultreport
from tests.support.bpmn import bpmn, end, process, service, start, step, task, timer, wait
from tests.support.faultcheck import Findings
from tests.support.faultclock import SteppedClock
from tests.support.faultdriver import Driver
from tests.support.faultsite import PARTS, Break, Site, open_copy
from tests.support.records import RECORD, RecordPlant
from tests.support.templates import Templates

STEPS = {"back": timedelta(hours=-2), "forward": timedelta(days=100)}


def build(url: str) -> None:
    """A staffed site without a batch; for `Templates.fill`."""
    faultplant.build(url, recipe=timed())


def timed() -> bytes:
    """Entry, automatic step, timer of ten minutes, entry."""
    mass = faultplant.MASS
    return bpmn(
        process(
            "OP",
            start(),
            task("A", step("A", mass, kind="entry")),
            service("K"),
            wait("T", timer("duration", "PT10M")),
            task("B", step("B", mass, kind="entry")),
            end(),
            flows="start > A > K > T > B > end",
        )
    )


@pytest.fixture
def plant(database_url: str, templates: Templates, tmp_path: Path) -> Iterator[RecordPlant]:
    """The site on both databases, on a clock that the test steps."""
    templates.fill(database_url, build)
    made = RecordPlant(database_url, tmp_path)
    yield made
    made.close()


def worked(plant: RecordPlant, jump: timedelta) -> list[str]:
    """The batch with a jump of the clock before the worker comes; answers what went wrong."""
    worker = SiteWorker(plant.house, owner="worker-1")
    worker.settle()
    plant.person("P-101").perform(RECORD, "OP/A#1", faultplant.ENTRY)
    plant.clock.step(jump)
    worker.settle()
    wrong = [] if plant.step("K").state == "complete" else ["the automatic step waits"]
    wrong += [] if plant.ask(oldest_pending_age) is None else ["the log waits"]
    if wrong:
        return wrong
    plant.later(hours=3)
    worker.settle()
    plant.person("P-101").perform(RECORD, "OP/B#1", faultplant.ENTRY)
    worker.settle()
    return wrong if plant.run().state == RunState.COMPLETE else ["the batch is not complete"]


def order_and_events(plant: RecordPlant, jump: timedelta) -> list[str]:
    """Sequence numbers without a hole, one timer, one event that tells the jump."""
    numbers = [int(entry["rseq"]) for entry in plant.entries()]
    wrong = [] if numbers == sorted(range(1, len(numbers) + 1)) else [f"sequence {numbers}"]
    fired = plant.actions().count("timer.fired")
    wrong += [] if fired == 1 else [f"the timer fired {fired} times"]
    told = [e["facts"]["seconds"] for e in plant.entries("site") if e["action"] == "clock.stepped"]
    wanted = f"{jump.total_seconds():.3f}"
    wrong += [] if told == [wanted] else [f"steps told: {told}"]
    marks = [type_ for type_, _ in plant.exceptions()].count("clock")
    return wrong + ([] if marks == 1 else [f"the record is marked {marks} times"])


@pytest.mark.urs("URS-TIM-010", "URS-TIM-020")
@pytest.mark.parametrize("name", STEPS)
def test_work_goes_on_and_a_step_of_the_clock_is_an_event(
    plant: RecordPlant, tmp_path: Path, name: str
) -> None:
    wrong = worked(plant, STEPS[name])
    found = faultplant.check(plant, ["OP/A#1", "OP/B#1"])
    found.broken += wrong + order_and_events(plant, STEPS[name])
    faultreport.tell(f"clock-{name}", found, runs=2)
    assert not found.any, found


def test_jobs_that_count_the_wall_clock_are_caught_by_the_same_look(
    plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Steady, "now", lambda self: plant.clock.now())
    wrong = worked(plant, STEPS["back"])
    faultreport.tell_control("clock-back", "delays count the wall clock", "; ".join(wrong))
    assert wrong == ["the automatic step waits"]


def gateway_on(plant: RecordPlant, folder: Path) -> Gateway:
    return Gateway(plant.house, plant.historian, Pki(folder))


@pytest.mark.urs("URS-TIM-020")
@pytest.mark.parametrize("name", STEPS)
def test_the_lease_of_a_line_does_not_feel_the_clock_and_ends_by_itself(
    plant: RecordPlant, tmp_path: Path, name: str
) -> None:
    living, other = gateway_on(plant, tmp_path), gateway_on(plant, tmp_path)
    assert living._take_leases(["line"]) == {"line"}
    plant.clock.step(STEPS[name])
    assert other._take_leases(["line"]) == frozenset()
    plant.later(seconds=LEASE.total_seconds() + 1)
    assert other._take_leases(["line"]) == {"line"}


def after_a_restart(plant: RecordPlant, jump: timedelta) -> None:
    """The machine comes up again with another time."""
    plant.clock.step(jump)
    plant.house.steady = Steady(plant.clock)


def test_a_lease_from_before_a_restart_with_an_earlier_time_keeps_no_gateway_away(
    plant: RecordPlant, tmp_path: Path
) -> None:
    dead, other = gateway_on(plant, tmp_path), gateway_on(plant, tmp_path)
    assert dead._take_leases(["line"]) == {"line"}
    after_a_restart(plant, STEPS["back"])
    assert other._take_leases(["line"]) == {"line"}


def test_a_gateway_whose_clock_is_a_little_behind_leaves_a_living_one_its_line(
    plant: RecordPlant, tmp_path: Path
) -> None:
    living, other = gateway_on(plant, tmp_path), gateway_on(plant, tmp_path)
    assert living._take_leases(["line"]) == {"line"}
    after_a_restart(plant, -LEASE / 2)
    assert other._take_leases(["line"]) == frozenset()


def test_a_job_from_before_a_restart_with_an_earlier_time_is_done(plant: RecordPlant) -> None:
    plant.person("P-101").perform(RECORD, "OP/A#1", faultplant.ENTRY)
    after_a_restart(plant, STEPS["back"])
    assert plant.step("K").state != "complete"
    SiteWorker(plant.house, owner="worker-1").settle()
    assert plant.step("K").state == "complete"


# --- a laptop that sleeps ------------------------------------------------------------------------


def fall_asleep(site: Site, span: timedelta) -> None:
    """Every process stands still while the wall clock goes on, and the time that counts sleep."""
    for name in PARTS:
        site.signal(name, signal.SIGSTOP)
    SteppedClock(site.home).sleep(span)
    for name in PARTS:
        site.signal(name, signal.SIGCONT)
    with site.control() as cell:
        cell.advance(cell.now() + span, offset=span)


def gaps_of(driver: Driver, since: datetime) -> list[timedelta]:
    """Lengths of the gaps of the water station since then that have ended: its line is polled, and
    so goes on after the sleep as if nothing had been."""
    with driver.house.reading() as session:
        found = plant_queries.gaps(session, "PW-03", since, since + timedelta(days=1))
        return [gap.ended_at - gap.started_at for gap in found if gap.ended_at is not None]


def wakes_without_noticing() -> None:
    """A gateway that goes on after a standstill as if nothing had been."""
    Recorder.awake = lambda self: None  # type: ignore[method-assign]


def slept(template: Path, home: Path, broken: Break | None = None) -> tuple[Findings, Driver]:
    """A batch with an hour of sleep in the middle; the person signs in again and goes on."""
    site = open_copy(template, home, broken={} if broken is None else {"gateway": broken})
    site.start()
    driver = Driver.at(site)
    try:
        driver.make("B-1", until=lambda: len(driver.acknowledged) >= 4)
        before = SteppedClock(site.home).now()
        fall_asleep(site, timedelta(hours=1))
        answer = driver.browser.get("/work")
        wrong = [] if answer.status == 303 else ["the session outlived an hour of nobody"]
        driver.login()
        driver.make("B-1")
        gaps = gaps_of(driver, before - timedelta(minutes=1))
        longest = max(gaps, default=timedelta(0))
        wrong += [] if longest > timedelta(minutes=59) else [f"longest gap: {longest.seconds} s"]
        site.stop()
        found = faultcheck.check(driver.house, site.settings, driver.acknowledged)
        found.broken += wrong
        return found, driver
    finally:
        site.stop()
        driver.close()


@pytest.mark.urs("URS-IAM-100", "URS-PRO-040")
@pytest.mark.timeout(300)
def test_after_an_hour_of_sleep_the_hour_is_a_gap_and_the_batch_goes_on(
    fault_site: Path, tmp_path: Path
) -> None:
    found, driver = slept(fault_site, tmp_path)
    faultreport.tell("sleep", found, runs=1, note=f"{len(driver.acknowledged)} acknowledged acts")
    assert not found.any, found


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_gateway_that_does_not_notice_its_sleep_is_found(
    fault_site: Path, tmp_path: Path
) -> None:
    found, _ = slept(fault_site, tmp_path, wakes_without_noticing)
    faultreport.tell_control("sleep", "wakes without noticing", "; ".join(found.broken))
    assert found.broken
