"""Ending a batch before its end: stop in order, abort at once (W5, ISA-88, URS-EXE-080).

Signed by the supervisor with a reason from the list and in words; an abort also with the number
typed. Steps and times end, units become free and are to be cleaned, material stays where it is
with its status, all in one transaction (URS-REC-030). The record stays and is reviewed and decided
by the quality unit like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from ebr import consequences, holds, queries, rules
from ebr.commands import runs, steps
from ebr.consequences import Consequence
from ebr.context import raise_exception
from ebr.errors import NumberNotTyped, ReasonNeeded, RunNotRunning
from ebr.models import ProcedureRun, RunState
from engine import commands as engine
from hardware import commands as plant
from personnel import permissions, signing
from personnel.signing import Confirmation
from workflows.words import Severity

MEANING = "approved"


class Ending(StrEnum):
    """How a batch ends before its end."""

    STOP = "stop"
    """In order: what is under way was brought to an end before."""
    ABORT = "abort"
    """At once, whatever is under way."""


class Cause(StrEnum):
    """Why a batch is ended; the list of reasons."""

    PRODUCT_QUALITY = "product_quality"
    EQUIPMENT_FAILURE = "equipment_failure"
    UNSUITABLE_MATERIAL = "unsuitable_material"
    UTILITY_FAILURE = "utility_failure"
    SAFETY = "safety"
    PLANNING = "planning"
    OTHER = "other"

    @property
    def words(self) -> str:
        """As the record says it."""
        return self.value.replace("_", " ")


PERMISSIONS = {Ending.STOP: "batch.stop", Ending.ABORT: "batch.abort"}
STATES = {Ending.STOP: RunState.STOPPED, Ending.ABORT: RunState.ABORTED}
SEVERITIES = {Ending.STOP: Severity.MAJOR, Ending.ABORT: Severity.CRITICAL}
"""An abort opens its deviation like every critical exception (URS-DEV-020)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRun:
    """End a record: how, why from the list, what happened in words, and its number as typed."""

    record: str
    how: Ending
    cause: Cause
    text: str
    typed: str = ""


def end_run(
    session: Session,
    command: EndRun,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Stop or abort a running or HELD batch; answers what was signed, consequences included.

    Raises NotPermitted, RunNotRunning, ReasonNeeded, NumberNotTyped (abort), SignatureNeeded.
    """
    run = queries.run_of(session, command.record)
    permissions.require(session, by, PERMISSIONS[command.how])
    words = _checked(run, command)
    found = consequences.of(session, run)
    shown = _content(run, command, words, found)
    state = STATES[command.how]
    with trail.act(
        session,
        f"run.{state}",
        stream=Stream.parse(run.stream),
        by=by,
        object=run.number,
        reason=words,
        facts={"consequences": [asdict(each) for each in found]},
    ) as act:
        if not rehearsal:
            given = steps.require_confirmation(signed_by, run.number, MEANING)
            signing.seal(
                session, given, shown, meaning=MEANING, role=by.role, reason=words, act=act
            )
        _end(session, run, command.how, words, by=by, at=at)
    return shown


def content_of(session: Session, command: EndRun) -> SignedContent:
    """What the signature of the supervisor covers; refuses like `end_run`, whoever asks."""
    run = queries.run_of(session, command.record)
    return _content(run, command, _checked(run, command), consequences.of(session, run))


def _content(
    run: ProcedureRun, command: EndRun, words: str, found: Sequence[Consequence]
) -> SignedContent:
    return SignedContent(
        record=run.stream,
        object=f"end of {run.number}",
        version=run.version,
        content={
            "kind": "run_end",
            "record": run.number,
            "command": command.how.value,
            "reason": words,
            "consequences": [f"{each.what}: {each.then}" for each in found],
        },
    )


def _checked(run: ProcedureRun, command: EndRun) -> str:
    """The reason in words, once everything that the command needs is there."""
    if run.state not in (RunState.RUNNING, RunState.HELD):
        planned = run.state in (RunState.PLANNED, RunState.ISSUED)
        raise RunNotRunning(
            f"{run.number} is {run.state}",
            resolver="shift supervisor: cancel it" if planned else "nobody: it has ended",
        )
    if command.how is Ending.ABORT and command.typed.strip().upper() != run.number.upper():
        raise NumberNotTyped(
            f"to abort {run.number}, its number must be typed",
            resolver="the person who aborts",
            field="typed",
        )
    text = rules.need_reason(command.text, f"{command.how} of a batch")
    if command.cause is Cause.OTHER and len(text.split()) < 2:
        raise ReasonNeeded("another reason needs a sentence", resolver="the person who acts")
    return f"{command.cause.words}: {text}"


def _end(
    session: Session, run: ProcedureRun, how: Ending, words: str, *, by: Actor, at: datetime
) -> None:
    state = STATES[how]
    run.state, run.problem = state, f"{state}: {words}"
    session.flush()
    _note(session, run, how, words, by=by, at=at)
    give = engine.stop if how is Ending.STOP else engine.abort
    give(session, Stream.parse(run.stream), reason=words, by=by, at=at)
    plant.withdraw_writes(session, run.stream, f"{run.number} was {state}", by=by, at=at)
    for hold in consequences.open_times(session, run):
        holds.end_row(session, hold, step=None, by=by, at=at)
    runs.ended(session, run, state, by=by, at=at)


def _note(
    session: Session, run: ProcedureRun, how: Ending, words: str, *, by: Actor, at: datetime
) -> None:
    """The exception of the end: nothing is left to go on with, so it holds nothing."""
    state = STATES[how]
    case = raise_exception(
        session,
        run,
        None,
        f"run_{state}",
        SEVERITIES[how],
        f"{run.number} was {state}: {words}",
        facts={"command": how.value, "by": by.id},
        by=by,
        at=at,
    )
    case.released, case.comment, case.commented_by = True, words, by.id
    session.flush()
