"""The database fails while the audit trail is written: the change is undone with it, whole."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from audit import chain
from tests.support import faultplant, faultreport
from tests.support.faultcheck import Findings
from tests.support.records import RecordPlant
from tests.support.templates import Templates

OF_THE_TRAIL = ("entry", "pending_entry", "stream_head")
IN_ONE_PLANT = 50
WHEN = ("before", "after")
Fault = tuple[int, str]


class Broken(Exception):
    """What the database answers."""


@contextmanager
def failing(plant: RecordPlant, left: int, when: str) -> Iterator[None]:
    """One statement of those that write the trail of an act fails, before or after it is done."""

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        nonlocal left
        words = statement.split()
        table = words[2] if words[0] == "INSERT" else words[1]
        if words[0] in ("INSERT", "UPDATE") and table in OF_THE_TRAIL:
            left -= 1
            if left == 0:
                raise Broken(statement)

    engine, name = plant.house.database.writer, f"{when}_cursor_execute"
    event.listen(engine, name, fail)
    try:
        yield
    finally:
        event.remove(engine, name, fail)


def drawn(seed: int) -> list[Fault]:
    """Faults in a random order that is always the same."""
    chance = random.Random(seed)
    return [(chance.randrange(1, 4), chance.choice(WHEN)) for _ in range(IN_ONE_PLANT)]


def under_faults(plant: RecordPlant, faults: Sequence[Fault]) -> tuple[Findings, int]:
    """Every step fails once and is done again. What is wrong afterwards, how often it failed."""
    done, failed = [], 0
    for left, when in faults:
        try:
            with failing(plant, left, when):
                done.append(faultplant.perform_next(plant))
        except Broken:
            failed += 1
            done.append(faultplant.perform_next(plant))
    return faultplant.check(plant, done), failed


@pytest.fixture
def plant(database_url: str, templates: Templates, tmp_path: Path) -> Iterator[RecordPlant]:
    """A batch of many signed entries, on both databases."""
    templates.fill(database_url, faultplant.build)
    made = RecordPlant(database_url, tmp_path)
    yield made
    made.close()


@pytest.mark.urs("URS-AUD-010", "URS-AUD-020", "URS-SEC-050")
def test_no_change_stands_without_its_entry_and_no_entry_without_its_change(
    plant: RecordPlant,
) -> None:
    found, failed = under_faults(plant, drawn(20))
    faultreport.tell("trail", found, runs=failed)
    assert failed == IN_ONE_PLANT
    assert not found.any, found


@pytest.mark.nightly
@pytest.mark.urs("URS-AUD-010", "URS-SEC-050")
@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_faults_leave_nothing_half_done(plant: RecordPlant, seed: int) -> None:
    found, failed = under_faults(plant, drawn(seed))
    assert failed == IN_ONE_PLANT
    assert not found.any, found


def test_a_trail_that_is_left_out_when_it_fails_is_caught(
    plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = chain.append

    def careless(session: Session, drafts: list[chain.Draft]) -> None:
        with suppress(Broken):
            append(session, drafts)

    monkeypatch.setattr(chain, "append", careless)
    found, failed = under_faults(plant, [(1, "before")])
    caught = faultreport.counted(found)
    faultreport.tell_control("trail", "goes on without its trail", caught)
    assert failed == 0
    assert found.any
