"""One way to write: all or nothing, once, in turn, and never past the trail."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from audit import trail
from audit.attempts import record_refusal
from audit.models import Entry
from audit.streams import SITE
from core import events, jobs
from core.actors import Actor
from core.clock import HeldClock
from core.db import Base
from core.errors import BrokenPromise, Busy, NotPermitted
from core.house import House, moment
from core.idempotency import KeyUsedOtherwise, Once
from core.jobs import Job
from core.sites import ClockNotMovable, Site, SiteClock, move_clock
from core.writeguard import UnauditedWrite

WORKER = Actor.service("worker", trigger="test")
ONCE = Once(scope="P-101 /step", key="form-1", digest="a" * 64)


def count(house: House, table: type[Base] = Job) -> int:
    with house.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def ask_for_work(session: Session, name: str, *, by: Actor, at: datetime) -> str:
    jobs.enqueue(session, "work", {"name": name})
    return name


@pytest.mark.urs("URS-EXE-090")
def test_the_same_form_sent_again_gets_the_first_answer_and_nothing_twice(house: House) -> None:
    first = house.perform(ask_for_work, "one", by=WORKER, once=ONCE)
    again = house.perform(ask_for_work, "one", by=WORKER, once=ONCE)
    assert (first, again, count(house)) == ("one", "one", 1)


@pytest.mark.urs("URS-SIG-080")
def test_the_same_form_with_other_content_is_refused(house: House) -> None:
    house.perform(ask_for_work, "one", by=WORKER, once=ONCE)
    other = Once(scope=ONCE.scope, key=ONCE.key, digest="b" * 64)
    with pytest.raises(KeyUsedOtherwise):
        house.perform(ask_for_work, "two", by=WORKER, once=other)
    assert count(house) == 1


@pytest.mark.urs("URS-EXE-090")
def test_a_form_whose_first_try_was_refused_may_be_sent_again(house: House) -> None:
    def refuse(session: Session, *, by: Actor, at: datetime) -> None:
        raise NotPermitted("not you", resolver="somebody else")

    with pytest.raises(NotPermitted):
        house.perform(refuse, by=WORKER, once=ONCE)
    assert house.perform(ask_for_work, "one", by=WORKER, once=ONCE) == "one"


@pytest.mark.urs("URS-EXE-090")
def test_the_same_form_sent_eight_times_at_once_has_one_effect(house: House) -> None:
    together = Barrier(8)

    def send(number: int) -> str:
        together.wait()
        return house.perform(ask_for_work, "one", by=WORKER, once=ONCE)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(send, range(8))) == {"one"}
    assert count(house) == 1


@pytest.mark.urs("URS-EXE-090")
def test_what_fails_at_the_end_undoes_the_beginning(house: House) -> None:
    def fail(session: Session, *, by: Actor, at: datetime) -> None:
        jobs.enqueue(session, "work", {})
        raise RuntimeError("after the write")

    with pytest.raises(RuntimeError):
        house.perform(fail, by=WORKER)
    assert count(house) == 0


@pytest.mark.urs("URS-SIG-020")
def test_a_rehearsal_answers_like_the_act_and_leaves_nothing(house: House) -> None:
    assert house.rehearse(ask_for_work, "one", by=WORKER) == "one"
    assert (count(house), count(house, Entry)) == (0, 0)


@pytest.mark.urs("URS-SIG-020", "URS-AUD-080")
def test_handlers_of_a_rehearsal_are_undone_with_it(house: House) -> None:
    seen: list[str] = []

    def react(session: Session, told: str) -> None:
        seen.append(told)
        jobs.enqueue(session, "reaction", {})

    def tell(session: Session, *, by: Actor, at: datetime) -> None:
        events.publish(session, "it happened")

    house.events.on(str, react)
    house.rehearse(tell, by=WORKER)
    assert (seen, count(house)) == (["it happened"], 0)
    house.perform(tell, by=WORKER)
    assert count(house) == 1


@pytest.mark.urs("URS-EXE-010")
def test_what_is_marked_as_a_rehearsal_is_never_committed(house: House) -> None:
    def unsigned(session: Session, *, rehearsal: bool, by: Actor, at: datetime) -> None:
        jobs.enqueue(session, "work", {})

    with pytest.raises(BrokenPromise, match="never committed"):
        house.perform(unsigned, rehearsal=True, by=WORKER)
    house.rehearse(unsigned, rehearsal=True, by=WORKER)
    assert count(house) == 0


@pytest.mark.urs("URS-AUD-010")
def test_a_refusal_is_recorded_a_busy_database_and_a_look_again_are_not(house: House) -> None:
    house.on_refusal = record_refusal

    def refuse(session: Session, error: Exception, *, by: Actor, at: datetime) -> None:
        raise error

    refusal = NotPermitted("not you", resolver="somebody else")
    with pytest.raises(NotPermitted):
        house.perform(refuse, refusal, by=WORKER)
    assert count(house, Entry) == 1
    with pytest.raises(Busy):
        house.perform(refuse, Busy("in use", resolver="try again"), by=WORKER)
    with pytest.raises(NotPermitted):
        house.perform(refuse, refusal, by=WORKER, attempt=False)
    assert count(house, Entry) == 1


def raw(statement: str) -> Callable[[Session], Any]:
    return lambda session: session.execute(text(statement))


@pytest.mark.urs("URS-AUD-010", "URS-AUD-050")
@pytest.mark.parametrize(
    "write",
    [
        raw("UPDATE site SET name = 'other'"),
        raw("/* harmless */ UPDATE site SET name = 'other'"),
        raw("-- harmless\n DELETE FROM site"),
        raw("WITH x AS (SELECT 1) UPDATE site SET name = 'other'"),
        raw("WITH x AS (UPDATE site SET name = 'o' RETURNING id) SELECT * FROM x"),
        raw("INSERT INTO site (id) SELECT id FROM site"),
        raw("DROP TRIGGER keep_site_update"),
        lambda session: session.execute(update(Site).values(name="other")),
        lambda session: session.execute(insert(Site), [{"site_id": 2}, {"site_id": 3}]),
        lambda session: session.bulk_insert_mappings(Site, [{"site_id": 2, "name": "other"}]),
    ],
)
def test_no_statement_writes_past_the_session(
    house: House, write: Callable[[Session], Any]
) -> None:
    with pytest.raises((UnauditedWrite, BrokenPromise)), house.transaction() as session:
        write(session)
    with house.reading() as session:
        assert session.scalars(select(Site.name)).one() == "Test"


def test_the_guard_stands_again_after_a_flush_and_after_a_savepoint(house: House) -> None:
    with house.transaction() as session:
        jobs.enqueue(session, "work", {})
        with session.begin_nested():
            jobs.enqueue(session, "work", {})
        with pytest.raises(UnauditedWrite):
            session.execute(text("UPDATE site SET name = 'other'"))


def test_unaudited_tables_and_locks_are_open_to_statements(house: House) -> None:
    house.perform(ask_for_work, "one", by=WORKER)
    with house.transaction() as session:
        session.execute(update(Job).values(problem="none"))
        session.scalars(select(Site).with_for_update()).one()


def test_a_reading_session_cannot_write(house: House) -> None:
    with pytest.raises(DBAPIError), house.reading() as session:
        session.execute(text("UPDATE site_clock SET offset_us = 1"))


@pytest.mark.urs("URS-EXE-090")
def test_a_reader_sees_one_state_while_others_write(house: House) -> None:
    with house.reading() as session:
        before = session.scalar(select(func.count()).select_from(Job))
        house.perform(ask_for_work, "one", by=WORKER)
        assert session.scalar(select(func.count()).select_from(Job)) == before == 0
    assert count(house) == 1


@pytest.mark.urs("URS-EXE-090")
def test_a_number_drawn_twice_at_once_is_drawn_again(house: House) -> None:
    both_have_looked = Barrier(2, timeout=1)
    tries: list[str] = []

    def draw(session: Session, name: str, *, by: Actor, at: datetime) -> None:
        tries.append(name)
        known = session.scalar(select(func.count()).select_from(Job)) or 0
        if house.database.dialect == "postgresql" and len(tries) <= 2:
            both_have_looked.wait()
        session.add(
            Job(kind="drawn", payload={}, state="ready", run_at=at, dedupe=f"number-{known + 1}")
        )

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: house.perform(draw, name, by=WORKER), ["a", "b"]))
    with house.reading() as session:
        assert set(session.scalars(select(Job.dedupe))) == {"number-1", "number-2"}


def move(session: Session, by_: timedelta, *, by: Actor, at: datetime) -> None:
    with trail.act(session, "clock.moved", stream=SITE, by=by):
        move_clock(session, by_)


@pytest.mark.urs("URS-TIM-010")
def test_the_site_clock_moves_forward_only_and_apart_from_real_time(
    house: House, clock: HeldClock
) -> None:
    house.perform(move, timedelta(hours=9), by=WORKER)
    house.perform(move, timedelta(0), by=WORKER)
    with pytest.raises(ClockNotMovable):
        house.perform(move, timedelta(microseconds=-1), by=WORKER)
    with house.reading() as session:
        now = moment(session)
    assert (now.real, now.site - now.real) == (clock.now(), timedelta(hours=9))
    assert now.simulated


def test_two_who_move_the_clock_at_once_both_move_it(house: House) -> None:
    house.perform(move, timedelta(hours=1), by=WORKER)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: house.perform(move, timedelta(hours=1), by=WORKER), range(4)))
    with house.reading() as session:
        assert session.scalars(select(SiteClock.offset_us)).one() == 5 * 3600 * 1_000_000


@pytest.mark.urs("URS-TIM-010")
def test_a_gmp_clock_is_never_moved(gmp_house: House) -> None:
    with pytest.raises(ClockNotMovable):
        gmp_house.perform(move, timedelta(hours=1), by=WORKER)
    with gmp_house.reading() as session:
        assert not moment(session).simulated


def test_the_site_is_looked_up_once_only(house: House) -> None:
    asked: list[str] = []
    with house.reading():
        pass

    def look(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.rstrip().endswith("FROM site"):
            asked.append(statement)

    event.listen(house.database.reader, "before_cursor_execute", look)
    with house.reading():
        pass
    event.remove(house.database.reader, "before_cursor_execute", look)
    assert not asked
