"""What a command state brings: timers go on, problems are tried again, or all is cancelled."""

from __future__ import annotations

from functools import partial

from engine import cancelling, events, firing, levels
from engine.errors import ProblemPersists
from engine.host import Problem
from engine.models import Border, Instance, Run
from engine.moves import Move
from engine.rules import Command, CommandState


def reach(move: Move, target: Run | Instance, reason: str) -> None:
    """The end of an acting state, with what it brings."""
    move.change_state(target, Command.DONE, reason)
    path = target.path if isinstance(target, Instance) else move.run.root
    if target.state == CommandState.RUNNING:
        if target is move.run:
            try_again(move)
        firing.resume_timers(move, path)
    elif target.state in (CommandState.STOPPED, CommandState.ABORTED):
        _ended(move, target, path)


def try_again(move: Move) -> None:
    """Try once more what the engine held the run for."""
    problems, move.run.problems = move.run.problems, []
    for held in problems:
        problem = Problem(**held)
        border = cancelling.host_row(move, problem.path)
        if isinstance(border, Border) and border.state == "ready":
            _try_border(move, border, problem)
        elif problem.kind in (levels.STUCK, levels.CHILD_ENDED):
            move.hold_for(problem)


def _try_border(move: Move, border: Border, problem: Problem) -> None:
    if border.kind == levels.DECISION:
        levels.decide_again(move, border)
    elif border.kind == events.THROW:
        events.throw(move, border)
    elif border.kind == events.ERROR or problem.kind == levels.CHILD_ENDED:
        move.hold_for(problem)
    else:
        levels.next_rounds(move, border)


def check_resolved(move: Move, command: Command) -> None:
    """A restart whose problems are still there is refused. Raises ProblemPersists."""
    if command is Command.RESTART and move.run.problems:
        facts = "; ".join(problem["fact"] for problem in move.run.problems)
        raise ProblemPersists(
            facts,
            resolver="who can provide the missing value; or the shift supervisor, by saying how to"
            " go on, with the quality unit",
        )


def _ended(move: Move, target: Run | Instance, path: str) -> None:
    if isinstance(target, Run):
        root = move.load(path)
        if root.open:
            cancelling.cancel(move, root)
        target.ended_at = move.at
        move.note("run.ended", path, state=str(target.state))
        return
    cancelling.cancel(move, target)
    if target.border_path is None:
        if target.parent_path is not None:
            move.later(partial(levels.after_handler, move, target.parent_path))
        return
    fact = f"{path} was {target.state}; what comes after it needs its end"
    move.hold_for(
        Problem(
            kind=levels.CHILD_ENDED,
            path=target.border_path,
            element=target.border_path.rsplit("/", 1)[-1].partition("#")[0],
            fact=fact,
        )
    )
