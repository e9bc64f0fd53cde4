"""A record of a procedure with what is drawn inside, events, tables and conditional flows."""

from __future__ import annotations

import pytest

from audit import trail
from audit.streams import Stream
from core.house import moment
from ebr import record
from ebr.entry import Entry
from ebr.models import RunState, StepState
from engine import commands as engine
from tests.support.bpmn import (
    bpmn,
    business_rule,
    end,
    exclusive,
    flow,
    inclusive,
    lane,
    lanes,
    multi_instance,
    named,
    process,
    signal,
    start,
    step,
    subprocess,
    task,
)
from tests.support.records import RECORD, RecordPlant
from tests.support.web import Visitor, app_of

BATCH = Stream.parse(RECORD)
MOISTURE = '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2"/>'


def drying() -> bytes:
    """Dry inside, decide by a table how often to check, check by the way; a spill takes over."""
    return bpmn(
        signal("sig", "spill"),
        process(
            "OP",
            start(),
            lanes(lane("L", "OP", "A", "SP", "CHECK", "LAST")),
            task("A"),
            subprocess(
                "SP",
                "SP_start > DRY > RATE > SP_end",
                task("DRY", step("DRY", MOISTURE, kind="entry").replace(' role="OP"', "")),
                business_rule(
                    "RATE", "first", ("DRY.lod < 2 %", "1"), ("DRY.lod < 3 %", "2"), ("true", "9")
                ),
                end("SP_end"),
                subprocess(
                    "ESP",
                    "ESP_start > CLEAN > ESP_end",
                    task("CLEAN"),
                    end("ESP_end"),
                    begins=start("ESP_start", named("signal", "sig"), severity="minor"),
                ),
                default="to_join",
            ),
            task("CHECK"),
            inclusive("J"),
            task("LAST"),
            end(),
            flows=[
                "start > A > SP",
                flow("SP", "CHECK", "known(RATE.result) and RATE.result > 1"),
                flow("SP", "J", flow_id="to_join"),
                "CHECK > J > LAST > end",
            ],
        ),
    )


@pytest.fixture
def running(plant: RecordPlant) -> RecordPlant:
    """The procedure runs and waits inside its subprocess."""
    plant.start(drying())
    perform(plant, "A")
    return plant


def perform(plant: RecordPlant, key: str, **values: str) -> None:
    entered = Entry(values={code: (text,) for code, text in values.items()})
    plant.person("P-101").perform(RECORD, plant.path(key), entered)
    plant.work()


@pytest.mark.urs("URS-EXE-010", "URS-EXE-050")
@pytest.mark.parametrize(
    ("lod", "decided", "checked"), [("1.50", "1", False), ("2.40", "2", True), ("5.00", "9", True)]
)
def test_a_table_decides_inside_and_the_flow_behind_it_follows(
    running: RecordPlant, lod: str, decided: str, checked: bool
) -> None:
    perform(running, "DRY", lod=lod)
    assert running.texts("RATE") == {"result": [decided]}
    if checked:
        assert running.step("CHECK").state == StepState.READY
        perform(running, "CHECK")
    perform(running, "LAST")
    assert running.run().state == RunState.COMPLETE


def spill(plant: RecordPlant) -> None:
    by = plant.person("P-105").actor
    with (
        plant.house.transaction() as session,
        trail.act(session, "event.raised", stream=BATCH, by=by),
    ):
        assert engine.signal(session, BATCH, "spill", by=by, at=moment(session).site) == ["ESP"]


@pytest.mark.urs("URS-EXE-030", "URS-DEV-010")
def test_what_takes_over_is_an_exception_and_stands_in_the_record(running: RecordPlant) -> None:
    spill(running)
    assert running.step("DRY").state == StepState.CANCELLED
    assert running.exceptions() == [("event", "minor")]
    perform(running, "CLEAN")
    shown = running.ask(record.view, "B-2045")
    assert [(step.key, step.state) for step in shown.steps()] == [
        ("A", "complete"),
        ("DRY", "cancelled"),
        ("CLEAN", "complete"),
        ("LAST", "ready"),
    ]
    assert "RATE" in {each.key for each in shown.not_executed}


