"""Who waits for which event: one row per boundary of an open task or border, and per timer.

A subscription ends with its host. Timers are jobs that wait for the site's clock; running-time
limits (durations and cycles) stand still while their instance does not run, dates never do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import jobs
from core.db import site_of
from core.ids import new_id
from engine.errors import Misplaced
from engine.models import Run, StateChange, Subscription
from engine.moves import Move, lineage
from engine.rules import CommandState, paused_time
from workflows import durations
from workflows.model import CatchEvent, Catching, Named, Timer, Trigger
from workflows.words import NamedForm, TimerForm

TIMER_JOB = "engine.timer"
TIMER = "timer"
CONDITION = "condition"
SUSPENDED = "suspended"


def subscribe(
    move: Move, instance_path: str, host_path: str, nodes: Sequence[Catching]
) -> list[Subscription]:
    """Wait for the events of a host (a place, or a level itself) that has just become open."""
    made = []
    for node in nodes:
        row = _row(move, instance_path, host_path, node.id)
        row.interrupting = isinstance(node, CatchEvent) or node.interrupting
        if isinstance(node.trigger, Named):
            row.kind, row.name = node.trigger.form.value, node.trigger.name
            row.plant_wide = node.trigger.plant_wide
        elif isinstance(node.trigger, Timer):
            set_timer(move, row, first_due(node.trigger, move.at))
        else:
            row.kind = CONDITION
        move.session.add(row)
        made.append(row)
    return made


def _row(move: Move, instance_path: str, host_path: str, element: str) -> Subscription:
    return Subscription(
        id=new_id(),
        run_id=move.run.id,
        instance_path=instance_path,
        host_path=host_path,
        element=element,
        kind=TIMER,
        name=None,
        plant_wide=False,
        interrupting=True,
        state="open",
        fired=0,
        opened_at=move.at,
    )


def first_due(timer: Timer, at: datetime) -> datetime:
    """When a timer that is set now is due; lengths are absolute, whatever the zone does."""
    if timer.form is TimerForm.DATE:
        return durations.moment(timer.text)
    if timer.form is TimerForm.CYCLE:
        return at + durations.cycle(timer.text)[1]
    return at + durations.duration(timer.text)


def next_due(timer: Timer, due: datetime, fired: int) -> datetime | None:
    """When a timer is due after it fired for the `fired`-th time; None when it is over."""
    if timer.form is not TimerForm.CYCLE:
        return None
    times, every = durations.cycle(timer.text)
    return None if times is not None and fired >= times else due + every


def set_timer(
    move: Move, row: Subscription, due: datetime, *, since: datetime | None = None
) -> None:
    """Let a timer wait for `due` (site time); its running time counts from `since`, or now."""
    row.state, row.due_at, row.running_since = "open", due, since or move.at
    row.job_id = jobs.enqueue_at_site_time(
        move.session,
        TIMER_JOB,
        {"subscription": str(row.id), "run": str(move.run.id), "record": move.run.record},
        due_at=due,
    )
    move.note("timer.set", row.host_path, element=row.element, due=due)


def release(move: Move, host_path: str, *, inside: bool = False) -> None:
    """The host is over: nothing waits for its events any more.

    `inside` speaks of a level whose event subprocesses wait, else of a task or border.
    """
    query = select(Subscription).where(
        Subscription.run_id == move.run.id,
        Subscription.host_path == host_path,
        Subscription.state != "ended",
    )
    for row in move.session.scalars(query):
        if (row.instance_path == host_path) is inside:
            end(move, row)


def end(move: Move, row: Subscription) -> None:
    """End one subscription and withdraw its timer."""
    row.state, row.closed_at = "ended", move.at
    if row.job_id is not None and row.kind == TIMER:
        jobs.cancel(move.session, row.job_id)


def of_host(move: Move, host_path: str) -> Sequence[Subscription]:
    """What waits at one host, by element."""
    query = select(Subscription).where(
        Subscription.run_id == move.run.id,
        Subscription.host_path == host_path,
        Subscription.state == "open",
    )
    return move.session.scalars(query.order_by(Subscription.element)).all()


def trigger_of(move: Move, row: Subscription) -> Trigger:
    """What this subscription waits for, as drawn. Raises Misplaced where nothing waits."""
    node = move.level(move.load(row.instance_path)).node(row.element)
    if not isinstance(node, Catching):
        raise Misplaced(row.element, "place that waits for an event")
    return node.trigger


def around(move: Move, origin: str) -> Iterator[Sequence[Subscription]]:
    """What waits around an origin, nearest first: the task itself, then scope by scope outwards.

    In a scope the event subprocesses of the level come before the boundaries at its border, which
    may have the same path. An event subprocess does not catch what comes out of itself.
    """
    if move.find(origin) is None:
        yield of_host(move, origin)
    inside = ""
    for path in reversed(lineage(origin)):
        instance = move.find(path)
        if instance is not None:
            if instance.handler is None and move.program.event_subprocesses(instance.level):
                own = [row for row in of_host(move, path) if row.instance_path == path]
                yield [row for row in own if row.element != inside]
            if instance.border_path is not None:
                rows = of_host(move, instance.border_path)
                yield [row for row in rows if row.instance_path == instance.parent_path]
        inside = path.rsplit("/", 1)[-1].partition("#")[0]


def everywhere(move: Move, name: str, *, kind: str | None = None) -> Sequence[Subscription]:
    """Everything of the run that waits for that name, or is the element of that BPMN id.

    With `kind` only what waits for that name as an event of this kind.
    """
    query = select(Subscription).where(
        Subscription.run_id == move.run.id, Subscription.state == "open"
    )
    if kind is None:
        query = query.where((Subscription.element == name) | (Subscription.name == name))
    else:
        query = query.where(Subscription.name == name, Subscription.kind == kind)
    return move.session.scalars(query.order_by(Subscription.host_path, Subscription.element)).all()


def waiting_plant_wide(session: Session, name: str) -> list[str]:
    """Records of the runs of this site that a plant-wide signal of that name must be given to, one
    by one: it never leaves the site (decision 0012)."""
    query = (
        select(Run.record)
        .join(Subscription, Subscription.run_id == Run.id)
        .where(
            Run.site_id == site_of(session),
            Subscription.kind == NamedForm.SIGNAL.value,
            Subscription.name == name,
            Subscription.plant_wide,
            Subscription.state == "open",
        )
    )
    return sorted(set(session.scalars(query)))


def stood_still(move: Move, path: str, since: datetime) -> list[tuple[datetime, datetime | None]]:
    """The spans since some moment in which an instance did not run, its ancestors included."""
    query = select(StateChange).where(
        StateChange.run_id == move.run.id,
        (StateChange.path.is_(None)) | (StateChange.path.in_(lineage(path))),
    )
    spans: list[tuple[datetime, datetime | None]] = []
    began: dict[str | None, datetime] = {}
    for change in move.session.scalars(query.order_by(StateChange.number)):
        if change.after == CommandState.RUNNING:
            if change.path in began:
                spans.append((began.pop(change.path), change.at))
        else:
            began.setdefault(change.path, change.at)
    return spans + [(start, None) for start in began.values()]


def shifted_due(move: Move, row: Subscription, timer: Timer) -> datetime:
    """When a timer is really due, after the time for which its instance stood still."""
    due = row.due_at or move.at
    if timer.form is TimerForm.DATE or row.running_since is None:
        return due
    spans = stood_still(move, row.instance_path, row.running_since)
    return due + paused_time(spans, row.running_since, move.at)
