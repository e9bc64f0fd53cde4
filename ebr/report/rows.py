"""Everything that a view of a record is made of, read in a few queries whatever its size.

The entries of the stream are read up to the last one that changed the record: what was written
about copies of it (a document issued, a bundle exported) comes after and changes nothing.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import signatures, trail
from audit.models import Signature
from audit.streams import Stream
from core.sites import Site, the_site
from ebr import queries
from ebr.models import (
    Attachment,
    ExceptionCase,
    HoldTime,
    ParameterValue,
    ProcedureRun,
    Remark,
    StepEquipment,
    StepMaterial,
    StepRecord,
    StepSignature,
)
from ebr.report.stepmodel import Who
from workflows import queries as definitions
from workflows.model import Procedure
from workflows.step import Step, in_language

ABOUT_COPIES = frozenset(
    {
        "bundle.exported",
        "copy.accounted_for",
        "copy.issued",
        "document.issued",
        "document.stamped",
    }
)
"""Actions that tell about copies of a record and are no part of its content."""

OfStep = TypeVar("OfStep", ParameterValue, StepSignature, StepEquipment, StepMaterial)


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry of the stream, read, with the SHA-256 of its sealed bytes."""

    data: Mapping[str, Any]
    digest: str

    @property
    def rseq(self) -> int:
        """Its number in the stream."""
        return int(self.data["rseq"])

    @property
    def at(self) -> datetime:
        """Site time."""
        return datetime.fromisoformat(self.data["at"]).astimezone(UTC)

    @property
    def real_at(self) -> datetime:
        """Real time."""
        return datetime.fromisoformat(self.data["real_at"]).astimezone(UTC)

    @property
    def by(self) -> Who:
        """Who acted, as at that time."""
        return Who(id=self.data["actor"]["id"], name=self.data["actor"]["name"])


class PeopleThen:
    """Printed names as at a time: from the entries, never from today's list of people."""

    def __init__(self, entries: Iterable[SealedEntry], signed: Iterable[Signature]) -> None:
        self._known: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
        for entry in entries:
            self._learn(entry.by.id, entry.at, entry.by.name)
        for signature in signed:
            self._learn(signature.signer, signature.at, signature.printed_name)
        for names in self._known.values():
            names.sort()

    def _learn(self, badge: str, at: datetime, name: str) -> None:
        self._known[badge].append((at, name))

    def who(self, badge: str, at: datetime | None) -> Who:
        """The one with that badge (or service name) as called at that moment."""
        names = self._known.get(badge)
        if not names:
            return Who(id=badge, name=badge)
        place = len(names) if at is None else bisect_right(names, (at, "\U0010ffff"))
        return Who(id=badge, name=names[max(place - 1, 0)][1])


@dataclass(frozen=True)
class Rows:
    """All rows of one record, by step where they belong to one."""

    run: ProcedureRun
    site: Site
    procedure: Procedure
    entries: Sequence[SealedEntry]
    signed: Mapping[UUID, Signature]
    people: PeopleThen
    steps: Sequence[StepRecord]
    exceptions: Sequence[ExceptionCase]
    attachments: Sequence[Attachment]
    remarks: Sequence[Remark]
    holds: Sequence[HoldTime]
    values: Mapping[UUID, list[ParameterValue]]
    step_signatures: Mapping[UUID, list[StepSignature]]
    equipment: Mapping[UUID, list[StepEquipment]]
    materials: Mapping[UUID, list[StepMaterial]]
    specs: Mapping[str, Step] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """Number of the last entry that changed the record."""
        return self.entries[-1].rseq if self.entries else 0

    @property
    def time_simulated(self) -> bool:
        """Whether the site's clock stood elsewhere than real time at some entry."""
        return any(abs(entry.at - entry.real_at) > timedelta(seconds=1) for entry in self.entries)

    def who(self, badge: str | None, at: datetime | None) -> Who | None:
        """The one who acted then, or None."""
        return None if badge is None else self.people.who(badge, at)

    def text(self, phrases: Any) -> str:
        """A text of the recipe in the language of the record."""
        return in_language(phrases, self.run.language)


def read(session: Session, number: str) -> Rows:
    """Read a record by number or stream. Raises NoSuchRun, and when its recipe was tampered."""
    run = queries.run_of(session, number)
    entries = _entries(session, run.stream)
    signed = signatures.of_record(session, run.stream)
    procedure = definitions.load(session, run.file_digest)
    return Rows(
        run=run,
        site=the_site(session),
        procedure=procedure,
        entries=entries,
        signed={row.id: row for row in signed},
        people=PeopleThen(entries, signed),
        steps=queries.steps(session, run),
        exceptions=queries.exceptions(session, run),
        attachments=queries.attachments(session, run),
        remarks=queries.remarks(session, run),
        holds=_holds(session, run),
        values=_of_steps(session, run, ParameterValue),
        step_signatures=_of_steps(session, run, StepSignature),
        equipment=_of_steps(session, run, StepEquipment),
        materials=_of_steps(session, run, StepMaterial),
        specs={step.key: step for step in procedure.steps()},
        labels=labels_of(procedure, run.language),
    )


def labels_of(procedure: Procedure, language: str) -> dict[str, str]:
    """Words for the names that expressions use: ``G170.mean`` is “G170 Mean”."""
    found = {}
    for step in procedure.steps():
        for parameter in step.parameters:
            words = in_language(parameter.labels, language) or parameter.code.replace("_", " ")
            found[f"{step.key}.{parameter.code}"] = f"{step.key} {words}"
        found[f"{step.key}.round"] = f"{step.key} round"
        found[f"{step.key}.elapsed"] = f"{step.key} elapsed"
    return found


def _entries(session: Session, stream: str) -> list[SealedEntry]:
    found = [
        SealedEntry(entry.data, hashlib.sha256(bytes(entry.payload)).hexdigest())
        for entry in trail.entries(session, Stream.parse(stream))
    ]
    while found and found[-1].data["action"] in ABOUT_COPIES:
        found.pop()
    return found


def _holds(session: Session, run: ProcedureRun) -> list[HoldTime]:
    # Two may begin in one moment: then the order in which they were made, never that of the disk.
    query = select(HoldTime).where(HoldTime.run_id == run.id)
    return list(session.scalars(query.order_by(HoldTime.started_at, HoldTime.id)))


def _of_steps(session: Session, run: ProcedureRun, table: type[OfStep]) -> dict[UUID, list[OfStep]]:
    rows = session.scalars(
        select(table)
        .join(StepRecord, StepRecord.id == table.step_id)
        .where(StepRecord.run_id == run.id)
        .order_by(table.id)
    )
    found: dict[UUID, list[OfStep]] = defaultdict(list)
    for row in rows:
        found[row.step_id].append(row)
    return found
