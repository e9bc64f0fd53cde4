"""ISA-88 states as truth tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import TransitionRefused
from engine.rules import Command, CommandState, effective_state, next_state, paused_time

S = CommandState
ALLOWED = {
    "idle": "start",
    "running": "pause hold stop abort done",
    "pausing": "hold stop abort done",
    "paused": "resume hold stop abort",
    "holding": "stop abort done",
    "held": "restart stop abort",
    "restarting": "hold stop abort done",
    "stopping": "abort done",
    "stopped": "abort reset",
    "aborting": "done",
    "aborted": "reset",
    "complete": "reset",
}
T0 = datetime(2026, 3, 2, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.mark.urs("URS-EXE-080")
@pytest.mark.parametrize("state", list(CommandState))
@pytest.mark.parametrize("command", list(Command))
def test_every_command_in_every_state(state: CommandState, command: Command) -> None:
    if command in ALLOWED[state].split():
        assert isinstance(next_state(state, command), CommandState)
    else:
        with pytest.raises(TransitionRefused, match=f"not possible while {state}"):
            next_state(state, command)


@pytest.mark.parametrize(
    ("states", "effective"),
    [
        ([S.RUNNING, S.RUNNING], S.RUNNING),
        ([S.HELD, S.RUNNING], S.HELD),
        ([S.RUNNING, S.HELD, S.RUNNING], S.HELD),
        ([S.HELD, S.ABORTED], S.ABORTED),
        ([S.PAUSED, S.HOLDING], S.HOLDING),
        ([S.RUNNING, S.COMPLETE], S.COMPLETE),
        ([S.HELD, S.COMPLETE], S.HELD),
    ],
)
def test_the_gravest_state_above_counts(
    states: list[CommandState], effective: CommandState
) -> None:
    assert effective_state(states) is effective


@pytest.mark.parametrize(
    ("spans", "minutes"),
    [
        ([], 0),
        ([(10, 20)], 10),
        ([(-10, 5)], 5),
        ([(10, 20), (15, 30)], 20),
        ([(10, 40), (15, 20)], 30),
        ([(50, None)], 10),
        ([(70, 80)], 0),
        ([(20, 30), (10, 15)], 15),
    ],
)
def test_time_that_stood_still_counts_once(
    spans: list[tuple[int, int | None]], minutes: int
) -> None:
    known = [(at(start), None if end is None else at(end)) for start, end in spans]
    assert paused_time(known, at(0), at(60)) == timedelta(minutes=minutes)
