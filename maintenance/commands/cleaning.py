"""A cleaning begun; as a signed entry performed and verified by two people, then it is clean.

A unit with a cleaning procedure is cleaned by a run of it instead (`cleaning_runs`).

Cleaner and verifier are two human beings, both qualified for the cleaning procedure; the log of
the unit gets one line (211.67, 211.182; URS-EQP-020, URS-EQP-030).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import trail
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr import rules as record_rules
from hardware import equipment_commands as plant
from hardware import queries as units
from hardware.models import Equipment
from hardware.words import Cleaning, LogKind
from maintenance import queries, rules
from maintenance.commands import cleaning_runs
from maintenance.commands.signed import draw_number, performer_of, seal
from maintenance.errors import NotToBeCleaned, UnitInUse, WorkNotInState
from maintenance.events import UnitCleaned
from maintenance.models import CleaningRecord, EntryState, Series
from personnel import permissions
from personnel import queries as people
from personnel.signing import Confirmation

SUBJECT = "SOP-150"
"""The procedure that cleaner and verifier are qualified for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCleaning:
    """Which unit is cleaned by which procedure."""

    equipment: str
    procedure: str = SUBJECT


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformCleaning:
    """What was done and found; `agent_lot` is the lot of the detergent, where one was used."""

    number: str
    result: str
    agent_lot: str | None = None


def start_cleaning(session: Session, command: StartCleaning, *, by: Actor, at: datetime) -> str:
    """Begin to clean a unit; answers the number of the cleaning (``CL-0312``).

    With a cleaning procedure of its own the first step is ready now. Raises NotPermitted,
    NotQualified, UnitInUse, NotToBeCleaned, NoCleaningProcedure.
    """
    _require_able(session, by, at)
    unit = units.equipment(session, command.equipment)
    _refuse_unless_cleanable(unit)
    version = cleaning_runs.procedure_for(session, unit, at=at)
    number = draw_number(session, Series.CLEANING, by=by)
    with trail.act(session, "cleaning.started", stream=_stream(number), by=by, object=number):
        session.add(
            CleaningRecord(
                number=number,
                equipment=unit.number,
                procedure=command.procedure if version is None else version.name,
                state=EntryState.STARTED,
                previous_batch=unit.last_batch,
                previous_product=unit.last_product,
                started_at=at,
                started_by=by.id,
            )
        )
        session.flush()
        plant.begin_cleaning(session, unit.number, in_record=number, by=by, at=at)
        if version is not None:
            cleaning_runs.start(session, number, version, by=by, at=at)
    return number


def _refuse_unless_cleanable(unit: Equipment) -> None:
    if unit.allocated_to is not None:
        raise UnitInUse(
            f"{unit.number} is in use by {unit.allocated_to}", resolver="shift supervisor"
        )
    if unit.cleaning in (Cleaning.NOT_APPLICABLE, Cleaning.IN_CLEANING):
        begun = unit.cleaning == Cleaning.IN_CLEANING
        raise NotToBeCleaned(
            f"{unit.number}: cleaning is {rules.said(unit.cleaning)}",
            resolver="who began the cleaning" if begun else "nobody: it needs no cleaning",
        )


def perform_cleaning(
    session: Session,
    command: PerformCleaning,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """The cleaner signs (``performed``); the unit is clean only when somebody else has verified."""
    role = _require_able(session, by, at)
    found = queries.cleaning(session, command.number)
    _require_state(found, EntryState.STARTED)
    _refuse_a_run(session, found)
    words = record_rules.need_reason(command.result, "what was cleaned and found")
    shown = _content(found, words, command.agent_lot)
    with trail.act(
        session, "cleaning.performed", stream=_stream(found.number), by=by, object=found.number
    ) as act:
        found.signature_id = seal(
            session, signed_by, shown, meaning="performed", role=role, act=act,
            rehearsal=rehearsal,
        )  # fmt: skip
        found.state, found.result, found.agent_lot = EntryState.PERFORMED, words, command.agent_lot
        found.performed_at, found.performed_by, found.performed_role = at, by.id, role
    return shown


def verify_cleaning(
    session: Session,
    number: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """A second person signs (``verified``): the unit is clean until its clean hold ends.

    Raises NotIndependent for the cleaner, WorkNotInState, NotPermitted, NotQualified.
    """
    role = _require_able(session, by, at)
    found = queries.cleaning(session, number)
    _require_state(found, EntryState.PERFORMED)
    people.require_independent(session, by.id, [found.performed_by or ""])
    unit = units.equipment(session, found.equipment)
    until = rules.clean_until(found.performed_at or at, cleaning_runs.clean_hold(unit))
    shown = _content(found, found.result or "", found.agent_lot)
    with trail.act(
        session, "cleaning.verified", stream=_stream(number), by=by, object=number
    ) as act:
        found.verification_id = seal(
            session, signed_by, shown, meaning="verified", role=role, act=act,
            prior=found.signature_id, rehearsal=rehearsal,
        )  # fmt: skip
        found.state, found.clean_until = EntryState.VERIFIED, until
        found.verified_at, found.verified_by = at, by.id
        session.flush()
        plant.finish_cleaning(
            session, unit.number, clean_until=until, in_record=number, by=by, at=at
        )
        _log(session, found, by, at)
    publish(
        session,
        UnitCleaned(equipment=unit.number, record=number, clean_until=until, by=by, at=at),
    )
    return shown


def _log(session: Session, found: CleaningRecord, by: Actor, at: datetime) -> None:
    plant.add_log_line(
        session,
        found.equipment,
        kind=LogKind.CLEANING,
        started_at=found.started_at,
        ended_at=found.performed_at or at,
        performer=performer_of(session, found.performed_by or "", found.performed_role),
        checker=by,
        checked_at=at,
        batch=found.previous_batch,
        product=found.previous_product,
        in_record=f"procedure/{found.number}",
        remark=found.result,
        by=by,
        at=at,
    )


def _require_able(session: Session, by: Actor, at: datetime) -> str:
    role = permissions.require(session, by, "equipment.clean")
    people.require_qualified(session, by.id, SUBJECT, at)
    return role


def _require_state(found: CleaningRecord, state: EntryState) -> None:
    if found.state != state:
        raise WorkNotInState(
            f"{found.number} is {found.state}, not {state.value}", resolver="the cleaning entry"
        )


def _refuse_a_run(session: Session, found: CleaningRecord) -> None:
    if queries.cleaning_run(session, found.number) is not None:
        raise WorkNotInState(
            f"{found.number} is worked step by step by {found.procedure}",
            resolver="the steps of its record",
        )


def _content(found: CleaningRecord, result: str, agent_lot: str | None) -> SignedContent:
    return SignedContent(
        record=f"procedure/{found.number}",
        object=found.number,
        version=1,
        content={
            "kind": "cleaning",
            "number": found.number,
            "equipment": found.equipment,
            "procedure": found.procedure,
            "previous_batch": found.previous_batch,
            "previous_product": found.previous_product,
            "agent_lot": agent_lot,
            "result": result,
        },
    )


def _stream(number: str) -> Stream:
    return Stream("procedure", number)
