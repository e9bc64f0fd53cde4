"""A stored row that does not fit the procedure stops the move: nothing is guessed from it."""

from __future__ import annotations

from typing import TypeVar

import pytest
from sqlalchemy import select

from engine import commands, queries
from engine.errors import Misplaced
from engine.listening import listening
from engine.models import Border, Subscription, Task
from tests.integration.engine.test_gateways import DRYING
from tests.support.bpmn import boundary, bpmn, call, conditional, end, named, signal, task
from tests.support.conformance.messages import TALKING
from tests.support.running import BATCH, START, Plant, level

Placed = TypeVar("Placed", Border, Subscription, Task)
CALLS = bpmn(
    level("PROC", "S > CA > LAST", task("S"), call("CA", "OP"), task("LAST")),
    level("OP", "D", task("D")),
)


def alarmed(definition: str) -> bytes:
    """A step with a boundary event."""
    alarm = boundary("ALARM", "S", definition)
    inside = level("PROC", ["S > end", "ALARM > E"], task("S"), alarm, end("E"))
    return bpmn(signal("sig", "fire"), inside)


def move_row(plant: Plant, table: type[Placed], element: str, to: str) -> None:
    """Let the row of a table that stands at an element stand at another one."""
    with plant.acting() as session:
        session.scalars(select(table).where(table.element == element)).one().element = to


def test_a_task_that_is_no_step_is_not_shown(small_plant: Plant) -> None:
    small_plant.run(CALLS)
    move_row(small_plant, Task, "S", to="CA")
    with small_plant.house.reading() as session, pytest.raises(Misplaced, match="CA for a step"):
        queries.open_tasks(session, BATCH)


def test_a_border_that_calls_nothing_begins_no_round(small_plant: Plant) -> None:
    small_plant.run(CALLS)
    small_plant.complete("PROC/S#1")
    move_row(small_plant, Border, "CA", to="LAST")
    with pytest.raises(Misplaced, match="LAST for a call activity"):
        small_plant.complete("PROC/CA#1/D#1")
    move_row(small_plant, Border, "LAST", to="CA")
    small_plant.complete("PROC/CA#1/D#1")
    assert small_plant.ready() == ["PROC/LAST#1"]


@pytest.mark.parametrize(
    ("drawn", "asks", "waits", "kind"),
    [
        (TALKING.data, "K", "SEND", "place that throws"),
        (DRYING, "G170", "X", "gateway that decides"),
    ],
    ids=["throws", "decides"],
)
def test_a_held_place_of_another_kind_is_not_tried_again(
    small_plant: Plant, drawn: bytes, asks: str, waits: str, kind: str
) -> None:
    small_plant.run(drawn)
    small_plant.complete(f"PROC/{asks}#1")
    assert small_plant.state() == "held"
    move_row(small_plant, Border, waits, to=asks)
    with pytest.raises(Misplaced, match=f"{asks} for a {kind}"):
        small_plant.do(commands.restart, reason="once more")
    assert small_plant.state() == "held"


def test_an_event_at_a_place_without_event_moves_nothing(small_plant: Plant) -> None:
    small_plant.run(alarmed(named("signal", "sig")))
    move_row(small_plant, Subscription, "ALARM", to="S")
    with pytest.raises(Misplaced, match="S for a place that waits"):
        small_plant.do(commands.signal, "fire")
    assert small_plant.ready() == ["PROC/S#1"]


def test_a_row_without_condition_is_not_watched(small_plant: Plant) -> None:
    small_plant.run(alarmed(conditional("1 > 0")))
    move_row(small_plant, Subscription, "ALARM", to="S")
    with small_plant.house.reading() as session, pytest.raises(Misplaced, match="watched"):
        queries.watched(session)


def test_a_row_without_message_or_signal_is_not_listened_for(small_plant: Plant) -> None:
    small_plant.run(alarmed(named("signal", "sig")))
    move_row(small_plant, Subscription, "ALARM", to="S")
    with (
        small_plant.house.reading() as session,
        pytest.raises(Misplaced, match="message or signal"),
    ):
        listening(session, BATCH, at=START)
