"""Steps in nested levels: order, borders, ending."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy.orm import Session

from audit.streams import Stream
from engine import commands, queries
from engine.errors import AlreadyStarted, TaskNotReady, UnknownPath, UnknownRun
from tests.support.bpmn import bpmn, call, task
from tests.support.running import BATCH, Plant, level
from workflows.errors import DefinitionTampered

NESTED = bpmn(
    level("PROC", "UP_G > UP_H", call("UP_G", "UP"), call("UP_H", "UP"), isa88="procedure"),
    level("UP", "OP_DRY", call("OP_DRY", "OP"), isa88="unit_procedure"),
    level("OP", "G010 > G020", task("G010"), task("G020")),
)


@pytest.mark.urs("URS-EXE-010")
def test_steps_of_nested_levels_are_ready_one_after_the_other(plant: Plant) -> None:
    plant.run(NESTED)
    done = []
    while ready := plant.ready():
        assert len(ready) == 1
        plant.complete(*ready)
        done += ready
    assert done == [
        "PROC/UP_G#1/OP_DRY#1/G010#1",
        "PROC/UP_G#1/OP_DRY#1/G020#1",
        "PROC/UP_H#1/OP_DRY#1/G010#1",
        "PROC/UP_H#1/OP_DRY#1/G020#1",
    ]
    assert plant.state() == "complete"


def test_the_host_is_told_in_order_inside_the_transaction(small_plant: Plant) -> None:
    small_plant.run(NESTED)
    small_plant.complete("PROC/UP_G#1/OP_DRY#1/G010#1", "PROC/UP_G#1/OP_DRY#1/G020#1")
    assert small_plant.host.told == [
        ("started", "PROC"),
        ("started", "PROC/UP_G#1"),
        ("started", "PROC/UP_G#1/OP_DRY#1"),
        ("ready", "PROC/UP_G#1/OP_DRY#1/G010#1"),
        ("ready", "PROC/UP_G#1/OP_DRY#1/G020#1"),
        ("completed", "PROC/UP_G#1/OP_DRY#1"),
        ("completed", "PROC/UP_G#1"),
        ("started", "PROC/UP_H#1"),
        ("started", "PROC/UP_H#1/OP_DRY#1"),
        ("ready", "PROC/UP_H#1/OP_DRY#1/G010#1"),
    ]


@pytest.mark.urs("URS-EXE-010")
@pytest.mark.parametrize("path", ["PROC/UP_G#1/OP_DRY#1/G020#1", "PROC/UP_H#1/OP_DRY#1/G010#1"])
def test_a_step_still_to_come_is_refused(small_plant: Plant, path: str) -> None:
    small_plant.run(NESTED)
    with pytest.raises(TaskNotReady, match="still to come"):
        small_plant.complete(path)


@pytest.mark.urs("URS-EXE-010")
def test_a_completed_step_is_refused(small_plant: Plant) -> None:
    small_plant.run(NESTED)
    small_plant.complete("PROC/UP_G#1/OP_DRY#1/G010#1")
    with pytest.raises(TaskNotReady, match="is complete"):
        small_plant.complete("PROC/UP_G#1/OP_DRY#1/G010#1")


@pytest.mark.parametrize(
    "path", ["PROC/UP_G#1/OP_DRY#1/G999#1", "PROC/UP_G#1", "OP/G010#1", "PROC", "", "PROC//#1"]
)
def test_an_unknown_path_is_refused(small_plant: Plant, path: str) -> None:
    small_plant.run(NESTED)
    with pytest.raises(UnknownPath):
        small_plant.complete(path)


def test_a_record_has_one_run(small_plant: Plant) -> None:
    digest = small_plant.store(NESTED)
    small_plant.start(digest)
    with pytest.raises(AlreadyStarted):
        small_plant.start(digest)


def test_a_record_without_run_is_refused(small_plant: Plant) -> None:
    with pytest.raises(UnknownRun):
        small_plant.complete("PROC/G010#1")


@pytest.mark.urs("URS-EXE-050")
def test_every_move_stands_in_the_journal_of_its_act(plant: Plant) -> None:
    plant.run(NESTED)
    plant.complete("PROC/UP_G#1/OP_DRY#1/G010#1")
    facts = [(fact["fact"], fact["path"]) for fact in plant.journal()]
    assert facts == [
        ("run.started", "PROC"),
        ("instance.opened", "PROC"),
        ("border.opened", "PROC/UP_G#1"),
        ("instance.opened", "PROC/UP_G#1"),
        ("border.opened", "PROC/UP_G#1/OP_DRY#1"),
        ("instance.opened", "PROC/UP_G#1/OP_DRY#1"),
        ("task.ready", "PROC/UP_G#1/OP_DRY#1/G010#1"),
        ("task.completed", "PROC/UP_G#1/OP_DRY#1/G010#1"),
        ("task.ready", "PROC/UP_G#1/OP_DRY#1/G020#1"),
    ]


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-MRC-070")
def test_a_definition_altered_in_the_database_is_not_started_even_if_a_sound_one_is_cached(
    small_plant: Plant,
) -> None:
    digest = small_plant.store(NESTED)
    small_plant.start(digest, Stream("batch", "B-2044"))
    raw = sqlite3.connect(str(small_plant.house.database.url.database))
    raw.execute("DROP TRIGGER keep_definition_file_update")
    raw.execute("UPDATE definition_file SET body = replace(body, 'G020', 'G021')")
    raw.commit()
    raw.close()
    with pytest.raises(DefinitionTampered):
        small_plant.start(digest)


@pytest.mark.urs("URS-MRC-060")
def test_a_run_names_the_digests_it_is_pinned_to(small_plant: Plant) -> None:
    digest = small_plant.store(NESTED)
    small_plant.do(_start_pinned, digest)
    with small_plant.house.reading() as session:
        run = queries.run_of(session, BATCH)
        assert (run.procedure, run.pinned) == (digest, {"procedure": digest, "tags": "ab12"})


def _start_pinned(session: Session, record: Stream, digest: str, **common: Any) -> None:
    commands.start_run(
        session, record=record, procedure_digest=digest, pinned={"tags": "ab12"}, **common
    )
