"""Retention as truth tables: the longest rule decides, what is unknown keeps the record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from ebr.retention import rules
from ebr.retention.errors import RetentionRunning, RetentionUnknown, RuleSetWrong, UnderLegalHold
from ebr.retention.rules import GMP_BATCH, Basis, Facts, Retention

BOTH = frozenset({"US", "EU"})
DAYS = {Basis.EXPIRY: date(2027, 6, 30), Basis.CERTIFIED: date(2026, 1, 10)}
DUE = date(2031, 1, 10)


def test_the_rules_that_are_delivered_are_a_sound_set() -> None:
    rules.check(GMP_BATCH)
    assert {rule.market for rule in GMP_BATCH} == BOTH


@pytest.mark.parametrize(
    ("markets", "expiry", "earliest", "code"),
    [
        (BOTH, date(2027, 6, 30), DUE, "eu.certified"),
        (frozenset({"EU"}), date(2027, 6, 30), DUE, "eu.certified"),
        (frozenset({"US"}), date(2027, 6, 30), date(2028, 6, 30), "us.expiry"),
        (BOTH, date(2030, 1, 10), DUE, "us.expiry"),
        (BOTH, date(2030, 1, 11), date(2031, 1, 11), "us.expiry"),
    ],
)
def test_the_longest_applicable_rule_decides_and_is_named(
    markets: frozenset[str], expiry: date, earliest: date, code: str
) -> None:
    answer = rules.retention(GMP_BATCH, Facts(markets, {**DAYS, Basis.EXPIRY: expiry}))
    assert answer.earliest == earliest
    assert answer.decided_by.startswith(f"{code}, ")


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        (Facts(BOTH, {Basis.EXPIRY: date(2027, 6, 30)}), "the day: certified"),
        (Facts(BOTH, {Basis.CERTIFIED: date(2026, 1, 10)}), "the day: expiry"),
        (Facts(BOTH | {"JP"}, DAYS), "a rule for market JP"),
        (Facts(frozenset(), DAYS), "the market of the record"),
    ],
)
def test_a_missing_fact_keeps_the_record(facts: Facts, missing: str) -> None:
    answer = rules.retention(GMP_BATCH, facts)
    assert (answer.earliest, answer.missing) == (None, (missing,))
    with pytest.raises(RetentionUnknown, match=missing):
        rules.check_disposable(answer, today=date(2999, 1, 1), legal_holds=[])


def test_a_record_is_kept_as_long_as_another_record_needs_it() -> None:
    later = Retention(date(2040, 5, 1), "eu.certified")
    earlier = Retention(date(2030, 5, 1), "us.expiry")
    answer = rules.retention(GMP_BATCH, Facts(BOTH, DAYS), {"B-1": earlier, "B-2": later})
    assert answer == Retention(date(2040, 5, 1), "record B-2")
    answer = rules.retention(GMP_BATCH, Facts(BOTH, DAYS), {"B-1": earlier})
    assert answer.earliest == DUE


def test_a_record_that_needs_it_for_an_unknown_time_keeps_it() -> None:
    unknown = Retention(None, "", ("the day: certified",))
    answer = rules.retention(GMP_BATCH, Facts(BOTH, DAYS), {"B-1": unknown})
    assert (answer.earliest, answer.missing) == (None, ("how long record B-1 is kept",))


def test_disposal_is_refused_the_day_before_and_not_on_the_day() -> None:
    answer = rules.retention(GMP_BATCH, Facts(BOTH, DAYS))
    with pytest.raises(RetentionRunning, match="2031-01-10") as refused:
        rules.check_disposable(answer, today=DUE - timedelta(days=1), legal_holds=[])
    assert (refused.value.rule, refused.value.resolver) == (
        "retention.running",
        "the quality unit, from that day on",
    )
    rules.check_disposable(answer, today=DUE, legal_holds=[])


def test_a_legal_hold_refuses_after_the_day_too() -> None:
    answer = Retention(DUE, "eu.certified")
    with pytest.raises(UnderLegalHold, match="LH-7") as refused:
        rules.check_disposable(answer, today=date(2050, 1, 1), legal_holds=["LH-7"])
    assert refused.value.resolver == "the quality unit"


def test_a_leap_day_never_makes_the_period_shorter() -> None:
    assert rules.years_after(date(2024, 2, 29), 1) == date(2025, 3, 1)
    assert rules.years_after(date(2024, 2, 29), 4) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("wrong", "fact"),
    [
        ((), "no retention rule"),
        ((*GMP_BATCH, GMP_BATCH[0]), "us.expiry stands 2 times"),
        ((replace(GMP_BATCH[0], years=0),), "less than a year"),
        ((replace(GMP_BATCH[0], clause=" "),), "names no clause"),
    ],
)
def test_a_set_that_cannot_decide_is_refused(
    wrong: tuple[rules.RetentionRule, ...], fact: str
) -> None:
    with pytest.raises(RuleSetWrong, match=fact):
        rules.check(wrong)
