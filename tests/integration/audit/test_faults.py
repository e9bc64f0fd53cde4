"""A business change and its entry stand or fall together (URS-AUD-080)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from audit import trail
from audit.attempts import record_refusal
from audit.models import Entry, PendingEntry, StreamHead
from audit.streams import SITE, Stream
from core.actors import Actor
from core.errors import NotPermitted
from core.house import House
from tests.integration.audit.conftest import OPERATOR
from tests.integration.audit.sample import Kettle

BATCH = Stream("batch", "B-1")


@contextmanager
def failing_statement(house: House, number: int) -> Iterator[None]:
    """The statement with that number, counted from here, fails as a broken disk would."""
    count = 0

    def fail(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise OperationalError(statement, {}, Exception("disk I/O error"))

    event.listen(house.database.writer, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(house.database.writer, "before_cursor_execute", fail)


def make_kettle(house: House, name: str) -> None:
    with (
        house.transaction() as session,
        trail.act(session, "kettle.made", stream=BATCH, by=OPERATOR),
    ):
        session.add(Kettle(name=name))


def counts(house: House) -> tuple[int, int, int, int]:
    """Kettles, entries, waiting entries, and the number at the head of the stream."""
    with house.reading() as session:
        rows = [
            session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Kettle, Entry, PendingEntry)
        ]
        head = session.scalar(select(StreamHead.rseq)) or 0
    return rows[0], rows[1], rows[2], head


def fails_at(house: House, number: int, name: str) -> bool:
    """Whether making a kettle fails when that statement does."""
    with failing_statement(house, number):
        try:
            make_kettle(house, name)
        except OperationalError:
            return True
    return False


@pytest.mark.urs("URS-AUD-080")
def test_a_fault_at_any_statement_leaves_neither_change_nor_entry(house: House) -> None:
    make_kettle(house, "first")
    number = 1
    while fails_at(house, number, f"kettle {number}"):
        assert counts(house) == (1, 1, 1, 1)
        number += 1
    assert counts(house) == (2, 2, 2, 2)
    assert number > 6, "the trail's own statements were among those that failed"


@pytest.mark.urs("URS-AUD-080")
def test_over_random_faults_changes_and_entries_stay_one_to_one(house: House) -> None:
    dice = random.Random(80)
    made = 0
    for number in range(100):
        made += not fails_at(house, dice.randint(1, 12), f"kettle {number}")
    assert 0 < made < 100
    assert counts(house) == (made, made, made, made)


@pytest.mark.nightly
@pytest.mark.urs("URS-AUD-080")
def test_over_a_thousand_random_faults_changes_and_entries_stay_one_to_one(house: House) -> None:
    dice = random.Random(1080)
    made = sum(
        not fails_at(house, dice.randint(1, 12), f"kettle {number}") for number in range(1000)
    )
    assert counts(house) == (made, made, made, made)


def forbidden(session: object, *, by: Actor, at: object) -> None:
    raise NotPermitted("P-101 may not issue batches", resolver="a supervisor", needs="issue")


@pytest.mark.urs("URS-AUD-010")
def test_a_refused_attempt_is_an_entry_on_its_record(house: House) -> None:
    house.on_refusal = record_refusal
    with pytest.raises(NotPermitted):
        house.perform(forbidden, by=OPERATOR, record="batch/B-1")
    with house.reading() as session:
        (entry,) = trail.entries(session, BATCH)
    data = entry.data
    assert (data["action"], data["actor"]["id"]) == ("attempt.refused", "P-101")
    assert data["facts"] == {
        "command": "forbidden",
        "rule": "permission.missing",
        "fact": "P-101 may not issue batches",
        "resolver": "a supervisor",
        "details": [{"name": "needs", "value": "issue"}],
    }


@pytest.mark.urs("URS-AUD-010")
def test_an_attempt_on_a_nameless_record_from_nowhere_is_kept_all_the_same(house: House) -> None:
    house.on_refusal = record_refusal
    with pytest.raises(NotPermitted):
        house.perform(forbidden, by=Actor.service("robot"), record="what/../ever?")
    with house.reading() as session:
        (entry,) = trail.entries(session, SITE)
    assert (entry.data["actor"]["terminal"], entry.object) == ("unknown", "what/../ever?")


@pytest.mark.urs("URS-AUD-010")
def test_an_attempt_with_unprintable_or_endless_text_is_kept_all_the_same(house: House) -> None:
    refusal = NotPermitted("no\x00 \ud800 e\u0301" + "x" * 1000, resolver="nobody")
    record_refusal(house, refusal, command="c", record="\x00" + "y" * 1000, by=OPERATOR)
    with house.reading() as session:
        (entry,) = trail.entries(session, SITE)
    assert entry.data["facts"]["fact"].startswith("no\ufffd ? \u00e9xxx")
    assert entry.object.startswith("\ufffdyyy")
