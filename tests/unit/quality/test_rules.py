"""Pure decisions of the quality unit, as truth tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quality import rules
from quality.rules import CertificateFacts, Deed, RecordFacts, ReviewFacts, YieldFacts

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SIGNED = ReviewFacts(state="signed", detail="by Samuel Okafor through entry 90")
CLEAN = RecordFacts(
    run_state="complete",
    steps=8,
    signatures=12,
    judged=4,
    yields=(YieldFacts(name="Y percent", text="99.10 %", verdict="in", decided=True),),
    exceptions=2,
    deviations=1,
    equipment=3,
    certificate=CertificateFacts(asked=True, present=True, values=2),
    production_review=SIGNED,
    quality_review=SIGNED,
    audit_trail=SIGNED,
)


def unmet(facts: RecordFacts) -> list[str]:
    return [found.rule for found in rules.conditions(facts) if not found.met]


@pytest.mark.urs("URS-REL-030")
def test_a_clean_record_meets_every_condition() -> None:
    assert unmet(CLEAN) == []
    assert all(found.fact for found in rules.conditions(CLEAN))


@pytest.mark.urs("URS-REL-030")
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"open_steps": ("Z050",)}, "release.steps"),
        ({"run_state": "held"}, "release.steps"),
        ({"run_state": "aborted"}, "release.steps"),
        ({"missing_signatures": ("A verifier",)}, "release.signatures"),
        ({"not_judged": ("mass",)}, "release.values_judged"),
        ({"undecided": (2,)}, "release.exceptions"),
        ({"open_deviations": ("DEV-311",)}, "release.deviations"),
        ({"equipment_problems": ("BAL-02 at D110: overdue",)}, "release.equipment"),
        ({"certificate": CertificateFacts(asked=False, present=False)}, "release.certificate"),
        ({"certificate": CertificateFacts(asked=True, present=False)}, "release.certificate"),
        ({"production_review": ReviewFacts()}, "release.production_review"),
        ({"production_review": ReviewFacts(state="stale")}, "release.production_review"),
        ({"quality_review": ReviewFacts(state="open")}, "release.quality_review"),
        ({"audit_trail": ReviewFacts(state="stale")}, "release.audit_trail"),
        ({"simulated": ("GRA-01.JI101",)}, "release.simulated"),
    ],
)
def test_each_blocker_is_named_by_its_own_rule(change: dict[str, object], rule: str) -> None:
    facts = replace(CLEAN, **change)  # type: ignore[arg-type]  # one field of each type in turn
    assert unmet(facts) == [rule]
    blocked = next(found for found in rules.conditions(facts) if found.rule == rule)
    assert blocked.fact
    assert blocked.resolver


def test_a_demonstration_says_that_it_may_use_simulated_tags() -> None:
    def told(**more: object) -> str:
        facts = replace(CLEAN, **more)  # type: ignore[arg-type]  # one field of its own type
        found = next(f for f in rules.conditions(facts) if f.rule == "release.simulated")
        assert found.met
        return found.fact

    assert "DEMONSTRATION" in told(demonstration=True)
    assert told() == "no value comes from a simulated tag"


@pytest.mark.urs("URS-REL-030", "URS-EXE-110")
@pytest.mark.parametrize(
    ("verdict", "decided", "blocked"),
    [
        ("in", False, False),
        ("alert", False, False),
        ("action", False, True),
        ("action", True, False),
        ("registered", False, True),
        (None, False, False),
    ],
)
def test_a_yield_out_of_range_blocks_until_it_is_decided(
    verdict: str | None, decided: bool, blocked: bool
) -> None:
    line = YieldFacts(name="C160 percent", text="95.6 %", verdict=verdict, decided=decided)
    assert ("release.yields" in unmet(replace(CLEAN, yields=(line,)))) is blocked


@pytest.mark.parametrize(("decided", "blocked"), [(False, True), (True, False)])
def test_a_result_beyond_the_specification_blocks_until_it_is_decided(
    decided: bool, blocked: bool
) -> None:
    found = CertificateFacts(asked=True, present=True, values=3, beyond=("assay",), decided=decided)
    assert ("release.certificate" in unmet(replace(CLEAN, certificate=found))) is blocked


@pytest.mark.urs("URS-REL-040")
def test_decisions_of_the_quality_unit_are_no_part_in_production() -> None:
    deeds = [Deed("P-101"), Deed("P-106", of_quality_unit=True), Deed("P-102")]
    assert rules.took_part(deeds) == {"P-101", "P-102"}
    assert rules.took_part([*deeds, Deed("P-106")]) == {"P-101", "P-102", "P-106"}


@pytest.mark.urs("URS-REL-030")
@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], None),
        ([(5, "review.finished"), (6, "exception.decided")], None),
        ([(5, "review.finished"), (6, "value.corrected")], 6),
        ([(5, "attempt.refused"), (6, "value.corrected")], 5),
        ([(5, "something.new")], 5),
    ],
)
def test_whatever_is_not_known_to_be_harmless_makes_a_review_stale(
    actions: list[tuple[int, str]], expected: int | None
) -> None:
    assert rules.first_stale(actions) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "in"),
        ([None, "in"], "in"),
        (["alert", "in"], "alert"),
        (["alert", "registered", "action"], "registered"),
    ],
)
def test_the_outermost_tier_is_the_verdict(verdicts: list[str | None], expected: str) -> None:
    assert rules.worst(verdicts) == expected


def test_a_clearance_counts_up_to_its_last_moment() -> None:
    assert rules.is_valid(AT, AT)
    assert not rules.is_valid(AT, AT + timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("age", "limit", "expected"), [(30, 30, False), (31, 30, True), (600, None, False)]
)
def test_a_sample_is_too_old_beyond_its_limit(age: int, limit: int | None, expected: bool) -> None:
    allowed = None if limit is None else timedelta(minutes=limit)
    assert rules.is_too_old(AT, AT + timedelta(minutes=age), allowed) is expected


def test_a_discarded_sample_goes_nowhere() -> None:
    assert not any(rules.may_move("discarded", to) for to in rules.CUSTODY)
    assert rules.may_move("handed_over", "received")
    assert not rules.may_move("handed_over", "examined")


def test_numbers_read_as_people_write_them() -> None:
    assert rules.deviation_number("DEV-", 7) == "DEV-007"
    assert rules.deviation_number("DEV-", 313) == "DEV-313"
    assert rules.sample_number("B-2045", 3) == "B-2045-S3"
