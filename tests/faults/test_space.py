"""A full disk (F4): what cannot be stored is refused in words and leaves nothing half written, the
processes live, records can be read, and work goes on as soon as there is room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tests.support import faultbreaks, faultcheck, faultreport
from tests.support.faultdriver import Driver
from tests.support.faultsite import Break, Site, open_copy
from tests.support.faultspace import ballast, limited, may_mount, small_disk

WAYS = ("limit", "disk") if may_mount() else ("limit",)
pytestmark = pytest.mark.sqlite("takes the room from the processes that write the file")
SAID = "the disk of the database"


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the room runs out; a full disk can be had by root only."""
    return str(request.param)


@pytest.fixture
def home(way: str, tmp_path: Path) -> Iterator[Path]:
    """Where the site lies: on a small disk of its own, or with everything else."""
    with ExitStack() as ending:
        if way == "disk":
            ending.enter_context(small_disk(tmp_path / "small"))
        yield tmp_path / "small"


def no_room(way: str, site: Site) -> AbstractContextManager[None]:
    """There is no room for the processes of the site until the end of the block."""
    if way == "disk":
        return ballast(site.home)
    return limited(lambda: [*site.family("web"), *site.family("worker")])


def work_without_room(template: Path, home: Path, way: str, broken: Break | None = None) -> Driver:
    """Half a step, no room for the other half, then room again; the parts still run."""
    site = open_copy(template, home, broken={} if broken is None else {"web": broken})
    site.start("web", "worker")
    driver = Driver.at(site)
    driver.make("B-1", until=lambda: len(driver.acknowledged) >= 1)
    alive = {name: site.family(name) for name in ("web", "worker")}
    with no_room(way, site):
        driver.browser.patient = False
        for number in range(3):
            driver.comment("B-1", "P", f"there is no room for this: {number}")
        assert driver.browser.get("/records/B-1").status == 200, "records can be read"
    driver.browser.patient = True
    driver.make("B-1", until=lambda: len(driver.acknowledged) >= 4)
    assert {name: site.family(name) for name in alive} == alive, "no process ended"
    return driver


@pytest.mark.urs("URS-AUD-080", "URS-EXE-090")
@pytest.mark.timeout(300)
def test_what_finds_no_room_is_refused_in_words_and_goes_on_afterwards(
    fault_site: Path, home: Path, way: str
) -> None:
    driver = work_without_room(fault_site, home, way)
    refused = list(driver.browser.unhappy)
    driver.site.stop()
    found = faultcheck.check(driver.house, driver.site.settings, driver.acknowledged)
    driver.close()
    faultreport.tell(f"space-{way}", found, runs=len(refused), note=f"{len(refused)} refused")
    assert [answer.status for answer in refused] == [503] * 3
    assert all(SAID in answer.text for answer in refused)
    assert not found.any, found


@pytest.mark.timeout(300)
def test_a_server_that_answers_before_it_has_stored_is_caught_by_the_same_checker(
    fault_site: Path, tmp_path: Path
) -> None:
    broken = faultbreaks.answers_before_the_commit
    driver = work_without_room(fault_site, tmp_path / "small", "limit", broken)
    driver.site.stop()
    found = faultcheck.check(driver.house, driver.site.settings, driver.acknowledged)
    driver.close()
    caught = faultreport.counted(found)
    faultreport.tell_control("space-limit", "answers before the commit", caught)
    assert len(found.lost) >= 3
