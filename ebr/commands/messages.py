"""Messages and signals from outside: a person passes on to a batch what somebody else has said.

- Nothing is thrown away: a message that nobody waits for is refused, or kept for a time when the
  person says so; one for another correlation is refused (promise 5).
- The entry in the record names who sent it, what it carried, who passed it on, which event it
  released and which steps opened (URS-EXE-050, Part 11 11.10(e)).
- What it carries is kept as told; nothing in a recipe reads it, so it can decide nothing.
- A signal reaches all that waits for it in this batch. One that the recipe declares plant-wide is
  given to each batch of the site apart, each with an entry of its own (decision 0012).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from ebr import queries
from ebr.commands.steps import refuse_unless_running
from ebr.errors import (
    NobodyWaits,
    PayloadRefused,
    UnknownMessage,
    WrongCorrelation,
)
from ebr.models import ProcedureRun
from engine import commands as engine
from engine import listening
from engine import queries as flow
from engine.listening import Listening
from personnel import permissions
from workflows import queries as definitions
from workflows.durations import BadDuration, duration
from workflows.words import NamedForm

PERMISSION = "message.send"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
MOST_VALUES = 20
LONGEST_VALUE = 400
LONGEST_SENDER = 120
LONGEST_CORRELATION = 200
LONGEST_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class FromOutside:
    """What came for a batch: name, who sent it, what it carried as named texts.

    `correlation` says what a message is about (a lot, a sample). `keep` is an ISO 8601 duration: a
    message that nobody waits for yet is kept that long. Signals have neither.
    """

    record: str
    name: str
    sender: str
    correlation: str | None = None
    payload: Mapping[str, str] = field(default_factory=dict)
    keep: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What it did: the events it released by name, the steps that opened, or kept until when."""

    released: tuple[str, ...]
    opened: tuple[str, ...]
    kept_until: datetime | None = None


def send_message(session: Session, sent: FromOutside, *, by: Actor, at: datetime) -> Effect:
    """Give a batch a message from outside: exactly one event that waits for it takes it.

    Raises NotPermitted, RunNotRunning, UnknownMessage, NobodyWaits, WrongCorrelation,
    PayloadRefused, RunHeld.
    """
    run = _checked(session, sent, NamedForm.MESSAGE, by)
    until = _kept_until(sent, at)
    waiting = _waiting(session, run, sent.name, NamedForm.MESSAGE, at)
    fits = [place for place in waiting if _fits(place, sent.correlation)]
    if not fits and until is None:
        raise _refused(run, sent, waiting)
    with trail.act(
        session, "message.received", stream=Stream.parse(run.stream), by=by, object=sent.name
    ) as act:
        before = _open(session, run)
        taken = engine.send_message(
            session,
            act.stream,
            sent.name,
            correlation=sent.correlation,
            expires_at=until,
            by=by,
            at=at,
        )
        effect = Effect(
            released=_labels(waiting, taken),
            opened=_newly(session, run, before),
            kept_until=None if taken else until,
        )
        act.facts.update(_told(sent, effect))
    return effect


def send_signal(session: Session, sent: FromOutside, *, by: Actor, at: datetime) -> Effect:
    """Give a batch a signal from outside: everything in it that waits for it goes on.

    Raises like `send_message`, without correlation.
    """
    run = _checked(session, sent, NamedForm.SIGNAL, by)
    waiting = _waiting(session, run, sent.name, NamedForm.SIGNAL, at)
    if not waiting:
        raise _refused(run, sent, waiting)
    with trail.act(
        session, "signal.received", stream=Stream.parse(run.stream), by=by, object=sent.name
    ) as act:
        before = _open(session, run)
        reached = engine.signal(session, act.stream, sent.name, by=by, at=at)
        effect = Effect(released=_labels(waiting, reached), opened=_newly(session, run, before))
        act.facts.update(_told(sent, effect))
    return effect


