"""Messages and signals reach a batch from outside, and the record says who sent what, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.errors import NotPermitted, Refusal
from ebr import record
from ebr.commands.messages import Effect, FromOutside, send_message, send_signal
from ebr.commands.runs import hold_run
from ebr.entry import Entry
from ebr.errors import (
    NobodyWaits,
    PayloadRefused,
    RunNotRunning,
    UnknownMessage,
    WrongCorrelation,
)
from ebr.models import RunState, StepState
from engine import listening
from tests.support.bpmn import (
    boundary,
    bpmn,
    end,
    message,
    messenger,
    named,
    process,
    signal,
    start,
    step,
    task,
    wait,
)
from tests.support.records import RECORD, START, RecordPlant

LOT = '<bw:parameter code="lot" dataType="text"/>'
RESULT = FromOutside(record=RECORD, name="lab_result", sender="LIMS", correlation="L-7")
SPILL = FromOutside(record=RECORD, name="spill", sender="Room 1.12")


def recipe(*, plant_wide: bool = False) -> bytes:
    """Name a lot, tell the store, wait for the result of that lot; a spill interrupts the wash."""
    wide, spill = str(plant_wide).lower(), named("signal", "sig")
    return bpmn(
        message("lab", "lab_result"),
        message("store", "lot_named"),
        signal("sig", "spill"),
        process(
            "OP",
            start(),
            task("A", step("A", LOT, kind="entry"), name="Name the lot"),
            messenger("send", "TELL", "store", correlation="A.lot"),
            wait("RESULT", named("message", "lab"), correlation="A.lot"),
            task("WASH"),
            boundary("SPILL", "WASH", spill, severity="minor", plantWide=wide),
            task("CLEAN"),
            end(),
            end("END2"),
            flows=["start > A > TELL > RESULT > WASH > end", "SPILL > CLEAN > END2"],
        ),
    )


@pytest.fixture
def waiting(plant: RecordPlant) -> RecordPlant:
    """The batch waits for the result of lot L-7."""
    plant.start(recipe())
    plant.person("P-101").perform(RECORD, plant.path("A"), Entry(values={"lot": ("L-7",)}))
    return plant


def send(plant: RecordPlant, sent: FromOutside = RESULT, badge: str = "P-105") -> Effect:
    command = send_signal if sent.name == "spill" else send_message
    effect: Effect = plant.person(badge).do(command, sent, record=sent.record)
    return effect


def told(plant: RecordPlant) -> list[tuple[str, str, str, str]]:
    shown = plant.ask(record.view, "B-2045").messages
    return [(each.form, each.name, each.way, each.effect) for each in shown]


def entry_of(plant: RecordPlant, action: str) -> dict[str, Any]:
    return next(each for each in plant.entries() if each["action"] == action)


@pytest.mark.urs("URS-EXE-050", "URS-AUD-020")
def test_a_message_goes_on_where_it_is_waited_for_and_the_entry_says_all(
    waiting: RecordPlant,
) -> None:
    sent = replace(RESULT, payload={"verdict": "passed", "report": "LR-2026-118"})
    assert send(waiting, sent) == Effect(released=("RESULT",), opened=("WASH",))
    entry = entry_of(waiting, "message.received")
    assert entry["facts"] == {
        "name": "lab_result",
        "sender": "LIMS",
        "correlation": "L-7",
        "payload": {"report": "LR-2026-118", "verdict": "passed"},
        "released": ["RESULT"],
        "opened": ["WASH"],
    }
    assert entry["actor"]["id"] == "P-105"
    assert waiting.step("WASH").state == StepState.READY


@pytest.mark.urs("URS-EXE-050", "URS-REP-010")
def test_the_record_tells_what_came_and_what_the_recipe_sent(waiting: RecordPlant) -> None:
    send(waiting, replace(RESULT, payload={"verdict": "passed"}))
    send(waiting, SPILL)
    assert told(waiting) == [
        ("message", "lot_named", "sent by TELL", "nobody waited: kept"),
        ("message", "lab_result", "from outside", "released RESULT; opened WASH"),
        ("signal", "spill", "from outside", "released SPILL; opened CLEAN"),
    ]
    shown = waiting.ask(record.view, "B-2045")
    (carried,) = shown.messages[1].carried
    assert (carried.name, carried.text) == ("verdict", "passed")
    line = next(each for each in shown.trail if each.action == "message.received")
    assert "payload: verdict = passed" in line.changes


def test_a_batch_says_what_it_waits_for(waiting: RecordPlant) -> None:
    (place,) = waiting.ask(listening.listening, RECORD, at=START)
    assert (place.name, place.correlation, place.label) == ("lab_result", "L-7", "RESULT")
    send(waiting)
    (place,) = waiting.ask(listening.listening, RECORD, at=START)
    assert (place.form, place.name, place.at, place.ends) == ("signal", "spill", "WASH", True)


@pytest.mark.urs("URS-EXE-010", "URS-AUD-010")
@pytest.mark.parametrize(
    ("sent", "refusal", "fact"),
    [
        (replace(RESULT, correlation="L-8"), WrongCorrelation, "with L-7, not L-8"),
        (replace(RESULT, correlation=None), WrongCorrelation, "with L-7, not without"),
        (replace(RESULT, name="results"), UnknownMessage, "it knows: lab_result"),
        (SPILL, NobodyWaits, "nothing in B-2045 waits for “spill” now"),
        (replace(RESULT, sender=" "), PayloadRefused, "who sent it is missing"),
        (replace(RESULT, correlation="L" * 201), PayloadRefused, "longer than 200"),
        (replace(RESULT, correlation="L" * 201, keep="PT1H"), PayloadRefused, "longer than 200"),
        (replace(RESULT, payload={"a b": "x"}), PayloadRefused, "no plain name|not a plain name"),
        (replace(RESULT, payload={"verdict": " "}), PayloadRefused, "verdict is empty"),
        (replace(RESULT, payload={"verdict": "x" * 401}), PayloadRefused, "longer than 400"),
        (
            replace(RESULT, payload={f"v{n}": "x" for n in range(21)}),
            PayloadRefused,
            "more than 20 values",
        ),
        (replace(RESULT, keep="soon"), PayloadRefused, "soon"),
        (replace(RESULT, keep="P31D"), PayloadRefused, "at most 30 days"),
    ],
)
def test_what_nobody_waits_for_is_refused_and_changes_nothing(
    waiting: RecordPlant, sent: FromOutside, refusal: type[Refusal], fact: str
) -> None:
    with pytest.raises(refusal, match=fact):
        send(waiting, sent)
    assert waiting.actions()[-1] == "attempt.refused"
    (place,) = waiting.ask(listening.listening, RECORD, at=START)
    assert place.name == "lab_result"


@pytest.mark.urs("URS-IAM-020")
@pytest.mark.parametrize("badge", ["P-101", "P-106", "P-107", "A-001"])
def test_only_who_may_passes_a_message_on(waiting: RecordPlant, badge: str) -> None:
    with pytest.raises(NotPermitted):
        send(waiting, badge=badge)


@pytest.mark.urs("URS-EXE-080")
def test_a_held_batch_takes_no_message_and_neither_does_one_that_has_ended(
    waiting: RecordPlant,
) -> None:
    waiting.person("P-105").do(hold_run, RECORD, "alarm of the room", record=RECORD)
    with pytest.raises(RunNotRunning, match="B-2045 is HELD"):
        send(waiting)


def test_a_batch_that_has_ended_takes_no_message(waiting: RecordPlant) -> None:
    send(waiting)
    waiting.person("P-101").perform(RECORD, waiting.path("WASH"))
    assert waiting.run().state == RunState.COMPLETE
    with pytest.raises(RunNotRunning, match="B-2045 is complete"):
        send(waiting)


@pytest.mark.urs("URS-EXE-050")
def test_a_message_is_taken_once(waiting: RecordPlant) -> None:
    send(waiting)
    with pytest.raises(NobodyWaits):
        send(waiting)


@pytest.mark.urs("URS-EXE-050", "URS-EXE-070")
@pytest.mark.parametrize(("hours", "taken"), [(1, True), (3, False)])
def test_a_message_that_comes_early_is_kept_until_it_is_waited_for_or_expires(
    plant: RecordPlant, hours: int, taken: bool
) -> None:
    plant.start(recipe())
    effect = send(plant, replace(RESULT, keep="PT2H"))
    assert effect == Effect(released=(), opened=(), kept_until=START + timedelta(hours=2))
    plant.later(hours=hours)
    plant.person("P-101").perform(RECORD, plant.path("A"), Entry(values={"lot": ("L-7",)}))
    assert ("message.taken" in str(plant.entries())) is taken
    if taken:
        assert plant.step("WASH").state == StepState.READY
        assert told(plant)[-1] == ("message", "lab_result", "kept before", "taken by RESULT")
        assert told(plant)[0][3].startswith("nobody waited: kept until 2026-03-02 09:00")


@pytest.mark.urs("URS-EXE-050")
@pytest.mark.parametrize("plant_wide", [True, False])
def test_a_signal_from_outside_reaches_the_batch_that_it_was_sent_to(
    plant: RecordPlant, plant_wide: bool
) -> None:
    plant.start(recipe(plant_wide=plant_wide))
    plant.person("P-101").perform(RECORD, plant.path("A"), Entry(values={"lot": ("L-7",)}))
    send(plant)
    assert send(plant, SPILL).opened == ("CLEAN",)
    assert plant.exceptions() == [("event", "minor")]
    assert plant.step("WASH").state == StepState.CANCELLED
