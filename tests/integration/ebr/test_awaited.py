"""What is waited for is worked out once for each state of a record, and anew when it moves."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime

import pytest
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from ebr import automatic, awaited, queries
from ebr.commands import runs
from ebr.models import Binding
from tests.bench.capturing import captured
from tests.integration.ebr.test_waits import bind, drying, equip, feed, pass_time, recipe, send
from tests.support.bpmn import bpmn, end, process, start, task
from tests.support.records import RECORD, RecordPlant

__all__ = ["drying"]


def seen(plant: RecordPlant) -> list[tuple[str, dict[str, str]]]:
    """Steps that wait, with the units they look at."""
    with plant.house.reading() as session:
        return [(each.key, dict(each.units)) for each in awaited.everywhere(session)]


def goes_on(plant: RecordPlant) -> bool:
    """Whether a look finds something that is over."""
    with plant.house.reading() as session:
        return automatic.anything_over(session)


@pytest.mark.urs("URS-EXE-050")
def test_a_started_wait_is_found_with_the_units_that_are_bound(plant: RecordPlant) -> None:
    equip(plant)
    plant.start(recipe())
    assert seen(plant) == []
    bind(plant)
    send(plant)
    assert seen(plant) == []
    plant.person("P-101").perform(RECORD, plant.path("W"))
    plant.work()
    assert seen(plant) == [("D", {"FBD": "FBD-01"})]


@pytest.mark.urs("URS-EXE-050", "URS-PRO-020")
def test_time_and_values_are_looked_at_anew_though_the_record_has_not_moved(
    drying: RecordPlant,
) -> None:
    entries = len(drying.entries())
    for _ in range(11):
        drying.later(seconds=10)
        feed(drying, "41.0")
        assert not goes_on(drying)
    drying.later(seconds=10)
    feed(drying, "41.0")
    assert goes_on(drying)
    drying.later(seconds=30)
    assert not goes_on(drying), "the last value is too old to count"
    assert len(drying.entries()) == entries


def test_a_look_at_a_record_that_has_not_moved_reads_its_head_only(drying: RecordPlant) -> None:
    assert not goes_on(drying)
    with captured(drying.house.database) as cost:
        assert not goes_on(drying)
    tables = [sent.statement.partition("FROM ")[2].split()[0] for sent in cost.sent]
    assert tables == ["site_clock", "procedure_run"]


@pytest.mark.urs("URS-EXE-050")
def test_a_held_batch_waits_for_nothing_until_it_is_restarted(drying: RecordPlant) -> None:
    assert [key for key, _ in seen(drying)] == ["D"]
    supervisor = drying.person("P-105").actor
    drying.house.perform(runs.hold_run, "B-2045", reason="look at the filter", by=supervisor)
    assert seen(drying) == []
    drying.house.perform(runs.restart_run, "B-2045", reason="filter is sound", by=supervisor)
    assert [key for key, _ in seen(drying)] == ["D"]
    pass_time(drying, "41.0", seconds=130)
    assert seen(drying) == []


def test_what_a_writer_has_not_committed_is_not_remembered(drying: RecordPlant) -> None:
    supervisor = drying.person("P-105").actor
    waits = drying.house.rehearse(_bind_anew_and_look, by=supervisor)
    assert waits == [("D", {"FBD": "FBD-02"})]
    assert seen(drying) == [("D", {"FBD": "FBD-01"})]


def _bind_anew_and_look(
    session: Session, *, by: Actor, at: datetime
) -> list[tuple[str, dict[str, str]]]:
    run = queries.run_of(session, RECORD)
    with trail.act(session, "unit.bound", stream=Stream.parse(RECORD), by=by):
        session.add(Binding(run_id=run.id, requirement="FBD", equipment="FBD-02", ordinal=2, at=at))
    return [(each.key, dict(each.units)) for each in awaited.everywhere(session)]


@pytest.mark.sqlite("alters rows in the file behind the back of the application")
@pytest.mark.urs("URS-MRC-070", "URS-EXE-050")
def test_a_batch_whose_definition_was_altered_goes_nowhere_and_keeps_no_other_waiting(
    drying: RecordPlant,
) -> None:
    level = process("OP", start(), task("A"), end(), flows="start > A > end")
    drying.start(bpmn(level), number="B-2099")
    assert [key for key, _ in seen(drying)] == ["D"]
    with closing(sqlite3.connect(str(drying.house.database.url.database))) as raw:
        raw.execute("DROP TRIGGER keep_definition_file_update")
        raw.execute("UPDATE definition_file SET body = body || ' ' WHERE body NOT LIKE '%FBD%'")
        raw.commit()
    supervisor = drying.person("P-105").actor
    drying.house.perform(runs.hold_run, "B-2099", reason="look at it", by=supervisor)
    with closing(sqlite3.connect(str(drying.house.database.url.database))) as raw:
        raw.execute("UPDATE procedure_run SET state = 'running' WHERE number = 'B-2099'")
        raw.commit()
    assert [key for key, _ in seen(drying)] == ["D"]
    pass_time(drying, "41.0", seconds=130)
    assert automatic.watch(drying.house) == 0, "the drying has gone on by itself"
    assert drying.step("D").state != "started"
