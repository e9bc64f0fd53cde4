"""Review by exception, audit-trail review, release and deviations on their pages."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from app.clockwatch import ClockWatch
from ebr import queries as records
from ebr.entry import Entry
from quality import queries
from quality.models import Decision
from tests.integration.web.desk.conftest import Enter, full, text_of
from tests.support import batches
from tests.support.records import RecordPlant

REVIEW = "/reviews/B-2045"
RELEASE = "/release/B-2045"


@pytest.fixture
def ended(plant: RecordPlant) -> RecordPlant:
    """A batch that ran to its end with one alert, commented by the supervisor."""
    batches.plan(plant)
    batches.run_up_to(plant, "Y", A=Entry(values={"mass": ("10.30",)}))
    batches.comment(plant, 1)
    batches.do(plant, "Z")
    batches.do(plant, "K")
    return plant


def decided(plant: RecordPlant) -> list[tuple[str | None, str | None]]:
    """Decision and decider of every exception that was decided."""
    with plant.house.reading() as session:
        run = records.run_of(session, "B-2045")
        found = records.exceptions(session, run)
        return [(case.decision, case.decided_by) for case in found if case.decision]


@pytest.mark.urs("URS-REL-020")
def test_the_quality_unit_decides_each_exception_with_reason_and_signature(
    ended: RecordPlant, enter: Enter
) -> None:
    quality = enter("P-107")
    assert quality.send(REVIEW, f"{REVIEW}/start").status_code == 303
    to = f"{REVIEW}/items/1"
    asked = quality.send(REVIEW, to, decision="accepted", reason="no effect on the product")
    assert "no effect on the product" in text_of(asked)
    assert quality.sign(asked, to, **full("P-107")).status_code == 303
    assert decided(ended) == [("accepted", "P-107")]
    assert "1 of 1 decided" in text_of(quality.get(f"{REVIEW}?only=everything"))


@pytest.mark.urs("URS-REL-020")
def test_a_decision_without_reason_is_refused_and_nothing_is_decided(
    ended: RecordPlant, enter: Enter
) -> None:
    quality = enter("P-107")
    quality.send(REVIEW, f"{REVIEW}/start")
    asked = quality.send(REVIEW, f"{REVIEW}/items/1", decision="accepted", reason=" ")
    assert asked.status_code == 422
    assert "Reason is missing" in text_of(asked)
    assert decided(ended) == []


@pytest.mark.urs("URS-REL-030")
def test_finishing_the_review_is_refused_while_one_exception_is_open(
    ended: RecordPlant, enter: Enter
) -> None:
    quality = enter("P-107")
    quality.send(REVIEW, f"{REVIEW}/start")
    answer = quality.send(REVIEW, f"{REVIEW}/finish", statement="complete and consistent")
    assert answer.status_code == 409
    assert "exceptions not decided: 1" in text_of(answer)


@pytest.mark.urs("URS-REL-030", "URS-REL-010")
def test_a_release_is_blocked_by_named_points_until_everything_is_reviewed(
    ended: RecordPlant, enter: Enter
) -> None:
    quality = enter("P-107")
    before = text_of(quality.get(RELEASE))
    assert "Blocked by" in before
    assert "disabled" in before
    reason = "all conditions are met"
    refused = quality.send(
        RELEASE, RELEASE, decision=Decision.RELEASE_FOR_PACKAGING.value, reason=reason
    )
    assert refused.status_code == 409
    batches.begin_review(ended)
    batches.decide(ended, 1)
    batches.end_review(ended)
    batches.review_trail(ended)
    asked = quality.send(
        RELEASE, RELEASE, decision=Decision.RELEASE_FOR_PACKAGING.value, reason=reason
    )
    assert quality.sign(asked, RELEASE, **full("P-107")).status_code == 303
    standing = ended.ask(queries.standing_decision, "batch/B-2045")
    assert standing is not None
    assert standing.by == "P-107"
    assert "Released for packaging" in text_of(quality.get(RELEASE))


@pytest.mark.urs("URS-IAM-020")
def test_production_sees_the_conditions_but_cannot_decide(ended: RecordPlant, enter: Enter) -> None:
    operator = enter("P-101")
    page = operator.get(RELEASE)
    assert page.status_code == 200
    assert "The quality unit decides" in text_of(page)
    assert operator.get(REVIEW).status_code == 403


def test_the_supervisor_comments_the_exceptions_of_production(
    plant: RecordPlant, enter: Enter
) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "Y", A=Entry(values={"mass": ("10.30",)}))
    page = "/batches/B-2045/production-review"
    supervisor = enter("P-105")
    assert "1 exceptions wait for a comment" in text_of(supervisor.get(page))
    assert supervisor.send(page, f"{page}/1", comment="scale checked").status_code == 303
    assert "Every exception is commented" in text_of(supervisor.get(page))


@pytest.mark.urs("URS-DEV-020", "URS-DEV-030")
def test_a_critical_exception_has_its_deviation_which_another_person_closes(
    plant: RecordPlant, enter: Enter
) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "A", A=Entry(values={"mass": ("11.30",)}))
    quality = enter("P-107")
    assert "DEV-" in text_of(quality.get("/deviations"))
    found = plant.ask(queries.deviations)[0].number
    page = f"/deviations/{found}"
    asked = quality.send(page, f"{page}/close", conclusion="scale was not levelled; repeated")
    assert quality.sign(asked, f"{page}/close", **full("P-107")).status_code == 303
    assert "Closed. Nothing more is to be done." in text_of(quality.get(page))


@pytest.mark.urs("URS-DEV-030")
def test_a_deviation_is_opened_out_of_an_exception_and_named_beside_it(
    ended: RecordPlant, enter: Enter
) -> None:
    quality = enter("P-107")
    quality.send(REVIEW, f"{REVIEW}/start")
    to = f"{REVIEW}/items/1/deviation"
    assert quality.send(REVIEW, to, title=" ").status_code == 422
    assert ended.ask(queries.deviations) == []
    made = quality.send(REVIEW, to, title="Mass above the alert limit")
    (found,) = ended.ask(queries.deviations)
    assert made.headers["Location"] == f"/deviations/{found.number}"
    assert (found.record, found.exception) == ("batch/B-2045", 1)
    assert found.number in text_of(quality.get(REVIEW))


@pytest.mark.urs("URS-TIM-020", "URS-DEV-020")
def test_the_deviation_of_a_clock_names_the_machine_and_leads_to_the_records_it_concerns(
    plant: RecordPlant, enter: Enter
) -> None:
    batches.plan(plant)
    batches.run_up_to(plant, "A")
    watch = ClockWatch(plant.house)
    assert watch.look() is None
    plant.clock.step(timedelta(hours=1))
    assert watch.look() == timedelta(hours=1)
    (incident,) = plant.ask(queries.deviations)
    quality = enter("P-107")
    page = text_of(quality.get(f"/deviations/{incident.number}"))
    assert "every record that runs or starts carries the mark" in page
    assert '/batches/B-2045/record/exceptions#exception-1">B-2045</a>' in page
    assert f"<dt>Clock of</dt><dd>{socket.gethostname()}</dd>" in page
    assert "<dt>Batch</dt>" not in page, "facts that there are not have no line"
    mark = text_of(quality.get("/batches/B-2045/record/exceptions"))
    assert f'<a href="/deviations/{incident.number}">{incident.number}</a>' in mark
    assert incident.number in text_of(quality.get("/exceptions"))
    quality.client.post(
        "/language", data={**quality.forms("/work").to("/language"), "language": "de"}
    )
    german = text_of(quality.get(f"/deviations/{incident.number}"))
    assert "ging um 1 h vor" in german
    assert "Uhrenwächter" in german
