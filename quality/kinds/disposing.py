"""Disposition: the quality unit releases or rejects material in process (URS-EXE-120)."""

from __future__ import annotations

from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.kinds.base import Kind
from quality.commands import disposing


class Dispose(Kind):
    """The flow waits for the decision; rejected material holds it by its exception."""

    def record(self, context: StepContext, entry: Entry) -> None:
        """Record the decision and keep it as a fact. Raises ValueRefused."""
        values.record(context, entry)
        disposing.decide(context)
