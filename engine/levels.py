"""Levels in motion: beginning, settling at the next waiting places, borders, ending.

A child level is never part of its parent's tree. The parent waits at a border; the engine counts
the rounds there and ends the waiting place when they are done (notes on the engine, section 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sqlalchemy import select

from engine import cancelling, deciding, events, rounds, subscriptions
from engine.errors import Misplaced
from engine.host import Problem
from engine.lowering import DONE, JOINED, is_inclusive_join, waits
from engine.models import Border, Instance, Task
from engine.moves import Move
from engine.rules import Command, CommandState, next_state
from engine.spiff import Live
from workflows.expressions.language import Outcome
from workflows.model import (
    CallActivity,
    CatchEvent,
    EndEvent,
    EventGateway,
    ExclusiveGateway,
    InclusiveGateway,
    Loop,
    StepTask,
    ThrowEvent,
    Timer,
)
from workflows.words import LoopKind

DECISION = "decision"
CALL = "call"
STUCK = "stuck"
CHILD_ENDED = "child_ended"
TIMER = "timer"
CATCH = "catch"
EVENTS = "events"


def begin(
    move: Move,
    path: str,
    level_id: str,
    *,
    parent: str | None,
    border: str | None = None,
    handler: str | None = None,
    round: int = 1,
) -> None:
    """Start a level, or a handler in it, and move it to its first waiting places."""
    instance = move.add(
        Instance(
            run_id=move.run.id,
            path=path,
            parent_path=parent,
            border_path=border,
            level=level_id,
            handler=handler,
            round=round,
            state=CommandState.RUNNING,
            open=True,
            tree="",
            counts=move.program.zero_counts(level_id),
            opened_at=move.at,
        )
    )
    move.note("instance.opened", path, level=level_id, handler=handler, round=round)
    move.tell(lambda: move.host.instance_started(move.session, move.run, path, level_id))
    if handler is None:
        events.wait_for(move, instance, path, move.program.event_subprocesses(level_id))
    settle(move, instance, Live.begin(move.executable(instance).spec))


def advance(move: Move, instance: Instance, token: int, outcome: str) -> None:
    """End one waiting place of an instance and move on."""
    if instance.open:
        live = Live.load(move.executable(instance).spec, instance.tree)
        live.finish(token, outcome)
        settle(move, instance, live)


def put(move: Move, instance: Instance, token: int, element: str) -> None:
    """Go on at another step or call of the level, instead of a waiting place that was left."""
    live = Live.load(move.executable(instance).spec, instance.tree)
    live.put(token, element)
    settle(move, instance, live)


def settle(move: Move, instance: Instance, live: Live) -> None:
    """Open the waiting places that the level has reached; store it; end it when it is over."""
    level, counts = move.level(instance), dict(instance.counts)
    while (fresh := live.fresh()) or _join(move, instance, live, counts):
        for token, element in fresh:
            if is_inclusive_join(level, level.node(element)):
                continue
            counts[element] = counts.get(element, 0) + 1
            instance.counts = dict(counts)
            outcome = _open(move, instance, element, token)
            if outcome is not None:
                _count(counts, outcome.split(" "))
                live.finish(token, outcome)
    for element in live.passed:
        if not waits(level, level.node(element)):
            counts[element] = counts.get(element, 0) + 1
    instance.counts, instance.tree = counts, live.text()
    if live.is_complete:
        move.later(lambda: close_if_over(move, instance))
    elif not live.open_places():
        fact = f"{instance.path} waits at a join that can never be reached"
        move.hold_for(Problem(kind=STUCK, path=instance.path, element=instance.level, fact=fact))


def _count(counts: dict[str, int], names: Iterable[str]) -> None:
    for name in names:
        counts[name] = counts.get(name, 0) + 1


def _join(move: Move, instance: Instance, live: Live, counts: dict[str, int]) -> bool:
    """Let go on what waits at an inclusive join to which nothing more can come.

    The oldest arrival goes on for all of them, as drawn; the others end there.
    """
    joins = move.program.inclusive_joins(instance.level)
    places = live.open_places() if joins else []
    for join in joins:
        arrived = [token for token, element in places if element == join]
        others = {element for _, element in places if element != join}
        if arrived and not any(join in move.program.reached(instance.level, o) for o in others):
            _count(counts, [join])
            instance.counts = dict(counts)
            move.note("join.complete", place_path(instance, join), arrived=len(arrived))
            for token in arrived[1:]:
                live.finish(token, JOINED)
            live.finish(arrived[0], DONE)
            return True
    return False


def _open(move: Move, instance: Instance, element: str, token: int) -> str | None:
    """Open one waiting place; answers the outcome when it is over at once."""
    level = move.level(instance)
    node, path = level.node(element), place_path(instance, element)
    match node:
        case StepTask():
            _open_task(move, instance, node, path, token)
        case CallActivity():
            border = add_border(move, instance, node.id, path, token, _kind_of(node))
            events.wait_for(move, instance, path, level.boundaries(node.id))
            move.later(lambda: next_rounds(move, border))
        case CatchEvent():
            kind = TIMER if isinstance(node.trigger, Timer) else CATCH
            add_border(move, instance, node.id, path, token, kind)
            events.wait_for(move, instance, path, [node])
            events.wait_for(move, instance, path, level.boundaries(node.id))
        case EventGateway():
            add_border(move, instance, node.id, path, token, EVENTS)
            events.wait_for(move, instance, path, move.program.awaited(level.id, node.id))
        case ExclusiveGateway() | InclusiveGateway():
            return _decide(move, instance, node, path, token)
        case ThrowEvent():
            events.opens_throw(move, instance, node, path, token)
        case EndEvent():
            events.opens_end(move, instance, node, path, token)
    return None


def place_path(instance: Instance, element: str) -> str:
    """The path of the place that was reached last under that id."""
    return f"{instance.path}/{element}#{instance.counts[element]}"


def _kind_of(node: CallActivity) -> str:
    return CALL if node.loop is None else node.loop.kind.value


def _open_task(move: Move, instance: Instance, node: StepTask, path: str, token: int) -> None:
    task = Task(
        run_id=move.run.id,
        instance_path=instance.path,
        path=path,
        element=node.id,
        ordinal=instance.counts[node.id],
        token=token,
        state="ready",
        ready_at=move.at,
    )
    move.session.add(task)
    move.note("task.ready", path)
    events.wait_for(move, instance, path, move.level(instance).boundaries(node.id))
    told = move.program.info(task, instance)
    move.tell(lambda: move.host.task_ready(move.session, move.run, told))


def add_border(
    move: Move, instance: Instance, element: str, path: str, token: int, kind: str
) -> Border:
    """A place where the engine waits, without what it waits for."""
    border = Border(
        run_id=move.run.id,
        instance_path=instance.path,
        path=path,
        element=element,
        ordinal=instance.counts[element],
        token=token,
        kind=kind,
        state="ready",
        started=0,
        done=0,
        ready_at=move.at,
    )
    move.session.add(border)
    move.note("border.opened", path, kind=kind)
    return border


# Decisions and ends


def _decide(
    move: Move, instance: Instance, node: deciding.Deciding, path: str, token: int
) -> str | None:
    decision = deciding.decide(move, instance, node, path)
    if decision.flows:
        outcome = " ".join(flow.id for flow in decision.flows)
        move.note("decision.made", path, flow=outcome, asked=decision.asked)
        return outcome
    add_border(move, instance, node.id, path, token, DECISION)
    _hold(move, decision.problem, decision.asked)
    return None


def _hold(move: Move, problem: Problem | None, asked: list[dict[str, object]]) -> None:
    if problem is not None:
        move.note("decision.open", problem.path, asked=asked)
        move.hold_for(problem)


def decide_again(move: Move, border: Border) -> None:
    """Try a decision again whose values were missing; holds the run again when they still are.

    Raises Misplaced where the procedure decides nothing.
    """
    instance = move.load(border.instance_path)
    node = move.level(instance).node(border.element)
    if not isinstance(node, deciding.Deciding):
        raise Misplaced(border.element, "gateway that decides")
    decision = deciding.decide(move, instance, node, border.path)
    if not decision.flows:
        _hold(move, decision.problem, decision.asked)
        return
    outcome = " ".join(flow.id for flow in decision.flows)
    move.note("decision.made", border.path, flow=outcome, asked=decision.asked)
    border.state, border.ended_at = "complete", move.at
    counts = dict(instance.counts)
    _count(counts, outcome.split(" "))
    instance.counts = counts
    advance(move, instance, border.token, outcome)


def terminate(move: Move, instance: Instance, node: EndEvent) -> None:
    """A terminating end: everything else in this instance is cancelled, then it is complete."""
    if instance.open:
        move.note("instance.terminated", instance.path, element=node.id)
        cancelling.cancel_inside(move, instance.path)
        _close(move, instance)


# Borders and their rounds


def next_rounds(move: Move, border: Border) -> None:
    """Begin the rounds that are due at a border, or end it when there are no more.

    Raises Misplaced where the procedure calls no other level.
    """
    parent = move.load(border.instance_path)
    if border.state != "ready" or not parent.open:
        return
    node = move.level(parent).node(border.element)
    if not isinstance(node, CallActivity):
        raise Misplaced(border.element, "call activity")
    if node.loop is None:
        _begin_rounds(move, border, node, 1) if not border.started else complete_border(
            move, border
        )
        return
    if not _planned(move, border, parent, node.loop):
        return
    tally = rounds.Tally(
        planned=border.planned,
        started=border.started,
        done=border.done,
        most=node.loop.max_rounds,
    )
    over = rounds.is_over(node.loop.kind, tally) or _ends_early(move, border, parent, node.loop)
    if over:
        complete_border(move, border)
    elif over is not None:
        _begin_rounds(move, border, node, rounds.rounds_to_begin(node.loop.kind, tally))


def _planned(move: Move, border: Border, parent: Instance, loop: Loop) -> bool:
    if loop.cardinality is None or border.planned is not None:
        return True
    outcome = deciding.evaluate(move, parent, loop.cardinality)
    question = deciding.asked(None, loop.cardinality, outcome)
    planned = rounds.planned_rounds(outcome.value, loop.max_rounds)
    if isinstance(planned, int):
        border.planned = planned
        move.note("rounds.planned", border.path, planned=planned, asked=[question])
        return True
    _hold(move, _rounds_problem(border, planned, outcome), [question])
    return False


def _ends_early(move: Move, border: Border, parent: Instance, loop: Loop) -> bool | None:
    """Whether a condition ends the loop now; None (run held) when that cannot be known."""
    text = loop.condition if loop.kind is LoopKind.STANDARD else loop.completion
    asks = bool(border.done) or (loop.kind is LoopKind.STANDARD and loop.test_before)
    if text is None or not asks:
        return False
    outcome = deciding.evaluate(move, parent, text)
    question = deciding.asked(None, text, outcome)
    if not outcome.is_known:
        _hold(move, _rounds_problem(border, "whether to go on is not known", outcome), [question])
        return None
    move.note("rounds.asked", border.path, asked=[question])
    return outcome.is_true is not (loop.kind is LoopKind.STANDARD)


def _rounds_problem(border: Border, fact: str, outcome: Outcome) -> Problem:
    kind = "rounds_exhausted" if outcome.is_known else "value_unknown"
    words = "; ".join((f"{border.element}: {fact}", *outcome.problems))
    return Problem(kind=kind, path=border.path, element=border.element, fact=words)


def _begin_rounds(move: Move, border: Border, node: CallActivity, count: int) -> None:
    for _ in range(count):
        border.started += 1
        number = border.ordinal if node.loop is None else border.started
        path = border.path if node.loop is None else f"{border.path}.{number}"
        move.later(partial(_begin_round, move, border, node.called, path, number))


def _begin_round(move: Move, border: Border, level_id: str, path: str, number: int) -> None:
    if border.state == "ready":
        parent = border.instance_path
        begin(move, path, level_id, parent=parent, border=border.path, round=number)


def complete_border(move: Move, border: Border) -> None:
    """The activity is over as drawn; what still runs in parallel rounds is cancelled."""
    for child in move.children(border.instance_path, border=border.path):
        cancelling.cancel(move, child)
    border.state, border.ended_at = "complete", move.at
    move.note("border.completed", border.path, rounds=border.done)
    subscriptions.release(move, border.path)
    advance(move, move.load(border.instance_path), border.token, DONE)


# Ending


def close_if_over(move: Move, instance: Instance) -> None:
    """A level ends when its own flow has ended and no handler beside it still runs."""
    if not instance.open:
        return
    beside = move.program.runs_beside(instance.level)
    if instance.handler is None and beside and move.children(instance.path):
        return
    _close(move, instance)


def _close(move: Move, instance: Instance) -> None:
    instance.open, instance.closed_at = False, move.at
    instance.state = next_state(CommandState(instance.state), Command.DONE)
    if instance.handler is None and move.program.event_subprocesses(instance.level):
        subscriptions.release(move, instance.path, inside=True)
    move.note("instance.closed", instance.path)
    path, level_id = instance.path, instance.level
    move.tell(lambda: move.host.instance_completed(move.session, move.run, path, level_id))
    if instance.parent_path is None:
        move.later(lambda: _complete_run(move))
    elif instance.border_path is not None:
        move.later(partial(_round_done, move, instance.border_path))
    else:
        move.later(partial(after_handler, move, instance.parent_path))


def _round_done(move: Move, border_path: str) -> None:
    query = select(Border).where(Border.run_id == move.run.id, Border.path == border_path)
    border = move.session.scalars(query).one()
    if border.state == "ready":
        border.done += 1
        next_rounds(move, border)


def after_handler(move: Move, path: str) -> None:
    """A handler is over; the level beside which it ran may have waited for just that."""
    parent = move.load(path)
    if parent.open and Live.load(move.executable(parent).spec, parent.tree).is_complete:
        close_if_over(move, parent)


def _complete_run(move: Move) -> None:
    if move.run.state != CommandState.RUNNING:
        return
    move.change_state(move.run, Command.DONE, "all levels have ended")
    move.run.ended_at = move.at
    move.note("run.completed", move.run.root)
    move.tell(lambda: move.host.run_completed(move.session, move.run))
