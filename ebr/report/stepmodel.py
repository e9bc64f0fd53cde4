"""The view of one step: its values, signatures, equipment and material (URS-REP-010).

The lower half of the view of a record (`ebr.report.model`), whose promises hold here too.
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