def _checked(session: Session, sent: FromOutside, form: NamedForm, by: Actor) -> ProcedureRun:
    """The run, once person, batch, name and content allow the message or signal at all."""
    run = queries.run_of(session, sent.record)
    permissions.require(session, by, PERMISSION)
    refuse_unless_running(run)
    procedure = definitions.load(session, run.file_digest)
    if sent.name not in listening.names(procedure, form):
        known = ", ".join(sorted(listening.names(procedure, form))) or "none"
        raise UnknownMessage(
            f"the recipe of {run.number} waits for no {form} “{sent.name}”; it knows: {known}",
            resolver="who sent it, or the author of the recipe",
        )
    _check_content(sent)
    return run


def _check_content(sent: FromOutside) -> None:
    sender = sent.sender.strip()
    if len(sender) < 2 or len(sender) > LONGEST_SENDER:
        raise _bad(f"who sent it is missing, or longer than {LONGEST_SENDER} characters", "sender")
    if len(sent.correlation or "") > LONGEST_CORRELATION:
        raise _bad(f"what it is for is longer than {LONGEST_CORRELATION} characters", "correlation")
    if len(sent.payload) > MOST_VALUES:
        raise _bad(f"it carries more than {MOST_VALUES} values", "payload")
    for name, text in sent.payload.items():
        if not NAME.fullmatch(name):
            raise _bad(f"“{name[:40]}” is not a plain name of a value", "payload")
        if not text.strip() or len(text) > LONGEST_VALUE:
            raise _bad(f"{name} is empty, or longer than {LONGEST_VALUE} characters", "payload")


def _bad(fact: str, where: str) -> PayloadRefused:
    return PayloadRefused(fact, resolver="the person who passes it on", field=where)


def _kept_until(sent: FromOutside, at: datetime) -> datetime | None:
    if sent.keep is None:
        return None
    try:
        length = duration(sent.keep)
    except BadDuration as error:
        raise _bad(str(error), "keep") from error
    if length > LONGEST_KEPT:
        raise _bad(f"a message is kept for at most {LONGEST_KEPT.days} days", "keep")
    return at + length


def _waiting(
    session: Session, run: ProcedureRun, name: str, form: NamedForm, at: datetime
) -> list[Listening]:
    found = listening.listening(session, run.stream, at=at)
    return [place for place in found if place.form is form and place.name == name]


def _fits(place: Listening, correlation: str | None) -> bool:
    if not place.correlated:
        return correlation is None
    return place.correlation is not None and place.correlation == correlation


def _refused(
    run: ProcedureRun, sent: FromOutside, waiting: Sequence[Listening]
) -> NobodyWaits | WrongCorrelation:
    if not waiting:
        return NobodyWaits(
            f"nothing in {run.number} waits for “{sent.name}” now",
            resolver="wait until the batch has come there, or have the message kept",
        )
    wanted = ", ".join(_wanted(place) for place in waiting)
    return WrongCorrelation(
        f"{run.number} waits for “{sent.name}” with {wanted}, not {sent.correlation or 'without'}",
        resolver="who sent it: it is meant for something else",
    )


def _wanted(place: Listening) -> str:
    if not place.correlated:
        return "no correlation"
    return place.correlation or "a value that is not known yet"


def _labels(waiting: Sequence[Listening], elements: Sequence[str]) -> tuple[str, ...]:
    names = {place.element: place.label for place in waiting}
    return tuple(names.get(element, element) for element in elements)


def _open(session: Session, run: ProcedureRun) -> frozenset[str]:
    return frozenset(task.path for task in flow.open_tasks(session, run.stream))


def _newly(session: Session, run: ProcedureRun, before: frozenset[str]) -> tuple[str, ...]:
    now = flow.open_tasks(session, run.stream)
    return tuple(task.step.key for task in now if task.path not in before)


def _told(sent: FromOutside, effect: Effect) -> dict[str, object]:
    """What the entry says; empty parts are left out."""
    told = {
        "name": sent.name,
        "sender": sent.sender.strip(),
        "correlation": sent.correlation,
        "payload": {name: text.strip() for name, text in sorted(sent.payload.items())},
        "released": list(effect.released),
        "opened": list(effect.opened),
        "kept_until": effect.kept_until.isoformat() if effect.kept_until else None,
    }
    return {name: value for name, value in told.items() if value}
