"""The kinds of the record itself, registered under the names that recipes use."""

from __future__ import annotations

from ebr.kinds.base import Kind, KindRegistry
from ebr.kinds.binding import Bind
from ebr.kinds.checklist import Checklist
from ebr.kinds.measured import Read
from ebr.kinds.waiting import Wait
from ebr.kinds.writing import Write
from workflows.words import StepKind


def register(registry: KindRegistry) -> None:
    """Register every kind that belongs to no pillar."""
    plain = Kind()
    for name in (
        StepKind.INSTRUCTION,
        StepKind.ENTRY,
        StepKind.SERIES,
        StepKind.CALCULATION,
        StepKind.YIELD,
        StepKind.PHOTO,
        StepKind.HOLD_TIME,
    ):
        registry.register(name, plain)
    registry.register(StepKind.CHECKLIST, Checklist())
    registry.register(StepKind.BIND, Bind())
    registry.register(StepKind.READ, Read())
    registry.register(StepKind.WRITE, Write())
    registry.register(StepKind.WAIT, Wait())
