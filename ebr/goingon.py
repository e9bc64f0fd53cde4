"""What lets a held batch go on, and who may do it: every blocked state shows its way (W5, issue 3).

A critical exception needs the quality unit, a major one the supervisor. Where the engine itself
cannot go on, the supervisor first says by which way, signed, and the quality unit's decision about
that exception carries it out (URS-DEV-020: exception, reason, supervisor, deviation, decision).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from core.actors import Actor
from ebr import queries
from ebr.models import ExceptionCase, ProcedureRun, RunState, StepState
from engine import detours
from engine.detours import Blockage
from workflows.words import Severity

FLOW = "flow"
"""The type of the exceptions that the engine raises when it cannot go on."""
UNPLANNED = "unplanned"
"""The type of the exceptions with which a supervisor proposes to leave the plan."""
PROPOSAL = "proposal"
ENDING = "batch.stop"
RELEASING = {Severity.MAJOR: "exception.decide_major", Severity.CRITICAL: "exception.dispose"}
PROPOSING = "step.unplanned"


class Act(StrEnum):
    """What somebody can do so that a batch goes on."""

    PROPOSE = "propose"
    """Say by which way the flow leaves a place that the recipe does not lead out of."""
    RELEASE = "release"
    """Decide about an exception: the flow goes on."""
    RESTART = "restart"
    """Restart a batch that a person has held."""
    END = "end"
    """Stop or abort: from a place that the recipe leads nowhere out of there is no other way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAct:
    """One thing to be done next, with the permission that it needs."""

    act: Act
    permission: str
    case: ExceptionCase | None = None
    blockage: Blockage | None = None


def next_acts(session: Session, run: ProcedureRun, *, at: datetime) -> list[NextAct]:
    """What must be done so that the batch goes on, in this order; nothing when nothing holds it."""
    if run.state not in (RunState.RUNNING, RunState.HELD):
        return []
    waiting = [case for case in queries.exceptions(session, run) if not case.released]
    found = [act for case in waiting for act in _for(session, run, case, at)]
    critical = any(case.severity == Severity.CRITICAL for case in waiting)
    if run.state == RunState.HELD and not critical:
        found.append(NextAct(act=Act.RESTART, permission="batch.restart"))
    return found


def _for(
    session: Session, run: ProcedureRun, case: ExceptionCase, at: datetime
) -> Iterator[NextAct]:
    blockage = blockage_of(session, run, case, at=at)
    if blockage is not None and blockage.ways and proposal_of(case) is None:
        yield NextAct(act=Act.PROPOSE, permission=PROPOSING, case=case, blockage=blockage)
    if is_dead_end(blockage):
        yield NextAct(act=Act.END, permission=ENDING, case=case, blockage=blockage)
        return
    permission = RELEASING[Severity(case.severity)]
    yield NextAct(act=Act.RELEASE, permission=permission, case=case, blockage=blockage)


def blockage_of(
    session: Session, run: ProcedureRun, case: ExceptionCase, *, at: datetime
) -> Blockage | None:
    """The place that an exception of the flow is about, while the engine still holds there."""
    if case.type != FLOW:
        return None
    path = case.facts.get("path")
    found = detours.blockages(session, run.stream, at=at)
    return next((each for each in found if each.path == path), None)


def proposal_of(case: ExceptionCase) -> dict[str, Any] | None:
    """The way that the supervisor has proposed: ``way``, ``label``, ``reason``, ``by``; or None."""
    found: dict[str, Any] | None = case.facts.get(PROPOSAL)
    return found


def is_open_proposal(case: ExceptionCase) -> bool:
    """Whether the exception proposes to leave the plan and the quality unit has not decided."""
    return case.type == UNPLANNED and not case.released


def needs_way(blockage: Blockage | None) -> bool:
    """Whether trying again cannot help: the recipe itself ends there, or has no way on."""
    return blockage is not None and blockage.kind in ("error_uncaught", "no_flow")


def is_dead_end(blockage: Blockage | None) -> bool:
    """Whether a way is needed and there is none: nobody's decision can let the batch go on."""
    return blockage is not None and needs_way(blockage) and not blockage.ways


def take_decided_ways(session: Session, run: ProcedureRun, *, by: Actor, at: datetime) -> None:
    """Leave each held place by the way proposed and decided; inside the act of the restart."""
    held = {each.path for each in detours.blockages(session, run.stream, at=at)}
    for case in queries.exceptions(session, run):
        proposal = proposal_of(case) if case.type == FLOW and case.released else None
        if proposal is not None and case.facts["path"] in held:
            detours.take(session, run.stream, case.facts["path"], proposal["way"], by=by, at=at)
            held.remove(case.facts["path"])
        elif case.type == UNPLANNED and case.released:
            _leave_plan(session, run, case, by=by, at=at)


def _leave_plan(
    session: Session, run: ProcedureRun, case: ExceptionCase, *, by: Actor, at: datetime
) -> None:
    """Carry out what was proposed and decided, once: the step is not performed any more."""
    step, proposal = case.step, proposal_of(case)
    done = step is None or step.state not in (StepState.READY, StepState.STARTED)
    if step is None or done or proposal is None or "refused" in proposal:
        return
    detours.leave_step(session, run.stream, step.path, proposal["way"], by=by, at=at)
    step.ended_by = f"left as decided in exception {case.number}"
    session.flush()
