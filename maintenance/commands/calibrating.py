"""Calibrations: signed by who performed them, checked by a second person (URS-EQP-040).

An instrument that failed as found is told with every record that used it since it was last known
good; one that failed as left is overdue at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from audit import canonical, trail
from audit.signatures import SignedContent
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from hardware import equipment_commands as plant
from hardware import queries as units
from hardware.words import LogKind, Verdict
from maintenance import queries, rules
from maintenance.commands.signed import draw_number, performer_of, seal
from maintenance.errors import WorkNotInState
from maintenance.events import CalibrationFailed
from maintenance.models import CalibrationRecord, EntryState, Series
from personnel import permissions
from personnel import queries as people
from personnel.signing import Confirmation


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrate:
    """The result of a calibration, with the number of its certificate."""

    equipment: str
    performed_at: datetime
    due_at: datetime
    as_found: Verdict
    as_left: Verdict
    certificate: str
    remark: str | None = None


def calibrate(
    session: Session,
    command: Calibrate,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Record a calibration, signed ``performed``; it counts for the instrument at once.

    Raises NotPermitted, CalibrationIncomplete, UnknownEquipment.
    """
    role = permissions.require(session, by, "calibration.record")
    rules.check_calibration(command.certificate, command.performed_at, command.due_at, at)
    since = units.equipment(session, command.equipment).calibration_last_good
    affected = _affected(session, command, since)
    number = draw_number(session, Series.CALIBRATION, by=by)
    shown = _content(number, command, affected)
    with trail.act(
        session, "calibration.performed", stream=_stream(number), by=by, object=number
    ) as act:
        sealed = seal(
            session, signed_by, shown, meaning="performed", role=role, act=act,
            rehearsal=rehearsal,
        )  # fmt: skip
        row = plant.record_calibration(
            session,
            command.equipment,
            performed_at=command.performed_at,
            due_at=command.due_at,
            as_found=command.as_found,
            as_left=command.as_left,
            certificate=command.certificate,
            remark=command.remark,
            by=by,
            at=at,
        )
        session.add(
            CalibrationRecord(
                number=number,
                equipment=command.equipment,
                calibration_id=row.id,
                state=EntryState.PERFORMED,
                as_found=command.as_found.value,
                as_left=command.as_left.value,
                certificate=command.certificate.strip(),
                performed_at=command.performed_at,
                due_at=command.due_at,
                performed_by=by.id,
                performed_role=role,
                affected=affected,
                signature_id=sealed,
            )
        )
    if command.as_found is Verdict.FAIL:
        _tell_failure(session, number, command, since, affected, by, at)
    return shown


def _affected(session: Session, command: Calibrate, since: datetime | None) -> list[str]:
    if command.as_found is Verdict.PASS:
        return []
    return queries.records_that_used(session, command.equipment, since, command.performed_at)


def _tell_failure(
    session: Session,
    number: str,
    command: Calibrate,
    since: datetime | None,
    affected: list[str],
    by: Actor,
    at: datetime,
) -> None:
    publish(
        session,
        CalibrationFailed(
            equipment=command.equipment,
            calibration=number,
            last_good_before=since,
            records=tuple(affected),
            by=by,
            at=at,
        ),
    )


def verify_calibration(
    session: Session,
    number: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """A second person signs (``verified``) that certificate and entry agree; the log has its line.

    Raises NotIndependent, WorkNotInState, NotPermitted.
    """
    role = permissions.require(session, by, "step.approve")
    found = queries.calibration(session, number)
    if found.state != EntryState.PERFORMED:
        raise WorkNotInState(f"{number} is {found.state}", resolver="nobody: it is verified")
    people.require_independent(session, by.id, [found.performed_by])
    shown = _content(number, _command_of(found), list(found.affected))
    with trail.act(
        session, "calibration.verified", stream=_stream(number), by=by, object=number
    ) as act:
        found.verification_id = seal(
            session, signed_by, shown, meaning="verified", role=role, act=act,
            prior=found.signature_id, rehearsal=rehearsal,
        )  # fmt: skip
        found.state, found.verified_at, found.verified_by = EntryState.VERIFIED, at, by.id
        session.flush()
        _log(session, found, by, at)
    return shown


def _log(session: Session, found: CalibrationRecord, by: Actor, at: datetime) -> None:
    plant.add_log_line(
        session,
        found.equipment,
        kind=LogKind.CALIBRATION,
        started_at=found.performed_at,
        ended_at=found.performed_at,
        performer=performer_of(session, found.performed_by, found.performed_role),
        checker=by,
        checked_at=at,
        in_record=f"calibration/{found.number}",
        remark=f"as found {found.as_found}, as left {found.as_left}, {found.certificate}",
        by=by,
        at=at,
    )


def _command_of(found: CalibrationRecord) -> Calibrate:
    return Calibrate(
        equipment=found.equipment,
        performed_at=found.performed_at,
        due_at=found.due_at,
        as_found=Verdict(found.as_found),
        as_left=Verdict(found.as_left),
        certificate=found.certificate,
    )


def _content(number: str, command: Calibrate, affected: list[str]) -> SignedContent:
    return SignedContent(
        record=f"calibration/{number}",
        object=number,
        version=1,
        content={
            "kind": "calibration",
            "number": number,
            "equipment": command.equipment,
            "performed_at": canonical.moment_text(command.performed_at),
            "due_at": canonical.moment_text(command.due_at),
            "as_found": command.as_found.value,
            "as_left": command.as_left.value,
            "certificate": command.certificate.strip(),
            "affected": affected,
        },
    )


def _stream(number: str) -> Stream:
    return Stream("calibration", number)