@pytest.mark.urs("URS-EXE-030")
def test_the_record_of_a_whole_run_names_what_was_not_done(running: RecordPlant) -> None:
    perform(running, "DRY", lod="1.50")
    perform(running, "LAST")
    shown = running.ask(record.view, "B-2045")
    because = {each.key: each.cause for each in shown.not_executed}
    assert because == {
        "CHECK": "gateway SP chose another way",
        "CLEAN": "event ESP did not happen",
    }


@pytest.mark.urs("URS-EXE-030")
def test_the_pages_show_every_place_that_is_drawn(running: RecordPlant) -> None:
    spill(running)
    visitor = Visitor(app_of(running))
    visitor.login("P-107")
    address = "/batches/B-2045/record/route"
    outside = visitor.get(f"{address}?at=OP").get_data(as_text=True)
    inside = visitor.get(f"{address}?at=OP/SP%231").get_data(as_text=True)
    assert "SP&gt;" not in outside + inside
    assert 'data-plane="OP_diagram"' in outside
    assert 'data-plane="OP_diagram"' in inside
    assert "DRY" in inside
    assert visitor.get(f"{address}?at=OP/SP%231/ESP%231").status_code == 200


@pytest.mark.urs("URS-EXE-010", "URS-EXE-030", "URS-DEV-010")
def test_a_process_that_an_event_begins_stands_in_the_record_and_on_the_pages(
    plant: RecordPlant,
) -> None:
    begins = start("s2", named("signal", "sig"), severity="minor")
    plant.start(
        bpmn(
            signal("sig", "spill"),
            process("OP", start(), task("A"), end(), flows="start > A > end"),
            process("EM", begins, task("B"), end("e2"), flows="s2 > B > e2", entry=False),
        )
    )
    visitor = Visitor(app_of(plant))
    visitor.login("P-107")
    address = "/batches/B-2045/record/route"
    assert visitor.get(f"{address}?at=OP").status_code == 200
    by = plant.person("P-105").actor
    with (
        plant.house.transaction() as session,
        trail.act(session, "event.raised", stream=BATCH, by=by),
    ):
        assert engine.signal(session, BATCH, "spill", by=by, at=moment(session).site) == ["EM"]
    assert plant.exceptions() == [("event", "minor")]
    perform(plant, "A")
    assert plant.run().state == RunState.RUNNING, "what was begun beside it is not done"
    inside = visitor.get(f"{address}?at=OP/EM%231")
    assert 'data-plane="EM_diagram"' in inside.get_data(as_text=True)
    perform(plant, "B")
    assert plant.run().state == RunState.COMPLETE
    assert [each.key for each in plant.ask(record.view, "B-2045").steps()] == ["A", "B"]


@pytest.mark.urs("URS-EXE-050")
def test_what_branches_record_at_once_is_all_there_when_they_have_met(plant: RecordPlant) -> None:
    measured = task("W", step("W", MOISTURE, kind="entry"), loop=multi_instance("3"), max_rounds=3)
    plant.start(
        bpmn(
            process(
                "OP",
                start(),
                measured,
                exclusive("X", default="X_OTHER"),
                task("ALL"),
                task("OTHER"),
                exclusive("M"),
                end(),
                flows=[
                    "start > W > X > OTHER > M > end",
                    flow("X", "ALL", "count(W.lod) = 3 and sum(W.lod) = 6 %"),
                    "ALL > M",
                ],
            )
        )
    )
    for number, lod in enumerate(("1.00", "2.00", "3.00"), start=1):
        path = f"OP/W#1.{number}/W#1"
        plant.person("P-101").perform(RECORD, path, Entry(values={"lod": (lod,)}))
        plant.work()
    assert plant.step("ALL").state == StepState.READY
