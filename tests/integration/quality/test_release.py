"""From the last step to the decision: reviews, conditions, independence, what follows."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from core.errors import NotPermitted
from ebr import queries as records
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.errors import GateClosed
from production import queries as production
from quality import queries, standings
from quality.commands.deviations import close_deviation
from quality.commands.reviews import finish_review, start_review
from quality.errors import (
    AlreadyDecided,
    OtherRelease,
    ReviewIncomplete,
    ReviewNotOpen,
    TookPart,
)
from quality.models import Decision, ReviewKind
from tests.support import batches
from tests.support.records import RECORD, RecordPlant

ALERT = Entry(values={"mass": ("10.30",)})
CRITICAL = Entry(values={"mass": ("10.60",)})


@pytest.fixture
def made(plant: RecordPlant) -> RecordPlant:
    """A batch that ran through without an exception."""
    batches.plan(plant)
    batches.run_up_to(plant, "K")
    return plant


@pytest.fixture
def alerted(plant: RecordPlant) -> RecordPlant:
    """A batch with one minor exception, commented, its last step done."""
    batches.plan(plant)
    batches.run_up_to(plant, "Y", A=ALERT)
    batches.comment(plant, 1)
    batches.do(plant, "Z")
    batches.do(plant, "K")
    return plant


def unmet(plant: RecordPlant, by: str | None = "P-107") -> dict[str, str]:
    found = plant.ask(queries.release_conditions, RECORD, by=by)
    return {condition.rule: condition.fact for condition in found if not condition.met}


def disposition(plant: RecordPlant) -> str:
    with plant.house.reading() as session:
        return str(production.batch(session, "B-2045").disposition)


@pytest.mark.urs("URS-REL-010", "URS-REL-030", "URS-REL-060")
def test_a_reviewed_batch_is_released_and_the_batch_says_so(made: RecordPlant) -> None:
    batches.review(made)
    assert unmet(made) == {}
    assert stands(made) == ("signed", "signed", None)
    batches.release(made)
    assert stands(made) == ("signed", "signed", "release_for_packaging")
    assert disposition(made) == "released_for_packaging"
    decision = made.ask(queries.standing_decision, RECORD)
    assert decision.by == "P-107"
    assert decision.signature_id is not None
    assert all(condition["met"] for condition in decision.conditions)


@pytest.mark.urs("URS-REL-060")
def test_bulk_is_not_released_as_if_it_were_packed(made: RecordPlant) -> None:
    batches.review(made)
    with pytest.raises(OtherRelease):
        batches.release(made, decision=Decision.RELEASE)
    assert disposition(made) == "none"


@pytest.mark.urs("URS-REL-010")
def test_without_reviews_a_release_is_refused_and_names_each_of_them(made: RecordPlant) -> None:
    with pytest.raises(GateClosed) as refused:
        batches.release(made)
    assert set(refused.value.details) == {"release.quality_review", "release.audit_trail"}
    assert disposition(made) == "none"
    assert "attempt.refused" in made.actions()


@pytest.mark.urs("URS-REL-030")
def test_an_unfinished_batch_is_not_released(plant: RecordPlant) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "D")
    found = unmet(plant)
    assert found["release.steps"] == "steps still open: Y"
    assert "certificate of analysis is missing" in found["release.certificate"]
    assert "Y performer" in found["release.signatures"]


@pytest.mark.urs("URS-REL-030")
def test_a_result_beyond_the_registered_limit_blocks_until_it_is_decided(
    plant: RecordPlant,
) -> None:
    batches.plan(plant)
    wrong = Entry(values={"assay": ("94.9",)}, files={"certificate": batches.FILE})
    batches.run_up_to(plant, "K", K=wrong)
    assert "assay" in unmet(plant)["release.certificate"]
    assert "DEV-001" in unmet(plant)["release.deviations"]


@pytest.mark.urs("URS-REL-020", "URS-DEV-010")
def test_a_review_is_not_signed_before_the_last_exception_is_decided(alerted: RecordPlant) -> None:
    batches.begin_review(alerted)
    with pytest.raises(ReviewIncomplete) as refused:
        batches.end_review(alerted)
    assert refused.value.fact == "exceptions not decided: 1"
    batches.decide(alerted, 1)
    batches.end_review(alerted)
    review = alerted.ask(queries.review, RECORD, ReviewKind.QUALITY)
    assert review.counts
    items = alerted.ask(queries.reviewed_items, review)
    assert [(item.exception, item.decision) for item in items] == [(1, "accepted")]


def test_an_exception_is_decided_only_within_an_open_review(alerted: RecordPlant) -> None:
    with pytest.raises(ReviewNotOpen):
        batches.decide(alerted, 1)


@pytest.mark.urs("URS-REL-010")
def test_production_cannot_review_while_an_exception_has_no_comment(plant: RecordPlant) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "Y", A=ALERT)
    with pytest.raises(ReviewIncomplete) as refused:
        batches.do(plant, "Z")
    assert refused.value.fact == "exceptions without comment: 1"
    batches.comment(plant, 1)
    batches.do(plant, "Z")
    review = plant.ask(queries.review, RECORD, ReviewKind.PRODUCTION)
    assert review.counts
    assert review.finished_by == "P-105"
    assert review.signature_id is not None


@pytest.mark.urs("URS-REL-040")
def test_who_took_part_cannot_decide_whatever_the_role(made: RecordPlant) -> None:
    from personnel import commands

    batches.review(made)
    first, second = made.person("A-001").actor, made.person("A-002").actor
    asked = made.house.perform(
        commands.request_role, "P-102", "QA", reason="deputy in summer", by=first
    )
    made.house.perform(commands.grant_role, asked, by=second)
    with pytest.raises(TookPart) as refused:
        batches.release(made, "P-102", "QA")
    assert "Paul Roth" in refused.value.fact
    assert "Samuel Okafor" in refused.value.resolver
    assert "release.independence" in unmet(made, by="P-102")
    assert disposition(made) == "none"


@pytest.mark.urs("URS-REL-040")
@pytest.mark.parametrize("badge", ["P-101", "P-105", "P-106", "A-001"])
def test_only_the_quality_unit_decides(made: RecordPlant, badge: str) -> None:
    with pytest.raises(NotPermitted):
        batches.release(made, badge)


@pytest.mark.urs("URS-REL-060")
def test_a_rejection_needs_no_condition_and_reaches_the_batch(plant: RecordPlant) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "D")
    batches.reject(plant)
    assert disposition(plant) == "rejected"
    decision = plant.ask(queries.standing_decision, RECORD)
    assert any(not condition["met"] for condition in decision.conditions)


@pytest.mark.urs("URS-REL-060")
def test_a_decided_batch_is_not_decided_again(made: RecordPlant) -> None:
    batches.review(made)
    batches.release(made)
    with pytest.raises(AlreadyDecided):
        batches.reject(made)
    assert disposition(made) == "released_for_packaging"


def correct(plant: RecordPlant) -> None:
    plant.person("P-101").sign(
        correct_value,
        StepReference(record=RECORD, path=plant.path("A")),
        Correction(code="mass", position=0, text="10.10", reason="misread the display"),
        meaning="performed",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )


def stands(plant: RecordPlant) -> tuple[str, str, str | None]:
    """How far the record has come by the list of all: both reviews, the decision that counts."""
    found = plant.ask(standings.standings)[RECORD]
    return found.review.state, found.trail.state, found.decision and found.decision.decision


@pytest.mark.urs("URS-REL-030")
def test_a_correction_makes_every_review_stale(made: RecordPlant) -> None:
    batches.review(made)
    correct(made)
    found = unmet(made)
    assert "A" in found["release.quality_review"]
    assert "stale" in found["release.production_review"]
    assert "came after it" in found["release.audit_trail"]
    assert "A verifier" in found["release.signatures"]
    assert stands(made) == ("stale", "stale", None)


@pytest.mark.urs("URS-REL-060")
def test_a_correction_after_the_release_voids_it(made: RecordPlant) -> None:
    batches.review(made)
    batches.release(made)
    correct(made)
    assert disposition(made) == "none"
    assert made.ask(queries.standing_decision, RECORD) is None
    assert stands(made) == ("stale", "stale", None)
    old = made.ask(queries.decision, RECORD)
    assert "mass was corrected" in made.ask(queries.voided, old).because


@pytest.mark.urs("URS-REL-030", "URS-AUD-010")
def test_the_list_for_the_audit_trail_review_holds_corrections_and_attempts(
    made: RecordPlant,
) -> None:
    correct(made)
    with pytest.raises(GateClosed):
        batches.release(made)
    kinds = [line.kind for line in made.ask(queries.findings, RECORD)]
    assert kinds == ["correction", "refused attempt"]


@pytest.mark.urs("URS-DEV-020", "URS-DEV-030")
def test_a_critical_exception_opens_one_deviation_that_the_release_waits_for(
    plant: RecordPlant,
) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "A", A=CRITICAL)
    found = plant.ask(queries.deviations, record=RECORD)
    assert [(d.number, d.exception, d.state) for d in found] == [("DEV-001", 1, "open")]
    batches.go_on(plant, 1, "P-107")
    for key in "SIDYZK":
        batches.do(plant, key)
    batches.begin_review(plant)
    batches.decide(plant, 1)
    batches.end_review(plant)
    batches.review_trail(plant)
    assert unmet(plant) == {"release.deviations": "deviations open: DEV-001"}
    plant.person("P-107").sign(
        close_deviation,
        "DEV-001",
        "scale drifted; product within specification",
        meaning="approved",
        record="deviation/DEV-001",
    )
    batches.release(plant)
    assert disposition(plant) == "released_for_packaging"


@pytest.mark.urs("URS-REL-040")
def test_nobody_is_known_to_be_independent_without_a_name(made: RecordPlant) -> None:
    assert "release.independence" in unmet(made, by=None)


@pytest.mark.urs("URS-REL-060")
def test_when_the_batch_cannot_take_the_decision_nothing_is_decided(plant: RecordPlant) -> None:
    plant.start(batches.recipe())
    batches.run_up_to(plant, "K")
    batches.review(plant)
    with pytest.raises(Exception, match="no batch B-2045"):
        batches.release(plant)
    assert plant.ask(queries.decision, RECORD) is None


@pytest.mark.sqlite("edits the file with a client of its own")
@pytest.mark.urs("URS-REL-030", "URS-REC-110")
def test_a_record_that_was_edited_behind_our_back_is_not_released(made: RecordPlant) -> None:
    batches.review(made)
    path = made.house.database.url.database
    assert path is not None
    with closing(sqlite3.connect(path)) as behind, behind:
        triggers = behind.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
            ("parameter_value",),
        ).fetchall()
        for (name,) in triggers:
            behind.execute(f'DROP TRIGGER "{name}"')
        changed = behind.execute("UPDATE parameter_value SET text = '10.01' WHERE text = '10.00'")
        assert changed.rowcount == 1
    assert "parameter_value" in unmet(made)["release.verification"]
    with pytest.raises(GateClosed):
        batches.release(made)
    assert disposition(made) == "none"


@pytest.mark.urs("URS-REL-030", "URS-REL-060")
def test_after_a_correction_everything_is_reviewed_again_and_then_released(
    made: RecordPlant,
) -> None:
    batches.review(made)
    correct(made)
    made.person("P-102").sign_part(RECORD, made.path("A"), "verifier", revision=2)
    with made.house.reading() as session:
        raised = [case.number for case in records.exceptions(session, made.run())]
    made.person("P-105").do(start_review, RECORD, ReviewKind.PRODUCTION, record=RECORD)
    batches.begin_review(made)
    for number in raised:
        batches.comment(made, number)
        batches.decide(made, number)
    made.person("P-105").sign(
        finish_review,
        RECORD,
        ReviewKind.PRODUCTION,
        "correction checked against the printout",
        meaning="reviewed",
        record=RECORD,
    )
    batches.end_review(made)
    batches.review_trail(made)
    assert unmet(made) == {}
    batches.release(made)
    assert [r.ordinal for r in made.ask(queries.reviews, RECORD)] == [1, 1, 2, 2]
