"""What a record says about itself for the release: collected here, judged by `quality.rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.sites import SiteMode, the_site
from ebr import queries as records
from ebr import rules as record_rules
from ebr.models import (
    Attachment,
    ExceptionCase,
    ExceptionState,
    ParameterValue,
    ProcedureRun,
    StepRecord,
    StepSignature,
    StepState,
)
from hardware import queries as plant
from hardware.models import Calibration, Reading
from hardware.words import Cleaning, Verdict
from personnel import queries as people
from quality import queries
from quality.models import DeviationState, ReviewKind
from quality.rules import CertificateFacts, Deed, RecordFacts, YieldFacts, took_part
from workflows import queries as definitions
from workflows.model import Procedure
from workflows.step import Step, in_language
from workflows.words import Approval, DataType, SignatureMode, StepKind, Tier

CLOSED = (StepState.COMPLETE, StepState.CANCELLED)
Values = Mapping[UUID, Mapping[str, Sequence[ParameterValue]]]


def of_record(session: Session, run: ProcedureRun) -> RecordFacts:
    """Everything about a record that a release decision looks at."""
    procedure = definitions.load(session, run.file_digest)
    steps = records.steps(session, run)
    values = _values(session, run)
    cases = records.exceptions(session, run)
    deviations = queries.deviations(session, record=run.stream)
    signed, missing = _signatures(session, run, procedure, steps)
    judged = [v for codes in values.values() for vs in codes.values() for v in vs if v.limits]
    return RecordFacts(
        run_state=run.state,
        steps=len(steps),
        open_steps=tuple(_label(step) for step in steps if step.state not in CLOSED),
        signatures=signed,
        missing_signatures=missing,
        judged=len(judged),
        not_judged=tuple(v.code for v in judged if v.number is not None and v.verdict is None),
        yields=_yields(procedure, steps, values, cases),
        exceptions=len(cases),
        undecided=tuple(case.number for case in cases if case.state == ExceptionState.OPEN),
        uncommented=uncommented(cases),
        deviations=len(deviations),
        open_deviations=tuple(d.number for d in deviations if d.state == DeviationState.OPEN),
        equipment=len(records.equipment_uses(session, run)),
        equipment_problems=_equipment_problems(session, run),
        certificate=_certificate(procedure, steps, values, cases),
        production_review=queries.review_facts(
            queries.review(session, run.stream, ReviewKind.PRODUCTION)
        ),
        quality_review=queries.review_facts(
            queries.review(session, run.stream, ReviewKind.QUALITY)
        ),
        audit_trail=queries.audit_trail_facts(session, run.stream),
        simulated=_simulated(session, run),
        demonstration=the_site(session).mode == SiteMode.DEMONSTRATION,
    )


def uncommented(cases: Sequence[ExceptionCase]) -> tuple[int, ...]:
    """Numbers of the exceptions that wait for a decision and that nobody has commented yet."""
    return tuple(
        case.number for case in cases if case.state == ExceptionState.OPEN and not case.comment
    )


def people_who_took_part(session: Session, run: ProcedureRun) -> list[str]:
    """Badges of the people who took part in production of this record (URS-REL-040).

    Whoever the record names who is no person (worker, gateway) is left out.
    """
    procedure = definitions.load(session, run.file_digest)
    steps = {step.id: step for step in records.steps(session, run)}
    deeds: list[Deed] = []
    for step in steps.values():
        of_unit = is_disposition(procedure.step(step.key))
        deeds += [Deed(b, of_unit) for b in (step.started_by, step.performed_by) if b]
    for signed in _signed(session, run):
        spec = procedure.step(steps[signed.step_id].key)
        deeds.append(Deed(signed.signer, _signs_for_quality(spec, signed.part)))
    for step_id, badge in _entered(session, run):
        deeds.append(Deed(badge, is_disposition(procedure.step(steps[step_id].key))))
    known = [people.find(session, badge) for badge in sorted(took_part(deeds))]
    return [person.badge for person in known if person is not None]


def is_disposition(spec: Step) -> bool:
    """Whether the step is a decision of the quality unit about material, no production step."""
    return spec.signature.mode is SignatureMode.QUALITY


def is_certificate(spec: Step) -> bool:
    """Whether the step takes in the certificate of analysis: an entry of the laboratory that asks
    for its file."""
    asks_file = any(p.data_type is DataType.FILE and p.required for p in spec.parameters)
    return spec.kind is StepKind.ENTRY and spec.role == "QC" and asks_file


def _signs_for_quality(spec: Step, part: str) -> bool:
    if part == "approver":
        return spec.signature.approval is Approval.QUALITY
    return is_disposition(spec)


def _signed(session: Session, run: ProcedureRun) -> Sequence[StepSignature]:
    return session.scalars(
        select(StepSignature)
        .join(StepRecord, StepRecord.id == StepSignature.step_id)
        .where(StepRecord.run_id == run.id)
    ).all()


def _entered(session: Session, run: ProcedureRun) -> list[tuple[UUID, str]]:
    values = session.execute(
        select(ParameterValue.step_id, ParameterValue.recorded_by)
        .join(StepRecord, StepRecord.id == ParameterValue.step_id)
        .where(StepRecord.run_id == run.id)
        .distinct()
    )
    files = session.execute(
        select(Attachment.step_id, Attachment.by).where(
            Attachment.run_id == run.id, Attachment.step_id.is_not(None)
        )
    )
    found = [(step_id, by) for step_id, by in values]
    return found + [(step_id, by) for step_id, by in files if step_id is not None]


def _values(session: Session, run: ProcedureRun) -> Values:
    rows = session.scalars(
        select(ParameterValue)
        .join(StepRecord, StepRecord.id == ParameterValue.step_id)
        .where(StepRecord.run_id == run.id)
        .order_by(ParameterValue.code, ParameterValue.position, ParameterValue.revision)
    )
    by_step: dict[UUID, list[ParameterValue]] = {}
    for value in rows:
        by_step.setdefault(value.step_id, []).append(value)
    return {step_id: records.in_force(found) for step_id, found in by_step.items()}


def _label(step: StepRecord) -> str:
    return step.key if step.occurrence == 1 else f"{step.key} ({step.occurrence})"


def _signatures(
    session: Session, run: ProcedureRun, procedure: Procedure, steps: Sequence[StepRecord]
) -> tuple[int, tuple[str, ...]]:
    there = {(s.step_id, s.revision, s.part) for s in _signed(session, run)}
    count, missing = 0, []
    for step in steps:
        if step.state == StepState.CANCELLED:
            continue
        for part in record_rules.parts_due(procedure.step(step.key).signature):
            if (step.id, step.revision, part) in there:
                count += 1
            else:
                missing.append(f"{_label(step)} {part}")
    return count, tuple(missing)


def _yields(
    procedure: Procedure,
    steps: Sequence[StepRecord],
    values: Values,
    cases: Sequence[ExceptionCase],
) -> tuple[YieldFacts, ...]:
    open_at = {case.step_id for case in cases if case.state == ExceptionState.OPEN}
    found = []
    for step in steps:
        spec = procedure.step(step.key)
        if spec.kind is not StepKind.YIELD or step.state == StepState.CANCELLED:
            continue
        for codes in values.get(step.id, {}).values():
            found += [
                YieldFacts(
                    name=f"{_label(step)} {_called(spec, value.code)}",
                    text=f"{value.text} {value.unit or ''}".strip(),
                    verdict=value.verdict,
                    decided=step.id not in open_at,
                )
                for value in codes
                if value.verdict is not None
            ]
    return tuple(found)


def _called(spec: Step, code: str) -> str:
    found = next((each for each in spec.parameters if each.code == code), None)
    return (in_language(found.labels, "en") if found else "") or code.replace("_", " ")


def _certificate(
    procedure: Procedure,
    steps: Sequence[StepRecord],
    values: Values,
    cases: Sequence[ExceptionCase],
) -> CertificateFacts:
    asked = any(is_certificate(spec) for spec in procedure.steps())
    there = [
        step
        for step in steps
        if step.performed_at is not None and is_certificate(procedure.step(step.key))
    ]
    if not there:
        return CertificateFacts(asked=asked, present=False)
    current = [v for vs in values.get(there[-1].id, {}).values() for v in vs]
    beyond = tuple(v.code for v in current if v.verdict == Tier.REGISTERED.value)
    still_open = any(c.step_id == there[-1].id and c.state == ExceptionState.OPEN for c in cases)
    judged = [v for v in current if v.data_type != DataType.FILE.value]
    return CertificateFacts(
        asked=asked,
        present=True,
        values=len(judged),
        beyond=beyond,
        decided=not still_open,
    )


def _equipment_problems(session: Session, run: ProcedureRun) -> tuple[str, ...]:
    found = []
    for step, use in records.equipment_uses(session, run):
        used_at = step.performed_at or step.started_at or step.ready_at
        if use.calibration_due is not None and use.calibration_due < used_at.date().isoformat():
            found.append(f"{use.equipment} at {_label(step)}: overdue since {use.calibration_due}")
        if step.kind == StepKind.BIND.value and use.state not in (
            Cleaning.CLEAN.value,
            Cleaning.NOT_APPLICABLE.value,
        ):
            found.append(f"{use.equipment} was {use.state.replace('_', ' ')} at {_label(step)}")
    return tuple(dict.fromkeys([*found, *_failed_as_found(session, run)]))


def _failed_as_found(session: Session, run: ProcedureRun) -> list[str]:
    """Instruments found wrong after their use, since a time before it (URS-EQP-040)."""
    used: dict[str, list[StepRecord]] = {}
    for step, use in records.equipment_uses(session, run):
        used.setdefault(use.equipment, []).append(step)
    found = []
    for equipment, steps in used.items():
        failures = [
            row
            for row in plant.calibrations(session, equipment)
            if row.as_found == Verdict.FAIL.value
        ]
        doubtful = [step for step in steps if any(_doubts(row, step) for row in failures)]
        if doubtful and not queries.is_settled(session, equipment):
            found.append(f"{equipment} failed as found after {_label(doubtful[-1])}")
    return found


def _doubts(failure: Calibration, step: StepRecord) -> bool:
    used_at = step.performed_at or step.ready_at
    since = failure.last_good_before
    return used_at <= failure.performed_at and (since is None or since <= used_at)


def _simulated(session: Session, run: ProcedureRun) -> tuple[str, ...]:
    if the_site(session).mode != SiteMode.GMP:
        return ()
    rows = session.scalars(
        select(Reading.tag)
        .where(Reading.record == run.stream, Reading.simulated.is_(True))
        .distinct()
        .order_by(Reading.tag)
    )
    return tuple(rows)
