"""Equipment phases: which command is taken in which state."""

from __future__ import annotations

import pytest

from hardware.simulators.errors import CommandRefused, OutOfRange
from hardware.simulators.models.phases import Command, PhaseLogic, State

TAKEN = {
    State.IDLE: {Command.START},
    State.RUNNING: {Command.HOLD, Command.STOP, Command.ABORT},
    State.COMPLETE: {Command.START, Command.RESET},
    State.HOLDING: {Command.STOP, Command.ABORT},
    State.HELD: {Command.RESTART, Command.STOP, Command.ABORT},
    State.RESTARTING: {Command.STOP, Command.ABORT},
    State.STOPPING: {Command.ABORT},
    State.STOPPED: {Command.START, Command.RESET},
    State.ABORTING: set(),
    State.ABORTED: {Command.START, Command.RESET},
}


def logic() -> PhaseLogic:
    return PhaseLogic(
        "TEST-01",
        {1: "mix", 2: "add"},
        open_ended=frozenset({1}),
        may_start=lambda phase: None,
        started=lambda phase: None,
    )


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", Command)
def test_a_command_is_taken_only_in_its_states(state: State, command: Command) -> None:
    unit = logic()
    unit.phase, unit.state = 2, state
    if command in TAKEN[state]:
        unit.command(200 + command)
        assert unit.state is not state
    else:
        with pytest.raises(CommandRefused):
            unit.command(200 + command)
        assert unit.word == 200 + state


@pytest.mark.parametrize("word", [0, 1, 100, 107, 301, -99, 2**31 - 1])
def test_a_word_without_phase_or_command_is_out_of_range(word: int) -> None:
    unit = logic()
    with pytest.raises(OutOfRange):
        unit.command(word)
    assert unit.word == State.IDLE


def test_an_open_ended_phase_is_followed_by_the_next_one() -> None:
    unit = logic()
    unit.command(101)
    unit.command(201)
    assert unit.word == 202


def test_any_other_running_phase_is_not_interrupted_by_a_start() -> None:
    unit = logic()
    unit.command(201)
    with pytest.raises(CommandRefused):
        unit.command(101)
    assert unit.word == 202


def test_a_command_for_another_phase_than_the_active_one_is_refused() -> None:
    unit = logic()
    unit.command(201)
    with pytest.raises(CommandRefused):
        unit.command(104)


@pytest.mark.parametrize(
    ("command", "acting", "seconds", "final"),
    [
        (Command.HOLD, State.HOLDING, 2, State.HELD),
        (Command.STOP, State.STOPPING, 3, State.STOPPED),
        (Command.ABORT, State.ABORTING, 1, State.ABORTED),
    ],
)
def test_an_acting_state_ends_when_the_machine_rests(
    command: Command, acting: State, seconds: int, final: State
) -> None:
    unit = logic()
    unit.command(201)
    unit.command(200 + command)
    unit.step(seconds - 0.5)
    assert unit.state is acting
    unit.step(0.5)
    assert unit.state is final


def test_held_time_is_no_running_time() -> None:
    unit = logic()
    unit.command(201)
    unit.step(10.0)
    unit.command(202)
    unit.step(2.0)
    unit.step(60.0)
    unit.command(203)
    unit.step(2.0)
    unit.step(5.0)
    assert unit.state is State.RUNNING
    assert unit.ran == 15.0


def test_a_missing_permissive_leaves_the_machine_at_rest() -> None:
    def never(phase: int) -> None:
        raise CommandRefused("the lid is open")

    unit = PhaseLogic(
        "TEST-01", {1: "mix"}, open_ended=frozenset(), may_start=never, started=lambda phase: None
    )
    with pytest.raises(CommandRefused, match="lid"):
        unit.command(101)
    assert unit.word == State.IDLE
