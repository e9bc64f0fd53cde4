"""A cleaning worked step by step: a run of the unit's cleaning procedure with its own record.

A unit whose property ``cleaning_procedure`` names a procedure (``CLN-004``) is cleaned by a run of
its effective version; any other by the signed entry of `maintenance.commands.cleaning`. Only the
end of the run makes the unit clean, and only when

- two people have signed a step of it, the last such step counting as who cleaned and who verified;
- no exception of the run waits for a release, and of each step that two people signed the last
  performance has no finding (out of a limit, not accepted, not applicable) that nobody decided,
  and nothing that the quality unit refused.

A finding of an earlier round does not count: the procedure went round again. What is merely minor
elsewhere (a gap in a trend) does not count either: its recipe lets the flow go on. In any other
case, and when the run is stopped or aborted, the unit is to be cleaned, its dirty hold going on
(211.67, 211.182; URS-EQP-020, URS-EQP-030).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.models import Signature
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr import queries as records
from ebr.commands import runs
from ebr.commands.runs import NewRun
from ebr.events import RunEnded
from ebr.models import (
    ExceptionCase,
    ExceptionState,
    ProcedureRun,
    RunState,
    StepRecord,
    StepSignature,
)
from hardware import equipment_commands as plant
from hardware import queries as units
from hardware.models import Equipment
from hardware.words import LogKind
from maintenance import queries, rules
from maintenance.commands.signed import performer_of
from maintenance.errors import NoCleaningProcedure
from maintenance.events import UnitCleaned
from maintenance.models import CleaningRecord, EntryState
from workflows import queries as definitions
from workflows.durations import duration
from workflows.models import DefinitionVersion
from workflows.words import HoldAct

PROCEDURE = "cleaning_procedure"
"""Property of a unit: the code of the procedure that it is cleaned by."""
HOLD = "clean_hold"
"""Property of a unit: how long it stays clean, as an ISO 8601 duration."""
PERFORMER, VERIFIER = "performer", "verifier"
FINDINGS = frozenset({"out_of_limit", "not_accepted", "not_applicable"})
"""Types of exceptions that say what was found, so that somebody has to judge them."""
REFUSED = "not_accepted"
"""The decision of the quality unit against what happened."""


def procedure_for(session: Session, unit: Equipment, *, at: datetime) -> DefinitionVersion | None:
    """The effective version of the procedure that cleans the unit; None when it names none.

    Raises NoCleaningProcedure when the one it names is not effective.
    """
    code = unit.properties.get(PROCEDURE)
    if code is None:
        return None
    found = definitions.effective(session, code)
    if found is None:
        raise NoCleaningProcedure(
            f"{unit.number} is cleaned by {code}, which has no effective version",
            resolver="quality unit: approve it",
        )
    return definitions.startable(session, code, found.number, at=at)


def clean_hold(unit: Equipment) -> timedelta | None:
    """How long the unit stays clean by its properties; None when they say nothing."""
    text = unit.properties.get(HOLD)
    return None if text is None else duration(text)


def start(
    session: Session, number: str, version: DefinitionVersion, *, by: Actor, at: datetime
) -> None:
    """Open and start the run of a cleaning, inside the act that begins it."""
    header = definitions.load(session, version.file_digest).header
    run = runs.open_run(
        session,
        NewRun(
            number=number,
            stream=Stream("procedure", number),
            code=version.code,
            version_label=f"v{version.number}",
            title=header.title,
            language=header.language,
            file_digest=version.file_digest,
            content_digest=version.content_digest,
        ),
    )
    runs.start_run(session, run, by=by, at=at)


def end_cleaning(session: Session, ended: RunEnded) -> None:
    """At the end of its run a cleaning is done, or given up: a unit is clean only by steps that
    two people have signed and that leave no question open."""
    found = queries.cleaning_of_record(session, ended.record)
    if found is None:
        return
    run = queries.cleaning_run(session, found.number)
    signed = [] if run is None else _verified(session, run)
    doubts = [] if run is None else _doubts(session, run, signed)
    if run is None or not signed or doubts or ended.state != RunState.COMPLETE:
        _give_up(session, found, doubts, by=ended.by, at=ended.at)
    else:
        _finish(session, found, run, signed[-1], by=ended.by, at=ended.at)
    _give_free(session, found.number, by=ended.by, at=ended.at)


def _give_free(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    """The unit, and what it was cleaned with, are free for others; a part comes with its whole."""
    held = [unit for unit in units.equipment_list(session) if unit.allocated_to == number]
    mine = {unit.number for unit in held}
    for unit in held:
        if unit.parent not in mine:
            plant.release(session, unit.number, batch=number, by=by, at=at)


def _give_up(
    session: Session, found: CleaningRecord, doubts: Sequence[int], *, by: Actor, at: datetime
) -> None:
    stream = Stream("procedure", found.number)
    facts = {"exceptions": list(doubts)} if doubts else {}
    with trail.act(
        session, "cleaning.given_up", stream=stream, by=by, object=found.number, facts=facts
    ):
        found.state = EntryState.GIVEN_UP
        session.flush()
        plant.give_up_cleaning(session, found.equipment, in_record=found.number, by=by, at=at)


def _finish(
    session: Session,
    found: CleaningRecord,
    run: ProcedureRun,
    step: StepRecord,
    *,
    by: Actor,
    at: datetime,
) -> None:
    unit = units.equipment(session, found.equipment)
    until = rules.clean_until(_clean_since(session, run, step, unit.number), clean_hold(unit))
    stream = Stream("procedure", found.number)
    with trail.act(session, "cleaning.completed", stream=stream, by=by, object=found.number):
        performed, verified = (_signature(session, step, part) for part in (PERFORMER, VERIFIER))
        found.state, found.clean_until = EntryState.VERIFIED, until
        found.performed_at, found.performed_by = step.performed_at, performed.signer
        found.performed_role = performed.role
        found.verified_at, found.verified_by = verified.at, verified.signer
        found.signature_id, found.verification_id = performed.id, verified.id
        session.flush()
        plant.finish_cleaning(
            session, unit.number, clean_until=until, in_record=found.number, by=by, at=at
        )
        _log(session, found, run, verified, by=by, at=at)
    publish(
        session,
        UnitCleaned(equipment=unit.number, record=found.number, clean_until=until, by=by, at=at),
    )


def _log(
    session: Session,
    found: CleaningRecord,
    run: ProcedureRun,
    verified: Signature,
    *,
    by: Actor,
    at: datetime,
) -> None:
    plant.add_log_line(
        session,
        found.equipment,
        kind=LogKind.CLEANING,
        started_at=found.started_at,
        ended_at=at,
        performer=performer_of(session, found.performed_by or "", found.performed_role),
        checker=performer_of(session, verified.signer, verified.role),
        checked_at=verified.at,
        batch=found.previous_batch,
        product=found.previous_product,
        in_record=run.stream,
        remark=found.procedure,
        by=by,
        at=at,
    )


def _verified(session: Session, run: ProcedureRun) -> Sequence[StepRecord]:
    """The steps that a second person has verified as they stand, in the order of the record; the
    last one is the inspection or assembly of CLN-004."""
    return session.scalars(
        select(StepRecord)
        .join(StepSignature, StepSignature.step_id == StepRecord.id)
        .where(
            StepRecord.run_id == run.id,
            StepSignature.part == VERIFIER,
            StepSignature.revision == StepRecord.revision,
        )
        .order_by(StepRecord.ordinal)
    ).all()


def _doubts(session: Session, run: ProcedureRun, signed: Sequence[StepRecord]) -> list[int]:
    """The numbers of the exceptions that keep the unit from being clean."""
    last = {step.key: step.id for step in signed}
    counting = set(last.values())
    return [
        case.number
        for case in records.exceptions(session, run)
        if not case.released or (case.step_id in counting and _speaks_against(case))
    ]


def _speaks_against(case: ExceptionCase) -> bool:
    """Whether the quality unit refused what happened, or a finding is not decided yet. That the
    flow was let go on does not decide it."""
    if case.state == ExceptionState.OPEN:
        return case.type in FINDINGS
    return case.decision == REFUSED


def _signature(session: Session, step: StepRecord, part: str) -> Signature:
    return session.scalars(
        select(Signature)
        .join(StepSignature, StepSignature.signature_id == Signature.id)
        .where(
            StepSignature.step_id == step.id,
            StepSignature.revision == step.revision,
            StepSignature.part == part,
        )
    ).one()


def _clean_since(session: Session, run: ProcedureRun, verified: StepRecord, unit: str) -> datetime:
    """The clean hold counts from the last step that starts a hold of this unit (dried), else from
    the step that was verified: never from a later moment, and not from the hold of another unit."""
    procedure = definitions.load(session, run.file_digest)
    mine = {key for key, bound in records.bindings(session, run).items() if bound == unit}
    starting = [
        step.performed_at
        for step in records.steps(session, run)
        if step.performed_at is not None
        and any(
            hold.act is HoldAct.STARTS and hold.requirement in mine
            for hold in procedure.step(step.key).holds
        )
    ]
    return max(starting) if starting else _performed(verified)


def _performed(step: StepRecord) -> datetime:
    """When a step that was signed was performed: the record keeps it with the signature."""
    if step.performed_at is None:
        raise ValueError(f"{step.path} is signed, but was never performed")
    return step.performed_at
