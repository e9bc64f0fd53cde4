"""Refusals of disposal: what still keeps the record (URS-REC-090)."""

from __future__ import annotations

from core.errors import Invalid, Refusal


class RuleSetWrong(Invalid):
    """A set of retention rules that could not decide, or not decide the same way twice."""

    rule = "retention.rules"


class RetentionUnknown(Refusal):
    """A fact that the due date depends on is missing, so the record stays."""

    rule = "retention.unknown"


class RetentionRunning(Refusal):
    """The earliest day of disposal has not come yet."""

    rule = "retention.running"


class UnderLegalHold(Refusal):
    """A legal hold keeps the record, whatever its due date says."""

    rule = "retention.legal_hold"
