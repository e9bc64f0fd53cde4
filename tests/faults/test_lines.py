"""Lines to machines that are cut, half open or frozen (F6): the gap is recorded with both ends, no
value is invented for it, nothing read in it passes for a process value, and the line recovers."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core.actors import Actor
from core.errors import Refusal
from core.house import House, moment
from hardware import commands, queries
from hardware.drivers.base import Sample
from hardware.historian import Historian
from hardware.recorder import Recorder
from tests.support import faultreport
from tests.support.faultcheck import Findings
from tests.support.faultsite import Break, Site, open_copy

TAG = "FBD-01.TI102"
DEVICE = "FBD-01"
READER = Actor.service("test", trigger="fault programme")
PATIENCE_SECONDS = 30.0
OUTAGE_SECONDS = 7.0
"""Longer than the five seconds after which a value that came no more is stale."""


@contextmanager
def cut(site: Site) -> Iterator[None]:
    """The device answers no more; its server still does."""
    with site.control() as cell:
        cell.cut(DEVICE)
        yield
        cell.restore(DEVICE)


@contextmanager
def half_open(site: Site) -> Iterator[None]:
    """The other end is there and says nothing: its process is stopped, its sockets stay open."""
    site.signal("cell", signal.SIGSTOP)
    yield
    site.signal("cell", signal.SIGCONT)


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    """The device answers with its last value, and with the time at which that was true."""
    with site.control() as cell:
        cell.freeze(DEVICE)
        yield
        cell.restore(DEVICE)


OUTAGES = {"cut": cut, "half-open": half_open, "frozen": frozen}


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so; fails when that takes half a minute."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "not within half a minute"
        time.sleep(0.1)


class Plant:
    """A site with cell and gateway, and what its record would get from the dryer."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.house: House = site.house()

    def is_good(self) -> bool:
        """Whether the tag shows a good value now."""
        with self.house.reading() as session:
            return queries.current(session, TAG).good

    def now(self) -> datetime:
        """Site time."""
        with self.house.reading() as session:
            return moment(session).site

    def read(self) -> str | None:
        """Take a reading into a record; None when that is refused."""
        with suppress(Refusal):
            return str(self.house.perform(_read, by=READER, attempt=False))
        return None

    def gaps(self, since: datetime) -> list[bool]:
        """The gaps of the dryer that touch the time since then: whether each has ended."""
        with self.house.reading() as session:
            found = queries.gaps(session, DEVICE, since, self.now())
            return [gap.ended_at is not None for gap in found]

    def known_between(self, start: datetime, end: datetime) -> int:
        """Good samples that the historian holds for this time."""
        historian: Historian = self.house.services["historian"]
        samples = historian.samples(TAG, start, end)
        return sum(1 for sample in samples if not sample.reasons and sample.value is not None)


def _read(session: Session, *, by: Actor, at: datetime) -> str:
    return commands.take_reading(session, TAG, by=by, at=at).value_text or ""


def hold_the_last_value() -> None:
    """A gateway that goes on with what it saw last, as many a trend does."""
    record, last = Recorder._record, dict[str, Sample]()

    def held(self: Recorder, samples: Sequence[Sample], at: datetime, *, keep_all: bool) -> None:
        last.update({each.key: each for each in samples if each.reached})
        shown = [replace(last.get(each.key, each), source_at=at) for each in samples]
        record(self, shown, at, keep_all=keep_all)

    Recorder._record = held  # type: ignore[method-assign]


def lived_through(template: Path, home: Path, name: str, broken: Break | None = None) -> Findings:
    """One outage from good values to good values; what was invented or not recorded."""
    site = open_copy(template, home, broken={} if broken is None else {"gateway": broken})
    site.start("cell", "gateway")
    plant, found = Plant(site), Findings()
    try:
        wait_for(plant.is_good)
        with OUTAGES[name](site):
            time.sleep(OUTAGE_SECONDS)
            silent = plant.now()
            found.broken += [f"{value} was read" for _ in range(3) if (value := plant.read())]
            time.sleep(1)
            invented = plant.known_between(silent, plant.now())
        wait_for(plant.is_good)
        found.broken += [f"{invented} good values in the outage"] if invented else []
        if name != "frozen":  # that line is open: its values are marked, there is no gap
            with suppress(AssertionError):
                wait_for(lambda: plant.gaps(silent) == [True])
            gaps = plant.gaps(silent)
            found.broken += [] if gaps == [True] else [f"the gap was not recorded: {gaps}"]
        return found
    finally:
        site.stop()
        plant.house.database.close()


@pytest.mark.urs("URS-PRO-040")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [
        "cut",
        pytest.param("half-open", marks=pytest.mark.nightly),
        pytest.param("frozen", marks=pytest.mark.nightly),
    ],
)
def test_an_outage_is_a_recorded_gap_and_no_value_is_invented(
    fault_site: Path, tmp_path: Path, name: str
) -> None:
    found = lived_through(fault_site, tmp_path, name)
    faultreport.tell(f"lines-{name}", found, runs=1)
    assert not found.any, found


@pytest.mark.timeout(300)
def test_a_gateway_that_holds_the_last_value_is_caught_by_the_same_look(
    fault_site: Path, tmp_path: Path
) -> None:
    found = lived_through(fault_site, tmp_path, "cut", hold_the_last_value)
    faultreport.tell_control("lines-cut", "holds the last value", "; ".join(found.broken))
    assert found.broken
