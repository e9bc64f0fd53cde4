"""How often exceptions come back, over all records (URS-DEV-040).

Exceptions are counted by type, step, unit or product, by severity and by month of the site's
calendar. Counting is pure; `cases` reads everything in three statements, however many there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import local
from core.db import site_of
from ebr.models import ExceptionCase, ExceptionState, ProcedureRun, StepEquipment, StepRecord
from quality.models import Deviation

SEVERITIES = ("critical", "major", "minor", "information")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One exception of any record; `deviation` is the number it led to or came of, or empty.

    `digest` is that of the definition, where the step's key has its name.
    """

    record: str
    batch: str
    digest: str
    number: int
    type: str
    severity: str
    state: str
    text: str
    step: str
    units: tuple[str, ...]
    deviation: str
    decision: str
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How often one thing occurred: by severity, in how many records, how many undecided."""

    what: str
    by_severity: Mapping[str, int]
    records: int
    undecided: int
    last: datetime

    @property
    def total(self) -> int:
        """All severities together."""
        return sum(self.by_severity.values())


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the site's calendar, ``2026-03``, with its exceptions by severity."""

    name: str
    by_severity: Mapping[str, int]

    @property
    def total(self) -> int:
        """All severities together."""
        return sum(self.by_severity.values())


def cases(session: Session) -> list[Case]:
    """Every exception of every record, the latest first."""
    rows = session.execute(
        select(ExceptionCase, ProcedureRun, StepRecord.key)
        .join(ProcedureRun, ExceptionCase.run_id == ProcedureRun.id)
        .outerjoin(StepRecord, ExceptionCase.step_id == StepRecord.id)
        .where(ExceptionCase.site_id == site_of(session))
        .order_by(ExceptionCase.raised_at.desc(), ProcedureRun.number, ExceptionCase.number)
    ).all()
    units, deviations = _units(session), _deviations(session)
    return [
        Case(
            record=run.stream,
            batch=run.number,
            digest=run.file_digest,
            number=case.number,
            type=case.type,
            severity=case.severity,
            state=case.state,
            text=case.text,
            step=key or "",
            units=units.get(case.step_id, ()) if case.step_id else (),
            deviation=deviations.get((run.stream, case.number)) or _cause(case),
            decision=case.decision or "",
            raised_at=case.raised_at,
        )
        for case, run, key in rows
    ]


def _cause(case: ExceptionCase) -> str:
    """The deviation that an exception says it came of, as the mark of a wrong clock does."""
    return str((case.facts or {}).get("deviation", ""))


def concerned(session: Session, deviation: str) -> list[Case]:
    """Exceptions of records that led to a deviation or came of it, the latest first."""
    return [case for case in cases(session) if case.deviation == deviation]


def _units(session: Session) -> dict[UUID, tuple[str, ...]]:
    """The units that steps with an exception used."""
    site = site_of(session)
    asked = select(ExceptionCase.step_id).where(
        ExceptionCase.site_id == site, ExceptionCase.step_id.is_not(None)
    )
    found: dict[UUID, set[str]] = defaultdict(set)
    for step, unit in session.execute(
        select(StepEquipment.step_id, StepEquipment.equipment).where(
            StepEquipment.site_id == site, StepEquipment.step_id.in_(asked)
        )
    ):
        found[step].add(unit)
    return {step: tuple(sorted(named)) for step, named in found.items()}


def _deviations(session: Session) -> dict[tuple[str | None, int | None], str]:
    rows = session.execute(
        select(Deviation.record, Deviation.exception, Deviation.number).where(
            Deviation.site_id == site_of(session), Deviation.exception.is_not(None)
        )
    )
    return {(record, exception): number for record, exception, number in rows}


def tallies(found: Iterable[Case], named: Callable[[Case], Sequence[str]]) -> list[Tally]:
    """Counts by what `named` answers for a case, the most frequent first.

    A case with several names (the units of a step) counts under each, one without any under none.
    """
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in found:
        for name in named(case):
            groups[name].append(case)
    counted = [_tally(name, group) for name, group in groups.items()]
    return sorted(counted, key=lambda tally: (-tally.total, tally.what))


def _tally(what: str, group: Sequence[Case]) -> Tally:
    return Tally(
        what=what,
        by_severity=_by_severity(group),
        records=len({case.record for case in group}),
        undecided=sum(case.state == ExceptionState.OPEN for case in group),
        last=max(case.raised_at for case in group),
    )


def months(found: Sequence[Case], zone: str) -> list[Month]:
    """Every month from the first exception to the last; one without any is there with none."""
    groups: dict[tuple[int, int], list[Case]] = defaultdict(list)
    for case in found:
        groups[_month(case.raised_at, zone)].append(case)
    if not groups:
        return []
    year, month = min(groups)
    every = []
    while (year, month) <= max(groups):
        here = groups.get((year, month), [])
        every.append(Month(f"{year}-{month:02d}", _by_severity(here)))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return every


def month_of(case: Case, zone: str) -> str:
    """The month of a case in the site's calendar."""
    year, month = _month(case.raised_at, zone)
    return f"{year}-{month:02d}"


def _month(moment: datetime, zone: str) -> tuple[int, int]:
    there = local(moment, zone)
    return there.year, there.month


def _by_severity(group: Iterable[Case]) -> dict[str, int]:
    counted = Counter(case.severity for case in group)
    return {severity: counted[severity] for severity in SEVERITIES}
