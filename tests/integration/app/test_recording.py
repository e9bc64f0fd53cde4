"""Which devices each step of the clock records: those that a running step waits for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from app import clock, recording
from app.worker import SiteWorker
from core.actors import Actor
from ebr.models import StepState
from hardware.democlock import Advance
from tests.integration.ebr.test_waits import equip, recipe
from tests.support.records import RecordPlant
from tests.support.samples import arrives

CLOCK = Actor.service("test", trigger="time passes")


class Sweeps:
    """A gateway that stores one temperature, and remembers what it was asked for, and when."""

    def __init__(self, site: RecordPlant, value: str) -> None:
        self._historian = site.historian
        self._value = value
        self.asked: list[tuple[datetime, frozenset[str] | None]] = []

    def begin_steps(self, site_time: datetime) -> None:
        """Nothing arrives in between."""

    def sweep(self, site_time: datetime, devices: Iterable[str] | None = None) -> None:
        """Every look takes the temperature."""
        self.asked.append((site_time, None if devices is None else frozenset(devices)))
        arrives(self._historian, "FBD-01", {"TI102": self._value}, at=site_time)

    def times(self, *, everything: bool) -> list[datetime]:
        """When it looked at everything, or at all."""
        return [at for at, devices in self.asked if not everything or devices is None]


class Still:
    """A cell in which nothing happens."""

    def advance(
        self, to: datetime, *, offset: timedelta | None = None, until_change: bool = False
    ) -> None:
        """Time passes."""


def pass_time(site: RecordPlant, looks: Sweeps, minutes: int) -> Advance:
    return clock.advance_with(
        site.house,
        Still(),
        looks,
        clock.site_now(site.house) + timedelta(minutes=minutes),
        reason="drying",
        by=CLOCK,
        worker=SiteWorker(site.house, owner="w"),
    )


def longest(times: list[datetime]) -> timedelta:
    return max(after - before for before, after in pairwise(times))


@pytest.mark.urs("URS-PRO-010")
def test_a_running_wait_names_the_devices_of_the_units_it_looks_at(drying: RecordPlant) -> None:
    with drying.house.reading() as session:
        steps = recording.waiting_steps(session)
        assert recording.devices_of(session, steps) == {"FBD-01"}
    assert steps == (drying.step("D").id,)


def test_nothing_is_recorded_before_a_wait_runs(plant: RecordPlant) -> None:
    equip(plant)
    plant.start(recipe())
    with plant.house.reading() as session:
        assert recording.waiting_steps(session) == ()
        assert recording.devices_of(session, ()) == frozenset()


@pytest.mark.urs("URS-PRO-010", "URS-PRO-040")
def test_a_waiting_device_is_seen_every_10_s_and_everything_every_30_s(
    drying: RecordPlant,
) -> None:
    looks = Sweeps(drying, "30.0")
    begin = clock.site_now(drying.house)
    done = pass_time(drying, looks, 5)
    assert drying.step("D").state == StepState.STARTED
    assert {devices for _, devices in looks.asked} == {None, frozenset({"FBD-01"})}
    seen = looks.times(everything=False)
    assert (seen[0], seen[-1]) == (begin, done.reached)
    assert longest(seen) <= timedelta(seconds=10)
    assert longest(looks.times(everything=True)) <= timedelta(seconds=30)
    assert looks.asked[-1] == (done.reached, None), "the end leaves every value of now"


@pytest.mark.urs("URS-PRO-010", "URS-EXE-050")
def test_everything_is_seen_before_the_worker_acts(drying: RecordPlant) -> None:
    looks = Sweeps(drying, "41.0")
    done = pass_time(drying, looks, 60)
    step = drying.step("D")
    assert step.state == StepState.PERFORMED
    assert step.performed_at in looks.times(everything=True)
    assert done.steps < 20, "with nothing to record the clock moves from due time to due time"
