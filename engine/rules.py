"""Procedural states of ISA-88, as tables (URS-EXE-080).

Each instance keeps its own command state. What counts is the effective one: the gravest of its
own and those of all its ancestors, so that holding a unit procedure writes one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from engine.errors import TransitionRefused


class CommandState(StrEnum):
    """States of a procedural element, names of ISA-88."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    HOLDING = "holding"
    HELD = "held"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    ABORTING = "aborting"
    ABORTED = "aborted"
    COMPLETE = "complete"


class Command(StrEnum):
    """Commands of ISA-88; `DONE` is the end of an acting state or of the work itself."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    HOLD = "hold"
    RESTART = "restart"
    STOP = "stop"
    ABORT = "abort"
    RESET = "reset"
    DONE = "done"


S, C = CommandState, Command

TRANSITIONS: dict[tuple[CommandState, Command], CommandState] = {
    (S.IDLE, C.START): S.RUNNING,
    (S.RUNNING, C.PAUSE): S.PAUSING,
    (S.RUNNING, C.HOLD): S.HOLDING,
    (S.RUNNING, C.STOP): S.STOPPING,
    (S.RUNNING, C.ABORT): S.ABORTING,
    (S.RUNNING, C.DONE): S.COMPLETE,
    (S.PAUSING, C.HOLD): S.HOLDING,
    (S.PAUSING, C.STOP): S.STOPPING,
    (S.PAUSING, C.ABORT): S.ABORTING,
    (S.PAUSING, C.DONE): S.PAUSED,
    (S.PAUSED, C.RESUME): S.RUNNING,
    (S.PAUSED, C.HOLD): S.HOLDING,
    (S.PAUSED, C.STOP): S.STOPPING,
    (S.PAUSED, C.ABORT): S.ABORTING,
    (S.HOLDING, C.STOP): S.STOPPING,
    (S.HOLDING, C.ABORT): S.ABORTING,
    (S.HOLDING, C.DONE): S.HELD,
    (S.HELD, C.RESTART): S.RESTARTING,
    (S.HELD, C.STOP): S.STOPPING,
    (S.HELD, C.ABORT): S.ABORTING,
    (S.RESTARTING, C.HOLD): S.HOLDING,
    (S.RESTARTING, C.STOP): S.STOPPING,
    (S.RESTARTING, C.ABORT): S.ABORTING,
    (S.RESTARTING, C.DONE): S.RUNNING,
    (S.STOPPING, C.ABORT): S.ABORTING,
    (S.STOPPING, C.DONE): S.STOPPED,
    (S.STOPPED, C.ABORT): S.ABORTING,
    (S.STOPPED, C.RESET): S.IDLE,
    (S.ABORTING, C.DONE): S.ABORTED,
    (S.ABORTED, C.RESET): S.IDLE,
    (S.COMPLETE, C.RESET): S.IDLE,
}

ACTING = frozenset({S.PAUSING, S.HOLDING, S.RESTARTING, S.STOPPING, S.ABORTING})
"""States that last until the equipment phases below have acknowledged."""

ENDED = frozenset({S.STOPPED, S.ABORTED, S.COMPLETE})
"""States that a run never leaves: a record is not run a second time."""

GRAVITY = (
    S.RUNNING, S.RESTARTING, S.PAUSING, S.PAUSED, S.HOLDING, S.HELD,
    S.STOPPING, S.STOPPED, S.ABORTING, S.ABORTED,
)  # fmt: skip
"""From what lets work go on to what forbids it most."""


def next_state(state: CommandState, command: Command) -> CommandState:
    """Where the command leads. Raises TransitionRefused naming the allowed commands."""
    try:
        return TRANSITIONS[state, command]
    except KeyError:
        allowed = ", ".join(allowed_commands(state)) or "none"
        raise TransitionRefused(
            f"{command} is not possible while {state}; possible: {allowed}",
            resolver="the shift supervisor",
        ) from None


def can_follow(state: CommandState, command: Command) -> bool:
    """Whether the command is possible in that state."""
    return (state, command) in TRANSITIONS


def allowed_commands(state: CommandState) -> tuple[Command, ...]:
    """The commands that a person may give in that state."""
    return tuple(c for c in Command if can_follow(state, c) and c is not Command.DONE)


def effective_state(states: Iterable[CommandState]) -> CommandState:
    """The gravest of an instance's own state and those of its ancestors and its run.

    A state without gravity (idle, complete) is that of an instance which is over or not begun;
    it counts only when nothing above says more.
    """
    known = list(states)
    graver = [state for state in known if state in GRAVITY[1:]]
    if graver:
        return max(graver, key=GRAVITY.index)
    return next((state for state in known if state not in GRAVITY), S.RUNNING)


def paused_time(
    spans: Sequence[tuple[datetime, datetime | None]], start: datetime, end: datetime
) -> timedelta:
    """How much of [start, end] was not running; spans may overlap and be open at the end.

    Running-time limits of a recipe stand still meanwhile; dates and material hold times do not.
    """
    total, covered = timedelta(0), start
    for begins, ends in sorted(spans, key=lambda span: span[0]):
        from_, until = max(begins, covered), min(ends or end, end)
        if until > from_:
            total += until - from_
            covered = until
    return total
