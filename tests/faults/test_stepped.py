"""The clock of the machine is set while batches are made (libfaketime): forward, back by hours,
through the change of summer time, and creeping. Nothing acknowledged is lost or done twice, order
is that of the sequence, and what lasts does not feel it (URS-TIM-020)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from audit import trail
from audit.streams import SITE, Stream
from core.clock import SystemClock
from core.sites import SiteMode
from ebr import queries as records
from hardware import queries as plant
from hardware.models import GapEvent
from hardware.words import Reason
from quality import queries as quality
from tests.support import faultcheck, faultreport
from tests.support.faultclock import SteppedClock
from tests.support.faultdriver import Driver
from tests.support.faultsite import ZONE, Break, Ports, make_template, open_copy
from tests.support.faulttime import FakedSite, counts_the_wall_clock

HOUR = timedelta(hours=1)
LONGEST_GAP = timedelta(seconds=90)
"""A line may have to be opened again; an hour that somebody set is no gap."""
TAGS = ("FBD-01.TI102", "PW-03.QI601")
PATIENCE_SECONDS = 90.0
LEAD = timedelta(minutes=2)
"""Making and starting a site takes less; the change comes a moment after the clock is set."""
Entry = dict[str, Any]


def make(driver: Driver, acts: int) -> None:
    """Go on until so many acts were acknowledged in all."""
    driver.make("B-1", until=lambda: len(driver.acknowledged) >= acts)


def set_and_creep(site: FakedSite, driver: Driver) -> None:
    """Two hours forward, one back, slowly forward and another one back, while a batch is made.

    Never earlier than the site was made: nobody held a role then, and no certificate was valid.
    """
    make(driver, 2)
    site.step(2 * HOUR)
    make(driver, 6)
    site.step(-HOUR)
    make(driver, 10)
    with site.creeping():
        make(driver, 13)
        wait_until(lambda: len(steps_told(driver)) == 3, "nobody noticed that the clock crept")
    site.step(-HOUR)
    driver.make("B-1")


def next_change() -> datetime:
    """When summer time begins or ends next at the place of the site, seven months ahead at most."""
    zone, at = ZoneInfo(ZONE), SystemClock().now().replace(minute=0, second=0, microsecond=0)
    at += 3 * HOUR
    while at.astimezone(zone).utcoffset() == (at - HOUR).astimezone(zone).utcoffset():
        at += HOUR
    return at


def through_the_change_of_summer_time(site: FakedSite, driver: Driver) -> None:
    """Set forward to the last seconds before the change, and back when it is over."""
    make(driver, 2)
    site.step(next_change() - timedelta(seconds=2) - site.now())
    make(driver, 6)
    wait_until(lambda: site.now() > next_change(), "summer time did not change")
    site.step(-HOUR)
    driver.make("B-1")


def wait_for_lines(driver: Driver) -> None:
    """Until both devices answer: a gap that is open is as long as the clock says."""

    def up() -> bool:
        with driver.house.reading() as session:
            return all(answers(plant.current(session, tag)) for tag in TAGS)

    wait_until(up, "the lines did not come up")


def wait_until(so: Callable[[], bool], otherwise: str) -> None:
    """Until it is so; fails when that takes too long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.1)


def answers(found: plant.TagNow) -> bool:
    """Whether the device answers now; that it is simulated is no matter here."""
    return set(found.reasons) <= {Reason.SIMULATED}


def entries(driver: Driver, stream: Stream) -> list[Entry]:
    with driver.house.reading() as session:
        return [entry.data for entry in trail.entries(session, stream)]


def steps_told(driver: Driver) -> list[float]:
    """What the trail of the site knows of the clock, in seconds."""
    site = entries(driver, SITE)
    return [float(e["facts"]["seconds"]) for e in site if e["action"] == "clock.stepped"]


def felt_it(site: FakedSite, driver: Driver) -> Iterator[str]:
    """What must not have felt the clock, and did."""
    if driver.browser.get("/work").status != 200:
        yield "the session did not live on"
    now = site.now()
    with driver.house.reading() as session:
        for device in ("PW-03", "FBD-01"):
            for gap in plant.gaps(session, device, now - timedelta(days=1), now + 3 * HOUR):
                if lasted(site, gap) > LONGEST_GAP:
                    yield f"a gap of {device} from {gap.started_at} to {gap.ended_at}: {gap.cause}"


def lasted(site: FakedSite, gap: GapEvent) -> timedelta:
    """How long a gap was, without what the clock was set by in the meantime.

    A line that did not answer while the clock was set has a gap across it, and rightly. That the
    gateway itself was away is never said because of a clock: there the set hour counts.
    """
    ended = gap.ended_at or site.now()
    of_the_clock = (
        timedelta(0) if "gateway" in gap.cause else site.set_within(gap.started_at, ended)
    )
    return ended - gap.started_at - of_the_clock


