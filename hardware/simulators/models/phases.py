"""Equipment phases in the words of ISA-88, and their numbers on the wire.

Command word = phase * 100 + command, state word = phase * 100 + state (demo plant, section 10).
HOLD, RESTART, STOP, ABORT and RESET name the phase that is active; START names the new one.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from hardware.simulators.errors import CommandRefused, OutOfRange


class State(IntEnum):
    """State of the equipment phase."""

    IDLE = 1
    RUNNING = 2
    COMPLETE = 3
    HOLDING = 4
    HELD = 5
    RESTARTING = 6
    STOPPING = 7
    STOPPED = 8
    ABORTING = 9
    ABORTED = 10


class Command(IntEnum):
    """Command to the equipment phase."""

    START = 1
    HOLD = 2
    RESTART = 3
    STOP = 4
    ABORT = 5
    RESET = 6


RESTING = frozenset({State.IDLE, State.COMPLETE, State.STOPPED, State.ABORTED})
ACTIVE = frozenset(State) - RESTING
STOPPABLE = frozenset({State.RUNNING, State.HOLDING, State.HELD, State.RESTARTING})
# From which states a command is taken, and where it leads.
COMMANDS: dict[Command, tuple[frozenset[State], State]] = {
    Command.HOLD: (frozenset({State.RUNNING}), State.HOLDING),
    Command.RESTART: (frozenset({State.HELD}), State.RESTARTING),
    Command.STOP: (STOPPABLE, State.STOPPING),
    Command.ABORT: (ACTIVE - {State.ABORTING}, State.ABORTING),
    Command.RESET: (RESTING - {State.IDLE}, State.IDLE),
}
# Acting states end by themselves after these seconds, when the machine has come to rest.
ACTING: dict[State, tuple[State, float]] = {
    State.HOLDING: (State.HELD, 2.0),
    State.RESTARTING: (State.RUNNING, 2.0),
    State.STOPPING: (State.STOPPED, 3.0),
    State.ABORTING: (State.ABORTED, 1.0),
}


class PhaseLogic:
    """Phase and state of one machine.

    `may_start(phase)` raises when a permissive is missing; `started(phase)` prepares the machine.
    A START is taken at rest, and from RUNNING of an open-ended phase, which it then follows.
    """

    def __init__(
        self,
        code: str,
        names: dict[int, str],
        *,
        open_ended: frozenset[int],
        may_start: Callable[[int], None],
        started: Callable[[int], None],
    ) -> None:
        self._code = code
        self._names = names
        self._open_ended = open_ended
        self._may_start = may_start
        self._started = started
        self.phase = 0
        self.state = State.IDLE
        self.ran = 0.0
        self.since = 0.0

    @property
    def word(self) -> int:
        """The state word as on the wire."""
        return self.phase * 100 + self.state

    @property
    def name(self) -> str:
        """The phase in words; empty before the first one."""
        return self._names.get(self.phase, "")

    def running(self, phase: int | None = None) -> bool:
        """True while the given (or any) phase is RUNNING."""
        return self.state is State.RUNNING and phase in (None, self.phase)

    def command(self, word: int) -> None:
        """Take a command word.

        Raises OutOfRange when phase or command do not exist, CommandRefused when the command is
        not taken in the present state.
        """
        phase, number = divmod(word, 100)
        if phase not in self._names or number not in Command.__members__.values():
            raise OutOfRange(f"{self._code} has no command {word}")
        command = Command(number)
        if command is Command.START:
            self._start(phase)
            return
        sources, target = COMMANDS[command]
        if phase != self.phase or self.state not in sources:
            raise self._refused(command, phase)
        self._enter(target)

    def _start(self, phase: int) -> None:
        follows = self.running() and self.phase in self._open_ended and phase != self.phase
        if not follows and self.state not in RESTING:
            raise self._refused(Command.START, phase)
        self._may_start(phase)
        self.phase = phase
        self.ran = 0.0
        self._enter(State.RUNNING)
        self._started(phase)

    def _refused(self, command: Command, phase: int) -> CommandRefused:
        return CommandRefused(
            f"{self._code} does not take {command.name} of phase {phase} in state {self.word}"
            f" ({self.name or 'no phase'} {self.state.name})"
        )

    def _enter(self, state: State) -> None:
        self.state = state
        self.since = 0.0

    def complete(self) -> None:
        """The machine has done what the phase asks for."""
        self._enter(State.COMPLETE)

    def step(self, dt: float) -> None:
        """Count the time in state; acting states end by themselves; only RUNNING time counts."""
        self.since += dt
        if self.state is State.RUNNING:
            self.ran += dt
        elif self.state in ACTING and self.since >= ACTING[self.state][1] - 1e-9:
            self._enter(ACTING[self.state][0])
