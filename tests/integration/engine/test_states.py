"""Hold, restart, stop and abort of runs and instances (URS-EXE-080)."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from engine import commands, queries
from engine.errors import ReasonNeeded, RunHeld, TaskNotReady, TransitionRefused, Unattributed
from engine.models import StateChange
from engine.rules import CommandState
from tests.support.bpmn import boundary, bpmn, call, end, named, parallel, signal, task
from tests.support.running import BATCH, OPERATOR, Plant, level

TWO = bpmn(
    level(
        "PROC",
        ["S > CA1 > J", "S > CA2 > J", "J > LAST > end"],
        parallel("S"),
        call("CA1", "OP"),
        call("CA2", "OP"),
        parallel("J"),
        task("LAST"),
    ),
    level("OP", "D", task("D")),
)


@pytest.mark.urs("URS-EXE-080")
def test_holding_one_operation_leaves_the_other_running(plant: Plant) -> None:
    plant.run(TWO)
    plant.do(commands.hold, "PROC/CA1#1", reason="alarm at the dryer")
    with pytest.raises(RunHeld, match="is held"):
        plant.complete("PROC/CA1#1/D#1")
    plant.complete("PROC/CA2#1/D#1")
    plant.do(commands.restart, "PROC/CA1#1", reason="alarm cleared")
    plant.complete("PROC/CA1#1/D#1")
    assert plant.ready() == ["PROC/LAST#1"]


@pytest.mark.urs("URS-EXE-080")
def test_holding_the_run_holds_everything_and_writes_one_row_besides_the_fact(
    small_plant: Plant,
) -> None:
    small_plant.run(TWO)
    updates: list[str] = []

    def keep(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE engine_"):
            updates.append(statement.split()[1])

    event.listen(small_plant.house.database.writer, "before_cursor_execute", keep)
    small_plant.do(commands.hold, reason="critical exception")
    assert updates == ["engine_run"]
    with small_plant.house.reading() as session:
        assert queries.effective(session, BATCH, "PROC/CA2#1") is CommandState.HELD


@pytest.mark.urs("URS-EXE-080")
def test_an_acting_state_lasts_until_the_equipment_has_answered(plant: Plant) -> None:
    plant.run(TWO)
    plant.do(commands.hold, reason="alarm", acknowledged=False)
    assert plant.state() == "holding"
    with pytest.raises(TransitionRefused):
        plant.do(commands.restart, reason="too early")
    plant.do(commands.acknowledge, reason="phases held")
    assert plant.state() == "held"
    with pytest.raises(TransitionRefused, match="nothing to acknowledge"):
        plant.do(commands.acknowledge, reason="again")


@pytest.mark.urs("URS-EXE-080")
@pytest.mark.parametrize("reason", ["", "   "])
def test_a_command_without_reason_is_refused(small_plant: Plant, reason: str) -> None:
    small_plant.run(TWO)
    with pytest.raises(ReasonNeeded):
        small_plant.do(commands.hold, reason=reason)
    assert small_plant.state() == "running"


@pytest.mark.urs("URS-EXE-080")
def test_an_aborted_run_is_never_restarted(plant: Plant) -> None:
    plant.run(TWO)
    plant.do(commands.abort, reason="wrong material")
    assert plant.ready() == []
    with pytest.raises(TransitionRefused):
        plant.do(commands.restart, reason="another try")
    with pytest.raises(TaskNotReady, match="cancelled"):
        plant.complete("PROC/CA1#1/D#1")


def test_a_stopped_operation_holds_the_run_because_its_end_is_missing(plant: Plant) -> None:
    plant.run(TWO)
    plant.do(commands.stop, "PROC/CA1#1", reason="dryer broken")
    assert plant.state() == "held"
    assert plant.host.problems[0].kind == "child_ended"
    assert plant.ready() == ["PROC/CA2#1/D#1"]
    with pytest.raises(TransitionRefused, match="has ended"):
        plant.do(commands.restart, "PROC/CA1#1", reason="repaired")


def test_every_state_change_is_kept_with_its_reason(plant: Plant) -> None:
    plant.run(TWO)
    plant.do(commands.pause, reason="shift change")
    plant.do(commands.resume, reason="shift has changed")
    with plant.house.reading() as session:
        rows = session.query(StateChange).order_by(StateChange.number).all()
        found = [(row.command, row.before, row.after, row.reason) for row in rows]
    assert found == [
        ("pause", "running", "pausing", "shift change"),
        ("done", "pausing", "paused", "shift change"),
        ("resume", "paused", "running", "shift has changed"),
    ]


def test_stopping_a_handler_lets_its_level_end(plant: Plant) -> None:
    plant.run(
        bpmn(
            signal("sig", "link_lost"),
            level(
                "PROC",
                ["A > end", "EV > H > He"],
                task("A"),
                boundary("EV", "A", named("signal", "sig"), interrupting=False),
                task("H"),
                end("He"),
            ),
        )
    )
    plant.do(commands.raise_event, "link_lost")
    plant.complete("PROC/A#1")
    assert (plant.state(), plant.ready()) == ("running", ["PROC/EV#1/H#1"])
    plant.do(commands.stop, "PROC/EV#1", reason="raised by mistake")
    assert (plant.state(), plant.ready()) == ("complete", [])


def test_nobody_moves_the_engine_outside_an_act(small_plant: Plant) -> None:
    small_plant.run(TWO)
    with pytest.raises(Unattributed), small_plant.house.transaction() as session:
        commands.complete_task(
            session, BATCH, "PROC/CA1#1/D#1", by=OPERATOR, at=small_plant.clock.now()
        )
    assert len(small_plant.ready()) == 2
