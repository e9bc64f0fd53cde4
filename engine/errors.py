"""What the engine refuses, and what makes it stop."""

from __future__ import annotations

from core.errors import BrokenPromise, Invalid, NotFound, Refusal


class TaskNotReady(Refusal):
    """The step is not enabled now: still to come, already done, or cancelled (URS-EXE-010)."""

    rule = "step.order"


class RunHeld(Refusal):
    """Run, unit or operation is not running, so nothing in it may be completed (URS-EXE-080)."""

    rule = "run.held"


class TransitionRefused(Refusal):
    """ISA-88 does not allow this command in this state (URS-EXE-080)."""

    rule = "state.transition"


class ProblemPersists(Refusal):
    """The run was held for a problem that is still there; restarting would not help."""

    rule = "run.problem"


class NoSuchWay(Refusal):
    """The run is not held at that place, or the place has no such way on (URS-DEV-020)."""

    rule = "run.way"


class Ambiguous(Refusal):
    """The event is awaited at more than one place; it must say where it happened."""

    rule = "event.ambiguous"


class AlreadyStarted(Refusal):
    """A record has exactly one run, which is never started again."""

    rule = "run.unique"


class ReasonNeeded(Invalid):
    """Hold, restart, stop and abort need a reason in words (URS-EXE-080)."""

    rule = "state.reason"


class UnknownRun(NotFound):
    """There is no run of this record."""

    rule = "run.unknown"


class UnknownPath(NotFound):
    """The run has no task or instance of that path."""

    rule = "path.unknown"


class NotExecutable(BrokenPromise):
    """The procedure holds something that the engine would not execute exactly."""


class LevelTooDeep(BrokenPromise):
    """A level has grown beyond the depth up to which SpiffWorkflow tells the truth."""


class Misplaced(BrokenPromise):
    """A stored row stands at an element where the procedure has nothing of its kind."""

    def __init__(self, element: str, kind: str) -> None:
        super().__init__(f"a stored row takes {element} for a {kind}; the procedure does not")


class RunawayRun(BrokenPromise):
    """One command moved the run so often that it would never come to rest."""


class Unattributed(BrokenPromise):
    """The engine was moved outside any act, so nobody could be named for it."""
