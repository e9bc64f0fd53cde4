"""Decisions of the record as truth tables: formats, breaches, severities, signatures, lateness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ebr import rules
from ebr.errors import ReasonNeeded, ValueRefused
from ebr.rules import Breach, EvaluatedLimit
from workflows.step import Limit, Parameter, SeverityRule, SignaturePolicy
from workflows.words import Approval, DataType, Origin, Severity, SignatureMode, Tier

AT = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


def parameter(data_type: DataType = DataType.DECIMAL, decimals: int | None = 2) -> Parameter:
    return Parameter(code="mass", data_type=data_type, origin=Origin.MANUAL, decimals=decimals)


@pytest.mark.urs("URS-EXE-060", "URS-REC-010")
@pytest.mark.parametrize("text", ["5.10", "0", "-0.5", "+1.25", "999999999999.99"])
def test_a_plain_number_is_kept_as_typed(text: str) -> None:
    assert rules.capture(parameter(), text) == rules.Captured(text, Decimal(text))


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize(
    "text",
    ["8,3", "8.3 kg", "1e9", "", ".5", "5.", "1.005", "NaN", "inf", "0x1F", "1_000", "٣.٥", "1 0"],
)
def test_what_is_no_plain_number_of_the_declared_form_is_refused(text: str) -> None:
    with pytest.raises(ValueRefused):
        rules.capture(parameter(), text)


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize("text", ["1.0", "1.", "one"])
def test_a_whole_number_has_no_decimals(text: str) -> None:
    with pytest.raises(ValueRefused):
        rules.capture(parameter(DataType.INTEGER, None), text)


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize("text", ["20260302", "2026-W10-1", "2026-02-29", "02.03.2026", "today"])
def test_a_day_is_year_month_day(text: str) -> None:
    assert rules.capture(parameter(DataType.DATE, None), "2026-03-02").text == "2026-03-02"
    with pytest.raises(ValueRefused):
        rules.capture(parameter(DataType.DATE, None), text)


def limit(tier: Tier, low: str | None, high: str | None, **more: object) -> EvaluatedLimit:
    ends = [None if end is None else Decimal(end) for end in (low, high)]
    rule = Limit(tier=tier, low=low, high=high, **more)  # type: ignore[arg-type]
    return EvaluatedLimit(tier=tier, low=ends[0], high=ends[1], rule=rule)


@pytest.mark.urs("URS-EXE-060", "URS-REC-050")
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("9.80", None),
        ("10.20", None),
        ("9.79", (Tier.ALERT, "low")),
        ("9.50", (Tier.ALERT, "low")),
        ("9.49", (Tier.ACTION, "low")),
        ("10.51", (Tier.ACTION, "high")),
        ("11.01", (Tier.REGISTERED, "high")),
    ],
)
def test_the_outermost_breached_tier_counts_and_ends_are_inside(
    number: str, expected: tuple[Tier, str] | None
) -> None:
    limits = [
        limit(Tier.ALERT, "9.80", "10.20"),
        limit(Tier.REGISTERED, None, "11.00"),
        limit(Tier.ACTION, "9.50", "10.50"),
    ]
    found = rules.breach(limits, Decimal(number))
    assert (None if found is None else (found.limit.tier, found.side)) == expected


def severity(found: EvaluatedLimit, *, critical: bool = False, truth: bool | None = True) -> str:
    return rules.severity_of(Breach(found, "high"), critical=critical, is_true=lambda _: truth)


@pytest.mark.urs("URS-DEV-010")
@pytest.mark.parametrize(
    ("tier", "critical", "expected"),
    [
        (Tier.ALERT, False, Severity.MINOR),
        (Tier.ALERT, True, Severity.MINOR),
        (Tier.ACTION, False, Severity.MAJOR),
        (Tier.ACTION, True, Severity.CRITICAL),
        (Tier.REGISTERED, False, Severity.CRITICAL),
    ],
)
def test_without_a_rule_the_tier_says_how_grave(
    tier: Tier, critical: bool, expected: Severity
) -> None:
    assert severity(limit(tier, None, "1"), critical=critical) == expected


def when(level: Severity, condition: str | None = "A.x > 1", side: str = "both") -> SeverityRule:
    return SeverityRule(level=level, when=condition, side=side)


@pytest.mark.urs("URS-DEV-010")
@pytest.mark.parametrize(
    ("levels", "truth", "expected"),
    [
        ([when(Severity.MINOR)], True, Severity.MINOR),
        ([when(Severity.MINOR)], False, Severity.MAJOR),
        ([when(Severity.MINOR)], None, Severity.MAJOR),
        ([when(Severity.CRITICAL), when(Severity.MINOR, None)], None, Severity.CRITICAL),
        ([when(Severity.CRITICAL), when(Severity.MINOR, None)], False, Severity.MINOR),
        ([when(Severity.CRITICAL, None, "low"), when(Severity.MINOR, None)], True, Severity.MINOR),
    ],
)
def test_the_milder_severity_never_wins_by_ignorance(
    levels: list[SeverityRule], truth: bool | None, expected: Severity
) -> None:
    assert (
        severity(limit(Tier.ACTION, None, "1", severities=tuple(levels)), truth=truth) == expected
    )


@pytest.mark.urs("URS-EXE-040", "URS-EXE-050")
@pytest.mark.parametrize(
    ("mode", "approval", "parts"),
    [
        (SignatureMode.NONE, Approval.NONE, ()),
        (SignatureMode.PERFORMED, Approval.NONE, ("performer",)),
        (SignatureMode.PERFORMED_VERIFIED, Approval.NONE, ("performer", "verifier")),
        (SignatureMode.AUTOMATIC_CONFIRMED, Approval.NONE, ("confirmer",)),
        (SignatureMode.PERFORMED_VERIFIED, Approval.SUPERVISOR,
         ("performer", "verifier", "approver")),
    ],
)  # fmt: skip
def test_the_signatures_due_follow_from_the_policy(
    mode: SignatureMode, approval: Approval, parts: tuple[str, ...]
) -> None:
    assert rules.parts_due(SignaturePolicy(mode=mode, approval=approval)) == parts


@pytest.mark.urs("URS-EXE-040")
@pytest.mark.parametrize(
    ("after", "successor", "late"),
    [
        (timedelta(0), False, False),
        (timedelta(minutes=15), False, False),
        (timedelta(minutes=15, microseconds=1), False, True),
        (timedelta(0), True, True),
    ],
)
def test_a_verification_is_late_after_fifteen_minutes_or_the_next_step(
    after: timedelta, successor: bool, late: bool
) -> None:
    assert rules.is_late(AT, AT + after, successor) is late


@pytest.mark.urs("URS-AUD-040")
@pytest.mark.parametrize("reason", ["", "  ", ".", "x", "N/A", "none", "abc"])
def test_a_placeholder_is_no_reason(reason: str) -> None:
    with pytest.raises(ReasonNeeded):
        rules.need_reason(reason, "this")
    assert rules.need_reason(" misread the display ", "this") == "misread the display"