@pytest.mark.urs("URS-TIM-020")
def test_only_a_line_that_was_away_may_have_a_gap_across_a_set_clock(tmp_path: Path) -> None:
    site = FakedSite(tmp_path, {}, Ports(0, 0, 0, 0))
    start = site.now()
    site.step(2 * HOUR)
    line = GapEvent(started_at=start, ended_at=site.now(), cause="does not answer any more")
    assert lasted(site, line) < LONGEST_GAP
    line.cause = "the gateway or its machine stood still"
    assert lasted(site, line) > HOUR


def marked(driver: Driver) -> Iterator[str]:
    """The record has a gap-free sequence, and one mark for each incident."""
    batch = entries(driver, Stream("batch", "B-1"))
    if [int(entry["rseq"]) for entry in batch] != list(range(1, len(batch) + 1)):
        yield "the sequence of the record has gaps"
    with driver.house.reading() as session:
        run = records.run_of(session, "B-1")
        marks = {
            case.facts["deviation"]
            for case in records.exceptions(session, run)
            if case.type == "clock"
        }
        incidents = {
            found.number for found in quality.deviations(session) if found.exception is None
        }
    if not marks or marks != incidents:
        yield f"incidents {sorted(incidents)}, marks {sorted(marks)}"
    told = [entry["action"] for entry in entries(driver, SITE)]
    wanted = told.count("clock.stepped") + told.count("clock.unsynchronised")
    if len(incidents) != wanted:
        yield f"{len(incidents)} incidents, {wanted} were told"


@dataclass(frozen=True, slots=True)
class Lived:
    """What went wrong while the clock was set, what was acknowledged, and the steps of the clock
    that the trail tells, in seconds."""

    found: faultcheck.Findings
    acts: int
    steps: list[float]

    @property
    def note(self) -> str:
        """For the table of the runs."""
        return f"{self.acts} acknowledged acts; steps of {self.steps} s"


def lived_through(template: Path, home: Path, story: Any, broken: Break | None = None) -> Lived:
    """A batch while the clock is set."""
    parts = {} if broken is None else dict.fromkeys(("web", "worker", "gateway"), broken)
    site = open_copy(template, home, kind=FakedSite, broken=parts)
    assert isinstance(site, FakedSite)
    site.step(SteppedClock(home).now() - SystemClock().now())  # as when the site was made
    driver: Driver | None = None
    try:
        site.start()
        driver = Driver.at(site)
        wait_for_lines(driver)
        story(site, driver)
        wrong = list(felt_it(site, driver))
        site.stop()
        found = faultcheck.check(driver.house, site.settings, driver.acknowledged)
        found.broken += wrong + list(marked(driver))
        return Lived(found, len(driver.acknowledged), steps_told(driver))
    finally:
        site.stop()
        if driver is not None:
            driver.close()


@pytest.mark.urs("URS-TIM-010", "URS-TIM-020", "URS-IAM-100")
@pytest.mark.timeout(600)
def test_work_goes_on_while_the_clock_is_set_and_creeps(fault_site: Path, tmp_path: Path) -> None:
    lived = lived_through(fault_site, tmp_path, set_and_creep)
    faultreport.tell("clock-set", lived.found, runs=1, note=lived.note)
    assert not lived.found.any, lived.found
    assert {round(seconds / 3600) for seconds in lived.steps} == {2, -1, 0}


@pytest.fixture
def gmp_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GMP site made little more than an hour before summer time begins or ends."""
    folder = tmp_path_factory.mktemp("gmp-fault-site")
    SteppedClock(folder).step(next_change() - HOUR - LEAD - SystemClock().now())
    return make_template(folder, batches=["B-1"], mode=SiteMode.GMP)


@pytest.mark.nightly
@pytest.mark.urs("URS-TIM-010", "URS-TIM-020", "URS-TIM-030")
@pytest.mark.timeout(900)
def test_a_gmp_site_goes_through_the_change_of_summer_time_while_its_clock_is_set(
    gmp_site: Path, tmp_path: Path
) -> None:
    lived = lived_through(gmp_site, tmp_path, through_the_change_of_summer_time)
    faultreport.tell("clock-summer", lived.found, runs=1, note=lived.note)
    assert not lived.found.any, lived.found


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_sessions_and_leases_that_count_the_wall_clock_are_caught(
    fault_site: Path, tmp_path: Path
) -> None:
    def set_once(site: FakedSite, driver: Driver) -> None:
        make(driver, 2)
        site.step(HOUR)

    found = lived_through(fault_site, tmp_path, set_once, counts_the_wall_clock).found
    faultreport.tell_control("clock-set", "counts the wall clock", "; ".join(found.broken))
    assert "the session did not live on" in found.broken
