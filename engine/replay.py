"""Builds a run again from its journal, and finds the first fact that does not follow.

The journal is the truth, tables are projections of it (architecture, section 3). The acts of a
record's stream are done once more in an empty house, with the values that were recorded, and each
must give the facts that stand in its entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House
from engine import commands, detours, firing
from engine.host import EventInfo, Problem, TaskInfo
from engine.models import (
    Border,
    Instance,
    Message,
    Run,
    StateChange,
    Subscription,
    Task,
)
from engine.moves import Move
from engine.programs import program
from engine.queries import run_of
from engine.rules import Command
from workflows.expressions.types import Given, Shape
from workflows.names import declared_names

Facts = Sequence[Mapping[str, Any]]
State = Mapping[str, Sequence[Mapping[str, str]]]
_OF_A_RUN: tuple[Any, ...] = (
    Run,
    Instance,
    Task,
    Border,
    Subscription,
    StateChange,
    Message,
)
_RANDOM = {"id", "run_id", "site_id", "job_id", "version"}
REPLAYER = Actor.service("replay", trigger="journal")


class ReplayDiffers(BrokenPromise):
    """The journal does not follow from itself: state or journal were changed, or the engine."""


@dataclass(frozen=True, slots=True)
class RecordedAct:
    """What the engine did in one act, and at which site time."""

    at: datetime
    facts: Facts


def recorded_acts(session: Session, record: Stream) -> list[RecordedAct]:
    """The acts of a stream in which the engine did something, in order.

    Raises ReplayDiffers when an entry tells nothing of the engine, not even that it did nothing.
    """
    entries = trail.entries(session, record)
    lacking = [entry.rseq for entry in entries if "journal" not in entry.data]
    if lacking:
        raise ReplayDiffers(f"entry {lacking[0]} of {record} has no journal")
    found = [(entry.at, entry.data["journal"]) for entry in entries]
    return [RecordedAct(at, journal) for at, journal in found if journal]


class RecordedHost:
    """A host that knows only what was asked then; what it is told it does not record."""

    def __init__(self) -> None:
        self._asked: list[dict[str, Any]] = []

    def expect(self, facts: Facts) -> None:
        """The questions of these facts will be asked next, in this order."""
        questions = [question for fact in facts for question in fact.get("asked", ())]
        answers = [{i["name"]: i["value"] for i in q["inputs"]} for q in questions]
        self._asked = [known for known in answers if set(known) - {"round"}]

    def value(self, session: Session, run: Run, instance_path: str, name: str) -> Given:
        """The value as recorded. Raises ReplayDiffers when it was not asked for then."""
        if not self._asked or name not in self._asked[0]:
            raise ReplayDiffers(f"{name} is asked for at {instance_path} and was not then")
        given = self._asked[0].pop(name)
        if not set(self._asked[0]) - {"round"}:
            self._asked.pop(0)
        return _typed(session, run, name, given)

    def task_ready(self, session: Session, run: Run, task: TaskInfo) -> None:
        """Nothing is recorded anew."""

    def task_cancelled(self, session: Session, run: Run, task: TaskInfo) -> None:
        """Nothing is recorded anew."""

    def instance_started(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        """Nothing is recorded anew."""

    def instance_completed(
        self, session: Session, run: Run, instance_path: str, level_id: str
    ) -> None:
        """Nothing is recorded anew."""

    def event_fired(self, session: Session, run: Run, event: EventInfo) -> None:
        """Nothing is recorded anew."""

    def run_completed(self, session: Session, run: Run) -> None:
        """Nothing is recorded anew."""

    def run_failed(self, session: Session, run: Run, problem: Problem) -> None:
        """Nothing is recorded anew."""


def _typed(session: Session, run: Run, name: str, given: Any) -> Given:
    names = declared_names(program(session, run.procedure).procedure)
    shape = names[name.removesuffix("[]")].shape
    if shape is not Shape.NUMBER or given is None:
        known: Given = given
        return known
    if isinstance(given, list):
        return [None if part is None else Decimal(part) for part in given]
    return Decimal(given)


def replay(house: House, record: Stream, acts: Sequence[RecordedAct]) -> None:
    """Do the acts again in an empty house that holds the definition. Raises ReplayDiffers.

    The house's service ``engine_host`` must be a RecordedHost.
    """
    for number, act in enumerate(acts, start=1):
        try:
            _act_again(house, record, number, act)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ReplayDiffers(
                f"act {number} cannot be done again ({type(error).__name__}: {error}):"
                f" {list(act.facts)}"
            ) from error


def _act_again(house: House, record: Stream, number: int, act: RecordedAct) -> None:
    host: RecordedHost = house.services["engine_host"]
    with (
        house.transaction() as session,
        trail.act(session, "run.replayed", stream=record, by=REPLAYER) as again,
    ):
        while len(again.journal) < len(act.facts):
            before = len(again.journal)
            host.expect(act.facts[before:])
            _again(session, record, act.facts[before:], act.at)
            _check(number, before, again.journal, act.facts)


def state_of(session: Session, record: Stream) -> State:
    """Every row of the engine for one run as text, by table; without the keys, which are random.

    Two runs of the same journal have the same state. Raises UnknownRun.
    """
    run = run_of(session, record)
    return {kind.__tablename__: _rows(session, kind, run) for kind in _OF_A_RUN}


def _rows(session: Session, kind: Any, run: Run) -> list[dict[str, str]]:
    table = kind.__table__
    columns = [column for column in table.columns if column.name not in _RANDOM]
    wanted = (table.c.id if kind is Run else table.c.run_id) == run.id
    found = session.execute(select(*columns).where(wanted)).mappings()
    return sorted(({name: str(value) for name, value in row.items()} for row in found), key=str)


def differences(first: Session, again: Session, record: Stream) -> tuple[str, ...]:
    """What one state of a run has and the other not; empty when they are equal."""
    was, now = state_of(first, record), state_of(again, record)
    return (*_missing("only before", was, now), *_missing("only now", now, was))


def _missing(words: str, here: State, there: State) -> Iterator[str]:
    for table, rows in here.items():
        for row in rows:
            if row not in there[table]:
                yield f"{words}: {table}: " + ", ".join(f"{n} {v}" for n, v in row.items())


def _check(number: int, before: int, found: Facts, recorded: Facts) -> None:
    if len(found) == before:
        raise ReplayDiffers(f"act {number}: {recorded[before]} has no effect")
    for position in range(before, len(found)):
        wanted = recorded[position] if position < len(recorded) else None
        if found[position] != wanted:
            raise ReplayDiffers(f"act {number}: {found[position]} instead of {wanted}")


def _again(session: Session, record: Stream, facts: Facts, at: datetime) -> None:
    """Do what the first of these facts says was done."""
    fact, path = facts[0], str(facts[0]["path"])
    common: dict[str, Any] = {"by": REPLAYER, "at": at}
    match fact["fact"]:
        case "run.started":
            pinned = dict(fact["pinned"])
            digest = pinned.pop("procedure")
            commands.start_run(
                session, record=record, procedure_digest=digest, pinned=pinned, **common
            )
        case "task.completed":
            commands.complete_task(session, record, path, **common)
        case "timer.fired" | "timer.suspended" | "timer.set":
            move = Move.lock(session, record, **common)
            firing.timer_due(move, _waiting(session, move.run, path, fact["element"]))
            move.work()
        case "event.raised":
            origin = fact.get("origin")
            commands.raise_event(session, record, fact["name"], origin_path=origin, **common)
        case "error.raised":
            commands.raise_error(session, record, fact["error"], origin_path=path, **common)
        case "signal.sent":
            commands.signal(session, record, fact["name"], **common)
        case "signal.reached":
            commands.deliver_signal(session, record, fact["name"], **common)
        case "condition.met":
            run = Move.lock(session, record, **common).run
            row = _waiting(session, run, path, fact["element"])
            inputs = {seen["name"]: seen["value"] for seen in fact["inputs"]}
            commands.condition_met(session, record, str(row.id), inputs=inputs, **common)
        case "condition.over":
            run = Move.lock(session, record, **common).run
            row = _waiting(session, run, path, fact["element"])
            commands.condition_over(session, record, str(row.id), **common)
        case "message.arrived":
            _message_again(session, record, fact, common)
        case "way.taken":
            detours.take(session, record, path, fact["way"], **common)
        case "step.left":
            detours.leave_step(session, record, path, fact["way"], **common)
        case "state.changed":
            _command_again(session, record, facts, common)
        case other:
            raise ReplayDiffers(f"{other} at {path} follows from nothing")


def _waiting(session: Session, run: Run, host_path: str, element: str) -> Subscription:
    query = select(Subscription).where(
        Subscription.run_id == run.id,
        Subscription.host_path == host_path,
        Subscription.element == element,
        Subscription.state != "ended",
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise ReplayDiffers(f"nothing waits for {element} at {host_path}")
    return found


def _message_again(
    session: Session, record: Stream, fact: Mapping[str, Any], common: dict[str, Any]
) -> None:
    expires = fact.get("expires_at")
    commands.send_message(
        session,
        record,
        fact["name"],
        correlation=fact.get("correlation"),
        expires_at=datetime.fromisoformat(expires) if expires else None,
        **common,
    )


def _command_again(session: Session, record: Stream, facts: Facts, common: dict[str, Any]) -> None:
    first = facts[0]
    path = None if first["scope"] == "run" else str(first["path"])
    command = Command(first["command"])
    target = (first["scope"], first["path"])
    follows = facts[1] if len(facts) > 1 else {}
    acknowledged = (follows.get("scope"), follows.get("path")) == target
    commands.give(session, record, path, command, first["reason"], acknowledged, **common)
