"""Reactions of the record to facts, in the same transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from core.actors import Actor
from core.house import moment
from ebr import queries
from ebr.commands import runs
from ebr.context import StepContext
from ebr.events import ExceptionRaised
from ebr.kinds.base import live_tags
from ebr.models import ProcedureRun, RunState, StepRecord, StepState
from ebr.opening import context_of
from hardware.events import LinkRestored
from workflows.durations import duration
from workflows.words import Occasion, Severity

GATEWAY = Actor.service("gateway", trigger="link restored")


def hold_on_critical(session: Session, raised: ExceptionRaised) -> None:
    """A critical exception holds the batch until the quality unit has decided (URS-DEV-020)."""
    if raised.severity != Severity.CRITICAL:
        return
    run = queries.run_of(session, raised.record)
    runs.hold(session, run, reason=raised.text, by=raised.by, at=raised.at)


def note_data_gap(session: Session, restored: LinkRestored) -> None:
    """A gap in the data of a step that was running raises its exception by length (URS-PRO-040)."""
    for step in _running_on(session, set(restored.equipment)):
        context = context_of(session, step.run, step, by=GATEWAY, at=restored.ended_at)
        start = max(restored.started_at, step.started_at or restored.started_at)
        _raise_gap(context, restored, start)


def _raise_gap(context: StepContext, restored: LinkRestored, start: datetime) -> None:
    length = restored.ended_at - start
    policies = [
        policy
        for policy in context.policy_for(Occasion.DATA_GAP)
        if length > duration(policy.after or "PT1S")
    ]
    if not policies:
        return
    worst = max(policies, key=lambda policy: duration(policy.after or "PT1S"))
    seconds = int(length.total_seconds())
    with trail.act(
        context.session,
        "data.gap",
        stream=context.stream,
        by=GATEWAY,
        object=context.step.path,
        facts={"device": restored.device},
    ):
        context.raise_exception(
            "data_gap",
            worst.severity,
            f"No data from {restored.device} for {seconds} s during {context.spec.name}",
            facts={
                "device": restored.device,
                "from": start.isoformat(),
                "to": restored.ended_at.isoformat(),
            },
        )


def _running_on(session: Session, units: set[str]) -> list[StepRecord]:
    rows = session.scalars(
        select(StepRecord)
        .join(ProcedureRun, StepRecord.run_id == ProcedureRun.id)
        .where(
            StepRecord.state == StepState.STARTED,
            ProcedureRun.state.in_((RunState.RUNNING, RunState.HELD)),
        )
    )
    return [step for step in rows if _units_of(session, step) & units]


def _units_of(session: Session, step: StepRecord) -> set[str]:
    context = context_of(session, step.run, step, by=GATEWAY, at=moment(session).site)
    return {tag.partition(".")[0] for tag in live_tags(context)}
