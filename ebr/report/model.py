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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A name with its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Somebody or something that acted, as at that time."""

    id: str
    name: str

    def __str__(self) -> str:
        return self.name if self.id == self.name else f"{self.name} ({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitView:
    """One tier with its ends; `text` is the range in words (``1.0 to 2.5``)."""

    tier: str
    low: str | None
    high: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """A value that was superseded: what stood there, and who replaced it when and why.

    `revision` of the step brought it, `replaced_in` is the revision that replaced it.
    """

    text: str
    by: Who
    at: datetime
    revision: int
    replaced_by: Who
    replaced_at: datetime
    replaced_in: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueView:
    """A value in force with its limits, its worth and everything that stood there before it.

    `text` is exactly as captured; `verdict` is ``in``, the breached tier, or empty without limits;
    `source` says in words where it came from, `details` is the whole provenance.
    """

    code: str
    label: str
    position: int
    of: int
    text: str
    unit: str
    unrounded: str
    data_type: str
    critical: bool
    grade: str
    grade_words: str
    quality: str
    verdict: str
    target: str
    limits: tuple[LimitView, ...]
    source: str
    details: tuple[Pair, ...]
    not_applicable: str
    reason: str
    revision: int
    by: Who
    at: datetime
    former: tuple[Former, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureView:
    """A person's signature with the elements of 21 CFR 11.50, also when it was superseded."""

    printed_name: str
    badge: str
    role: str
    meaning: str
    at: datetime
    offset: str
    part: str
    what: str
    object: str
    revision: int
    superseded: bool
    late: bool
    reason: str
    key_id: str
    content_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentView:
    """A unit that a step used, with its state and calibration at that time."""

    requirement: str
    requirement_label: str
    equipment: str
    name: str
    state: str
    calibration_due: str
    step: str
    step_name: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialView:
    """Material that a step used or made; `use` is a word of ISA-95."""

    use: str
    material: str
    name: str
    lot: str
    container: str
    portion: str
    quantity: Decimal
    unit: str
    step: str
    step_name: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentView:
    """A file of the record, named by its SHA-256."""

    code: str
    label: str
    name: str
    media_type: str
    digest: str
    size: int
    step: str
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemarkView:
    """A comment, attributed and timed."""

    text: str
    by: Who
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One performance of a step: what was asked, done, recorded and signed."""

    type: str = "step"
    key: str
    name: str
    path: str
    occurrence: int
    occurrences: int
    kind: str
    kind_words: str
    role: str
    room: str
    sop: str
    instruction: str
    automatic: bool
    state: str
    state_words: str
    revision: int
    started_at: datetime | None
    started_by: Who | None
    performed_at: datetime | None
    performed_by: Who | None
    completed_at: datetime | None
    ended_by: str
    values: tuple[ValueView, ...]
    signatures: tuple[SignatureView, ...]
    signatures_missing: tuple[str, ...]
    equipment: tuple[EquipmentView, ...]
    materials: tuple[MaterialView, ...]
    attachments: tuple[AttachmentView, ...]
    remarks: tuple[RemarkView, ...]
    exceptions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelView:
    """A unit procedure, operation or round with its steps and levels in the order they came."""

    type: str = "level"
    id: str
    path: str
    name: str
    isa88: str
    isa88_words: str
    round: int
    items: tuple[LevelView | StepView, ...]

    def steps(self) -> Iterator[StepView]:
        """All steps of this level and of those inside it, in order."""
        for item in self.items:
            if isinstance(item, StepView):
                yield item
            else:
                yield from item.steps()


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
