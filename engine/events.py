"""Events: what happens where something waits, and what a level throws itself.

A boundary interrupts its host or begins a handler beside it; an event inside the flow goes on; the
first event behind an event-based gateway ends the waiting for the others; an event subprocess
takes the place of its level or runs beside it. Levels and events call each other: an end throws,
and what catches it moves a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from core import jobs
from engine import cancelling, deciding, levels, messages, subscriptions
from engine.errors import Misplaced
from engine.host import EventInfo, Problem
from engine.lowering import DONE
from engine.models import Border, Instance, Subscription, Task
from engine.moves import Move
from engine.spiff import Live
from workflows.expressions.language import Outcome
from workflows.model import BoundaryEvent, CatchEvent, EndEvent, EventSubProcess, Named, ThrowEvent
from workflows.words import EndKind, NamedForm

ERROR = "error"
THROW = "throw"
SIGNAL_JOB = "engine.signal"
LONGEST = 200
"""Characters of a correlation that a kept message has room for."""
Details = dict[str, Any]


def fire(move: Move, row: Subscription, details: Details) -> None:
    """The event that this subscription waits for has happened."""
    if row.interrupting:
        move.ending.add((row.instance_path, row.host_path))
    match move.level(move.load(row.instance_path)).node(row.element):
        case EventSubProcess() as node:
            move.later(partial(begin_event_subprocess, move, node, row, details))
        case CatchEvent():
            move.later(partial(go_on, move, row, details))
        case BoundaryEvent() as node:
            happens = interrupt if row.interrupting else open_handler
            move.later(partial(happens, move, node, row, details))
        case _:
            raise Misplaced(row.element, "place that waits for an event")


def interrupt(move: Move, node: BoundaryEvent, caught: Subscription, details: Details) -> None:
    """An interrupting boundary fired: its host is cancelled and the flow leaves by the event."""
    instance = move.load(caught.instance_path)
    host = cancelling.host_row(move, caught.host_path)
    if host is None or host.state != "ready" or not instance.open:
        return
    _count_event(instance, caught, passed=True)
    _tell_event(move, node, caught, details)
    if isinstance(host, Task):
        cancelling.cancel_task(move, host)
    else:
        for child in move.children(host.instance_path, border=host.path):
            cancelling.cancel(move, child)
        cancelling.cancel_border(move, host)
    subscriptions.release(move, host.path)
    levels.advance(move, instance, host.token, caught.element)


def open_handler(move: Move, node: BoundaryEvent, caught: Subscription, details: Details) -> None:
    """A boundary that does not interrupt fired: its handler runs beside, outliving the host."""
    instance = move.load(caught.instance_path)
    if not instance.open:
        return
    _count_event(instance, caught)
    number = instance.counts[caught.element]
    _tell_event(move, node, caught, details)
    levels.begin(
        move,
        f"{instance.path}/{caught.element}#{number}",
        instance.level,
        parent=instance.path,
        handler=caught.element,
        round=number,
    )


def begin_event_subprocess(
    move: Move, node: EventSubProcess, caught: Subscription, details: Details
) -> None:
    """The event of an event subprocess happened while its level runs.

    Interrupting, everything else in the level is cancelled first and nothing more is waited for.
    """
    instance = move.load(caught.instance_path)
    if not instance.open or _is_taken_over(move, instance):
        return
    _count_event(instance, caught)
    number = instance.counts[node.id]
    _tell_event(move, node, caught, details)
    if node.interrupting:
        cancelling.cancel_inside(move, instance.path)
        live = Live.load(move.executable(instance).spec, instance.tree)
        live.clear()
        instance.tree = live.text()
    path = f"{instance.path}/{node.id}#{number}"
    levels.begin(move, path, node.called, parent=instance.path, round=number)


def _is_taken_over(move: Move, instance: Instance) -> bool:
    """Whether an interrupting event subprocess has begun: two events may come in one command."""
    inside = move.program.event_subprocesses(instance.level)
    return any(instance.counts.get(node.id) for node in inside if node.interrupting)


def go_on(move: Move, caught: Subscription, details: Details) -> None:
    """An event inside the flow happened, by itself or as the first behind its gateway."""
    border = cancelling.host_row(move, caught.host_path)
    if not isinstance(border, Border) or border.state != "ready":
        return
    caught.fired += 1
    if caught.kind != subscriptions.TIMER:
        move.note("event.caught", caught.host_path, element=caught.element, **details)
    subscriptions.release(move, border.path)
    border.state, border.ended_at = "complete", move.at
    move.note("border.completed", border.path)
    outcome = DONE if border.element == caught.element else caught.element
    levels.advance(move, move.load(border.instance_path), border.token, outcome)


def _count_event(instance: Instance, caught: Subscription, *, passed: bool = False) -> None:
    caught.fired += 1
    if not passed:
        # The way out of an interrupted host is counted when the flow passes the event.
        counts = dict(instance.counts)
        counts[caught.element] = counts.get(caught.element, 0) + 1
        instance.counts = counts


def _tell_event(
    move: Move, node: BoundaryEvent | EventSubProcess, caught: Subscription, details: Details
) -> None:
    event = EventInfo(
        element=caught.element,
        host_path=caught.host_path,
        kind=caught.kind,
        interrupting=caught.interrupting,
        severity=node.severity,
        occurrence=caught.fired,
        due_at=details.get("due"),
        late=bool(details.get("late")),
    )
    move.note(
        "event.fired",
        caught.host_path,
        element=caught.element,
        kind=caught.kind,
        interrupting=caught.interrupting,
        occurrence=caught.fired,
        **details,
    )
    move.tell(lambda: move.host.event_fired(move.session, move.run, event))


# Waiting


def wait_for(
    move: Move,
    instance: Instance,
    host_path: str,
    nodes: Sequence[BoundaryEvent | CatchEvent | EventSubProcess],
) -> None:
    """Wait for events at a place that has just opened; a message kept for one is taken at once."""
    rows = subscriptions.subscribe(move, instance.path, host_path, nodes) if nodes else []
    for row in rows:
        if (instance.path, host_path) in move.ending:
            return
        if row.kind == NamedForm.MESSAGE and (message := messages.kept_message(move, row)):
            messages.take(move, row, message)
            fire(move, row, {"correlation": message.correlation})


# Throwing


def throw(move: Move, border: Border) -> None:
    """Throw what stands at this place; the flow goes on once everybody who waits was told.

    A correlation whose value is not known, or too long to be kept, holds the run: who should take
    the message?
    Raises Misplaced where the procedure throws nothing.
    """
    instance = move.load(border.instance_path)
    if border.state != "ready" or not instance.open:
        return
    match move.level(instance).node(border.element):
        case ThrowEvent(throws=Named() as named) | EndEvent(throws=Named() as named):
            if _thrown(move, instance, border, named):
                move.later(partial(_threw, move, border))
        case _:
            raise Misplaced(border.element, "place that throws")


def _threw(move: Move, border: Border) -> None:
    instance = move.load(border.instance_path)
    if border.state == "ready" and instance.open:
        border.state, border.ended_at = "complete", move.at
        levels.advance(move, instance, border.token, DONE)


def _thrown(move: Move, instance: Instance, border: Border, named: Named) -> bool:
    if named.form is NamedForm.MESSAGE:
        return _send(move, instance, border, named)
    name, details = named.name or "", {"name": named.name}
    move.note(f"{named.form.value}.thrown", border.path, **details)
    if named.form is NamedForm.SIGNAL:
        for row in subscriptions.everywhere(move, name, kind=NamedForm.SIGNAL.value):
            fire(move, row, details)
        if named.plant_wide:
            _beyond(move, name)
    else:
        caught = find_catcher(move, instance.path, NamedForm.ESCALATION, name)
        if caught is not None:
            fire(move, caught, details)
    return True


def _send(move: Move, instance: Instance, border: Border, named: Named) -> bool:
    correlation: str | None = None
    asked: list[dict[str, Any]] = []
    if named.correlation is not None:
        outcome = deciding.evaluate(move, instance, named.correlation)
        asked = [deciding.asked(None, named.correlation, outcome)]
        shown = deciding.shown(outcome)
        correlation = shown if isinstance(shown, str) else None
        if correlation is None or len(correlation) > LONGEST:
            move.note("decision.open", border.path, asked=asked)
            move.hold_for(_not_sent(border, correlation, outcome))
            return False
    name = named.name or ""
    move.note("message.thrown", border.path, name=name, correlation=correlation, asked=asked)
    taken = messages.deliver(move, name, correlation, expires_at=None)
    if taken is not None:
        fire(move, taken, {"name": name})
    return True


def _not_sent(border: Border, correlation: str | None, outcome: Outcome) -> Problem:
    fact = f"{border.element}: no correlation is known"
    if correlation is not None:
        fact = f"{border.element}: its correlation is longer than {LONGEST} characters"
    return Problem(
        kind="value_unknown",
        path=border.path,
        element=border.element,
        fact="; ".join((fact, *outcome.problems)),
    )


def _beyond(move: Move, name: str) -> None:
    """A plant-wide signal reaches every other run that waits for it now, each in its own time."""
    for record in subscriptions.waiting_plant_wide(move.session, name):
        if record != move.run.record:
            payload = {"record": record, "name": name}
            jobs.enqueue(move.session, SIGNAL_JOB, payload)


def throw_error(move: Move, instance: Instance, node: EndEvent, path: str, token: int) -> None:
    """An error end: the nearest that catches it goes on, else the run is held."""
    code = node.error or ""
    move.note("error.thrown", path, error=code)
    catcher = find_catcher(move, instance.path, NamedForm.ERROR, code)
    if catcher is not None:
        fire(move, catcher, {"error": code})
        return
    levels.add_border(move, instance, node.id, path, token, ERROR)
    fact = f"the error {code or node.id} was thrown and nothing catches it"
    move.hold_for(Problem(kind="error_uncaught", path=path, element=node.id, fact=fact))


def opens_end(move: Move, instance: Instance, node: EndEvent, path: str, token: int) -> None:
    """An end that is more than an end has been reached."""
    if node.kind is EndKind.TERMINATE:
        move.later(lambda: levels.terminate(move, instance, node))
    elif node.kind is EndKind.THROW:
        opens_throw(move, instance, node, path, token)
    else:
        throw_error(move, instance, node, path, token)


def opens_throw(
    move: Move, instance: Instance, node: ThrowEvent | EndEvent, path: str, token: int
) -> None:
    """What is thrown reaches who waits once every flow that moves now has come to rest."""
    border = levels.add_border(move, instance, node.id, path, token, THROW)
    move.later(partial(throw, move, border))


def find_catcher(move: Move, origin: str, form: NamedForm, code: str) -> Subscription | None:
    """Who catches an error or escalation from there: nearest scope, specific before any."""
    for waiting in subscriptions.around(move, origin):
        found = most_specific(waiting, form, code)
        if found is not None:
            return found
    return None


def most_specific(
    waiting: Sequence[Subscription], form: NamedForm, name: str
) -> Subscription | None:
    """Among those that wait at one place: the one of that name, else one that catches any."""
    rows = [row for row in waiting if row.kind == form.value]
    named = next((row for row in rows if row.name == name), None)
    return named or next((row for row in rows if row.name is None), None)
