"""Refusals of production."""

from __future__ import annotations

from core.errors import NotFound, Refusal


class NoSuchBatch(NotFound):
    """There is no batch of that number."""

    rule = "batch.unknown"


class BatchNotPlanned(Refusal):
    """The batch was started or cancelled already."""

    rule = "batch.state"
