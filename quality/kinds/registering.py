"""The step kinds of quality under the names that recipes use."""

from __future__ import annotations

from ebr.kinds.base import KindRegistry
from quality.kinds.clearing import Clearance
from quality.kinds.controlling import InProcessControl
from quality.kinds.disposing import Dispose
from quality.kinds.reviewing import Verify
from quality.kinds.sampling import DrawSample
from workflows.words import StepKind


def register(registry: KindRegistry) -> None:
    """Register every kind that quality carries out."""
    registry.register(StepKind.SAMPLE, DrawSample())
    registry.register(StepKind.IPC, InProcessControl())
    registry.register(StepKind.DISPOSITION, Dispose())
    registry.register(StepKind.CLEARANCE, Clearance())
    registry.register(StepKind.VERIFY, Verify())
