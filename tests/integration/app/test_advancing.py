"""Moving the clock from the presenter page: a job of the worker, with the real cell and gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import advancing, cell, clock, serving
from app.bootstrap import compose
from app.demo.running import wait_for_gateway
from app.standby import CELL, GATEWAY, end_all, loading
from app.worker import SiteWorker
from audit import trail
from audit.streams import SITE
from core.actors import Actor
from core.errors import Invalid
from core.house import House
from core.jobs import Job
from hardware import queries as plant
from tests.integration.app.conftest import Seeded

PRESENTER = Actor.service("presenter", trigger="presenter page")


@pytest.fixture
def house(site: Seeded) -> Iterator[House]:
    """The seeded site with its cell and its gateway running."""
    with ExitStack() as ending:
        parts = loading(CELL, GATEWAY)
        ending.callback(end_all, list(parts.values()))
        starting = cell.start(site.settings, parts[CELL], offset=timedelta(0))
        serving.move_devices(site.settings, starting.cell())
        wait_for_gateway(site.settings, serving.begin(site.settings, parts[GATEWAY], ["gateway"]))
        composed = compose(site.settings)
        ending.callback(composed.database.close)
        yield composed


def ask(house: House, minutes: int, reason: str = "to see the afternoon") -> str:
    return house.perform(advancing.request_advance, minutes, reason, by=PRESENTER)


def worked(house: House) -> Job:
    """The job after the worker has done what there is to do."""
    SiteWorker(house, owner="worker", more=advancing.JOBS).settle()
    with house.reading() as session:
        return session.scalars(select(Job).where(Job.kind == advancing.ADVANCE_JOB)).one()


@pytest.mark.timeout(300)
@pytest.mark.urs("URS-TIM-010")
def test_the_clock_is_moved_by_the_worker_with_plant_and_gateway_in_step(house: House) -> None:
    before = clock.site_now(house)
    ask(house, 90)
    job = worked(house)
    assert (job.state, job.progress) == ("done", 100)
    after = clock.site_now(house)
    assert timedelta(minutes=90) <= after - before
    with house.reading() as session:
        tags = [tag.key for tag in plant.tags(session)]
        now = plant.current_of(session, tags)
        told = [entry.data for entry in trail.entries(session, SITE)][-2:]
    doubtful = {key.partition(".")[0] for key, seen in now.items() if not seen.good}
    assert doubtful == {"BAL-02"}, "its calibration is overdue"
    assert all(
        seen.received_at is not None and seen.received_at >= before + timedelta(minutes=90)
        for seen in now.values()
    )
    assert [entry["action"] for entry in told] == ["clock.advanced", "clock.stopped"]
    assert {entry["reason"] for entry in told} == {"to see the afternoon"}
    assert worked(house).attempts == 1, "a second look finds nothing to do"
    assert clock.site_now(house) - after < timedelta(minutes=90)


@pytest.mark.parametrize(("minutes", "reason"), [(0, "why"), (-5, "why"), (4321, "why"), (5, " ")])
def test_an_advance_without_length_or_reason_is_refused(
    site: Seeded, minutes: int, reason: str
) -> None:
    house = compose(site.settings)
    with pytest.raises(Invalid):
        ask(house, minutes, reason)
    with house.reading() as session:
        jobs = session.scalars(select(Job).where(Job.kind == advancing.ADVANCE_JOB)).all()
    assert jobs == []
    house.database.close()
