"""Jobs are done once in effect, also when workers die, and wait for the right clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import SITE
from core import jobs
from core.actors import Actor
from core.clock import HeldClock
from core.house import House
from core.jobs import LEASE, MOST_ATTEMPTS, Claim, Job, LeaseLost, Worker
from core.sites import move_clock

BY = Actor.service("worker", trigger="test")
HOUR = timedelta(hours=1)


def enqueue(house: House, *, dedupe: str | None = None, delay: timedelta = timedelta(0)) -> UUID:
    with house.transaction() as session:
        return jobs.enqueue(session, "work", {"n": 1}, dedupe=dedupe, delay=delay)


def claim(house: House, owner: str = "one") -> list[Claim]:
    with house.transaction() as session:
        return jobs.claim(session, owner=owner, kinds=["work"])


def finish(house: House, claimed: Claim) -> None:
    with house.transaction() as session:
        jobs.finish(session, claimed)


def job(house: House) -> Job:
    with house.reading() as session:
        return session.scalars(select(Job)).one()


def move_site(house: House, by: timedelta) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "clock.moved", stream=SITE, by=BY),
    ):
        move_clock(session, by)


@pytest.mark.urs("URS-EXE-090")
def test_a_claimed_job_is_nobody_elses_until_its_lease_ends(house: House, clock: HeldClock) -> None:
    enqueue(house)
    (first,) = claim(house)
    clock.move(LEASE - timedelta(microseconds=1))
    assert claim(house, "two") == []
    clock.move(timedelta(microseconds=1))
    (second,) = claim(house, "two")
    assert (second.id, second.fence) == (first.id, first.fence + 1)


@pytest.mark.urs("URS-EXE-090")
def test_who_lost_the_lease_commits_no_effect(house: House, clock: HeldClock) -> None:
    enqueue(house)
    (late,) = claim(house)
    clock.move(LEASE)
    (second,) = claim(house, "two")
    with pytest.raises(LeaseLost):
        finish(house, late)
    with pytest.raises(LeaseLost):
        jobs.report_progress(house, late, 50)
    jobs.give_back(house, late, "too late")
    jobs.postpone(house, late, "too late", HOUR)
    assert (job(house).state, job(house).owner) == ("running", "two")
    finish(house, second)
    assert job(house).state == "done"
    with pytest.raises(LeaseLost):
        finish(house, second)


def test_progress_keeps_the_lease(house: House, clock: HeldClock) -> None:
    enqueue(house)
    (claimed,) = claim(house)
    clock.move(LEASE / 2)
    jobs.report_progress(house, claimed, 50)
    clock.move(LEASE / 2)
    assert claim(house, "two") == []
    assert job(house).progress == 50


@pytest.mark.urs("URS-EXE-090")
def test_a_failing_job_is_tried_again_later_and_laid_aside_in_the_end(
    house: House, clock: HeldClock
) -> None:
    def fail(house: House, claimed: Claim) -> None:
        raise RuntimeError("the printer burns")

    enqueue(house)
    worker = Worker(house, {"work": fail}, owner="one")
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert worker.run_pending() == 1
        assert job(house).attempts == attempt
        assert worker.run_pending() == 0, "it waits before it is tried again"
        clock.move(timedelta(seconds=300))
    assert (job(house).state, worker.run_pending()) == ("dead", 0)
    assert job(house).problem == "RuntimeError: the printer burns"


@pytest.mark.urs("URS-EXE-090")
def test_a_job_that_takes_its_worker_down_every_time_is_laid_aside(
    house: House, clock: HeldClock
) -> None:
    enqueue(house)
    for _ in range(MOST_ATTEMPTS):
        assert len(claim(house)) == 1
        clock.move(LEASE)
    assert claim(house) == []
    assert job(house).state == "dead"


def test_postponing_counts_no_failure(house: House, clock: HeldClock) -> None:
    enqueue(house)
    for _ in range(2 * MOST_ATTEMPTS):
        (claimed,) = claim(house)
        jobs.postpone(house, claimed, "not there yet", timedelta(seconds=1))
        assert claim(house) == []
        clock.move(timedelta(seconds=1))
    assert (job(house).state, job(house).attempts) == ("ready", 0)


def test_a_second_job_of_a_key_is_not_made_but_a_cancelled_one_is_asked_for_anew(
    house: House,
) -> None:
    first = enqueue(house, dedupe="hold:1")
    assert enqueue(house, dedupe="hold:1") == first
    with house.transaction() as session:
        assert jobs.cancel(session, first)
    assert claim(house) == []
    assert enqueue(house, dedupe="hold:1") == first
    (claimed,) = claim(house)
    with house.transaction() as session:
        assert not jobs.cancel(session, first), "a running job cannot be withdrawn"
    finish(house, claimed)
    assert enqueue(house, dedupe="hold:1") == first
    assert claim(house) == [], "what is done is done"


def test_a_delayed_job_waits_for_real_time(house: House, clock: HeldClock) -> None:
    enqueue(house, delay=HOUR)
    move_site(house, 2 * HOUR)
    assert claim(house) == []
    clock.move(HOUR)
    assert len(claim(house)) == 1


@pytest.mark.urs("URS-EXE-070")
def test_a_timer_waits_for_the_clock_of_the_site(house: House, clock: HeldClock) -> None:
    due = clock.now() + HOUR
    with house.transaction() as session:
        jobs.enqueue_at_site_time(session, "work", {}, due_at=due)
    move_site(house, HOUR - timedelta(microseconds=1))
    assert claim(house) == []
    with house.reading() as session:
        assert jobs.next_due(session) == due
    move_site(house, timedelta(microseconds=1))
    (claimed,) = claim(house)
    assert claimed.due_at == due
    with house.reading() as session:
        assert jobs.next_due(session) is None


@pytest.mark.urs("URS-EXE-090")
def test_a_job_and_its_effect_stand_or_fall_together(house: House, clock: HeldClock) -> None:
    def effect_then_crash(house: House, claimed: Claim) -> None:
        with house.transaction() as session:
            jobs.enqueue(session, "effect", {})
            jobs.finish(session, claimed)
            if claimed.fence == 1:
                raise RuntimeError("killed between effect and commit")

    enqueue(house)
    worker = Worker(house, {"work": effect_then_crash}, owner="one")
    worker.run_pending()
    clock.move(HOUR)
    worker.run_pending()
    with house.reading() as session:
        assert sorted(session.scalars(select(Job.kind))) == ["effect", "work"]


def test_the_indexes_of_open_jobs_hold_open_jobs_only(house: House) -> None:
    option = f"{house.database.dialect}_where"
    with house.reading() as session:
        found = inspect(session.connection()).get_indexes("job")
    partial = {
        row["name"] for row in found if row.get("dialect_options", {}).get(option) is not None
    }
    assert {"ix_job_open", "ix_job_due"} <= partial


def test_ready_work_is_claimed_oldest_first(house: House, clock: HeldClock) -> None:
    def add(session: Session, number: int, *, by: Actor, at: datetime) -> None:
        jobs.enqueue(session, "work", {"n": number})

    for number in range(3):
        house.perform(add, number, by=BY)
        clock.move(timedelta(seconds=1))
    assert [claim(house)[0].payload["n"] for _ in range(3)] == [0, 1, 2]
