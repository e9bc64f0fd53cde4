"""The view of a record: frozen values that screen, PDF and JSON share (URS-REP-010, URS-REC-070).

Codes stand beside their words, so that a program and a person read the same. Names of people are
those of the time of the act, taken from the sealed entries, never from today's list of people.
Moments are aware and in UTC; the zone of the site stands in the header. Nothing here is rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ebr.report.stepmodel import (
    AttachmentView,
    EquipmentView,
    LevelView,
    MaterialView,
    Pair,
    RemarkView,
    SignatureView,
    StepView,
    Who,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotExecutedView:
    """A step on a way that was not taken, and what decided that (URS-EXE-030)."""

    key: str
    name: str
    level: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionView:
    """An expression that was asked, with its inputs and result."""

    expression: str
    inputs: tuple[Pair, ...]
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """A branch that the flow took, and why (URS-EXE-050)."""

    at: datetime
    place: str
    way: str
    asked: tuple[QuestionView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message or signal: from outside, from another record, or sent by the recipe itself.

    `sender` is who said it outside, `by` who (or what) passed it on; `effect` what it released.
    """

    at: datetime
    form: str
    way: str
    name: str
    correlation: str
    sender: str
    by: Who
    carried: tuple[Pair, ...]
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionView:
    """An exception with its comment and decision."""

    number: int
    type: str
    type_words: str
    severity: str
    text: str
    facts: tuple[Pair, ...]
    step: str
    step_name: str
    raised_at: datetime
    raised_by: Who
    state: str
    released: bool
    comment: str
    commented_by: Who | None
    decision: str
    decision_words: str
    decision_reason: str
    decided_by: Who | None
    decided_at: datetime | None
    signatures: tuple[SignatureView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """A value that was replaced: by a person (a correction) or by a new calculation."""

    step: str
    step_name: str
    occurrence: int
    label: str
    old: str
    new: str
    reason: str
    by: Who
    at: datetime
    signed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """An act that a rule refused; nothing was changed by it."""

    entry: int
    at: datetime
    by: Who
    role: str
    terminal: str
    command: str
    rule: str
    fact: str
    resolver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """Somebody who took part: roles used, meanings signed with, number of signatures."""

    badge: str
    name: str
    roles: tuple[str, ...]
    meanings: tuple[str, ...]
    signatures: int
    acts: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldView:
    """A named hold time."""

    name: str
    ordinal: int
    equipment: str
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    exceeded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailLine:
    """An entry of the audit trail in words, with the SHA-256 of its sealed bytes."""

    entry: int
    at: datetime
    real_at: datetime
    by: Who
    role: str
    terminal: str
    action: str
    action_words: str
    what: str
    reason: str
    changes: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """A table that a higher package adds to the record; every row has as many cells as columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    none: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngredientView:
    """A line of the formula, scaled to this batch."""

    code: str
    name: str
    function: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Whose record it is: product, version with its digests, size, site."""

    number: str
    record: str
    title: str
    code: str
    version: str
    product_code: str
    product: str
    strength: str
    dosage_form: str
    size: str
    size_unit: str
    output: str
    file_digest: str
    content_digest: str
    state: str
    state_words: str
    problem: str
    started_at: datetime | None
    ended_at: datetime | None
    site: str
    mode: str
    zone: str
    facts: tuple[Pair, ...]
    formula: tuple[IngredientView, ...]
    bindings: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the record stands: `final` when no copy of it is marked as in process any more.

    `entry` is the last entry of the decision: up to it the record was sealed as a snapshot.
    """

    words: str
    final: bool
    accepted: bool
    decided_by: Who | None = None
    decided_at: datetime | None = None
    reason: str = ""
    entry: int | None = None
    entry_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of the record; every number can be counted again from the lists beside it.

    `signatures` are the signed acts on steps, those superseded by a correction too.
    """

    steps: int
    steps_complete: int
    signatures: int
    signatures_missing: int
    values: int
    values_judged: int
    values_outside: int
    values_typed_for_device: int
    exceptions: int
    exceptions_open: int
    by_severity: tuple[Pair, ...]
    corrections: int
    recalculations: int
    attempts: int
    yields: tuple[Pair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """The whole record as of entry `version` of its stream."""

    format: str
    record: str
    number: str
    version: int
    time_simulated: bool
    header: Header
    standing: Standing
    summary: Summary
    levels: tuple[LevelView, ...]
    not_executed: tuple[NotExecutedView, ...]
    decisions: tuple[DecisionView, ...]
    messages: tuple[MessageView, ...]
    exceptions: tuple[ExceptionView, ...]
    corrections: tuple[ChangeView, ...]
    recalculations: tuple[ChangeView, ...]
    attempts: tuple[AttemptView, ...]
    materials: tuple[MaterialView, ...]
    equipment: tuple[EquipmentView, ...]
    holds: tuple[HoldView, ...]
    persons: tuple[PersonView, ...]
    signatures: tuple[SignatureView, ...]
    attachments: tuple[AttachmentView, ...]
    remarks: tuple[RemarkView, ...]
    sections: tuple[SectionView, ...]
    trail: tuple[TrailLine, ...]

    def steps(self) -> Iterator[StepView]:
        """All steps in the order they came."""
        for level in self.levels:
            yield from level.steps()
