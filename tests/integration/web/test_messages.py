"""The page of a batch tells what it waits for from outside, and who may passes on what came."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from ebr.entry import Entry
from ebr.models import StepState
from tests.integration.ebr.test_messages import recipe
from tests.support.places import site_url
from tests.support.records import RECORD, RecordPlant, make_tables, staff
from tests.support.web import Visitor

PAGE = "/records/B-2045"
SEND = f"{PAGE}/messages"
RESULT = {
    "what": "message:lab_result",
    "sender": "LIMS",
    "correlation": "L-7",
    "carried": "verdict: passed\nreport: LR-2026-118\n",
}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[RecordPlant]:
    """The batch waits for the result of lot L-7."""
    make_tables(site_url(tmp_path / "site.db"))
    made = RecordPlant(site_url(tmp_path / "site.db"), tmp_path)
    staff(made)
    made.start(recipe())
    made.person("P-101").perform(RECORD, made.path("A"), Entry(values={"lot": ("L-7",)}))
    yield made
    made.close()


@pytest.fixture
def supervisor(visitor: Visitor) -> Visitor:
    """Miriam Vogel, signed in."""
    assert visitor.login("P-105").status_code == 303
    return visitor


def send(visitor: Visitor, **fields: Any) -> TestResponse:
    return visitor.send(PAGE, SEND, marker="sender", **{**RESULT, **fields})


def text_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


@pytest.mark.urs("URS-EXE-050")
def test_the_supervisor_passes_a_result_on(supervisor: Visitor, plant: RecordPlant) -> None:
    page = text_of(supervisor.get(PAGE))
    assert "Message lab_result" in page
    assert "for L-7" in page
    assert send(supervisor).status_code == 303
    assert plant.step("WASH").state == StepState.READY
    route = text_of(supervisor.get("/batches/B-2045/record/route"))
    for words in ("from outside: LIMS", "verdict: passed", "passed on by Miriam Vogel (P-105)"):
        assert words in route
    assert "released RESULT; opened WASH" in route


@pytest.mark.urs("URS-AUD-010")
@pytest.mark.parametrize(
    ("fields", "status", "rule"),
    [
        ({"correlation": "L-8"}, 409, "message.correlation"),
        ({"what": "signal:spill"}, 409, "message.nobody_waits"),
        ({"what": "message:other"}, 409, "message.unknown"),
        ({"carried": "no colon"}, 422, "a colon and a text"),
        ({"carried": "a: 1\na: 2"}, 422, "a colon and a text"),
        ({"sender": " "}, 422, "Who sent it is missing"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_rule(
    supervisor: Visitor, plant: RecordPlant, fields: dict[str, str], status: int, rule: str
) -> None:
    answer = send(supervisor, **fields)
    assert answer.status_code == status
    assert rule in text_of(answer)
    assert "message.received" not in plant.actions()


@pytest.mark.urs("URS-IAM-020")
def test_others_see_what_is_waited_for_and_cannot_send(
    operator: Visitor, plant: RecordPlant
) -> None:
    page = text_of(operator.get(PAGE))
    assert "Message lab_result" in page
    assert "Pass on what came" not in page
    form = operator.forms(PAGE).with_field("_key")
    assert operator.client.post(SEND, data={**form, **RESULT}).status_code == 403
    assert "message.received" not in plant.actions()


@pytest.mark.urs("URS-SIG-080")
def test_a_form_that_is_sent_twice_is_one_message(supervisor: Visitor, plant: RecordPlant) -> None:
    form = supervisor.forms(PAGE).with_field("sender")
    for _ in range(2):
        assert supervisor.client.post(SEND, data={**form, **RESULT}).status_code == 303
    assert plant.actions().count("message.received") == 1


def test_a_batch_whose_recipe_knows_no_message_shows_nothing_of_it(
    supervisor: Visitor, plant: RecordPlant
) -> None:
    send(supervisor)
    plant.person("P-101").perform(RECORD, plant.path("WASH"))
    assert "Waits for a message or signal" not in text_of(supervisor.get(PAGE)), "it has ended"


def test_in_german_the_page_and_the_refusal_are_german(supervisor: Visitor) -> None:
    form = supervisor.forms("/work").to("/language")
    supervisor.client.post("/language", data={**form, "language": "de"})
    page = text_of(supervisor.get(PAGE))
    assert "Wartet auf eine Nachricht oder ein Signal" in page
    assert "zu L-7" in page
    assert "B-2045 wartet auf „lab_result“ mit L-7, nicht L-8" in text_of(
        send(supervisor, correlation="L-8")
    )
