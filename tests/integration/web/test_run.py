"""A record as a whole on the pages: hold, stop, abort, and what lets a held batch go on (W5)."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from ebr.models import RunState
from tests.support.records import PEOPLE, RecordPlant
from tests.support.web import Forms, Visitor

PAGE = "/records/B-2045"
STEP = f"{PAGE}/steps/A/1"
WHY = {"cause": "equipment_failure", "text": "impeller bearing runs hot"}


def full(badge: str) -> dict[str, str]:
    return {"badge": badge, "passphrase": PEOPLE[badge].passphrase}


def text_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def ask(visitor: Visitor, how: str, **fields: Any) -> TestResponse:
    return visitor.send(PAGE, f"{PAGE}/end/{how}", marker="cause", **{**WHY, **fields})


@pytest.fixture
def supervisor(visitor: Visitor) -> Visitor:
    assert visitor.login("P-105").status_code == 303
    return visitor


@pytest.mark.urs("URS-EXE-080", "URS-SIG-020")
def test_the_supervisor_stops_a_batch_over_its_consequences(
    supervisor: Visitor, plant: RecordPlant
) -> None:
    page = text_of(supervisor.get(PAGE))
    assert "A is ready" in page
    assert "Machines are not stopped by this" in page
    asked = ask(supervisor, "stop")
    assert "equipment failure: impeller bearing runs hot" in text_of(asked)
    assert supervisor.sign(asked, f"{PAGE}/end/stop", **full("P-105")).status_code == 303
    assert plant.run().state == RunState.STOPPED
    shown = text_of(supervisor.get(PAGE))
    assert "stopped: equipment failure: impeller bearing runs hot" in shown
    assert "Abort the batch" not in shown


@pytest.mark.urs("URS-EXE-080", "URS-SIG-040")
def test_the_supervisor_aborts_in_the_session_of_an_operator(
    operator: Visitor, plant: RecordPlant
) -> None:
    asked = ask(operator, "abort", typed="b-2045")
    assert operator.sign(asked, f"{PAGE}/end/abort", **full("P-105")).status_code == 303
    assert plant.run().state == RunState.ABORTED
    assert "Anna Kern" in text_of(operator.get("/work"))


@pytest.mark.urs("URS-EXE-080", "URS-IAM-020")
def test_an_operator_s_own_signature_does_not_end_a_batch(
    operator: Visitor, plant: RecordPlant
) -> None:
    asked = ask(operator, "stop")
    answer = operator.sign(asked, f"{PAGE}/end/stop", **full("P-102"))
    assert answer.status_code == 403
    assert plant.run().state == RunState.RUNNING


@pytest.mark.parametrize(
    ("how", "fields", "status"),
    [
        ("abort", {"typed": ""}, 422),
        ("abort", {"typed": "B-2044"}, 422),
        ("stop", {"cause": ""}, 422),
        ("stop", {"cause": "no_reason_of_ours"}, 422),
        ("stop", {"text": ""}, 422),
    ],
)
def test_what_is_missing_is_asked_for_before_the_signature(
    supervisor: Visitor, plant: RecordPlant, how: str, fields: dict[str, str], status: int
) -> None:
    assert ask(supervisor, how, **fields).status_code == status
    assert plant.run().state == RunState.RUNNING


def test_there_is_no_third_way_to_end(supervisor: Visitor) -> None:
    form = supervisor.forms(PAGE).to("/end/stop")
    answer = supervisor.client.post(f"{PAGE}/end/destroy", data={**form, **WHY})
    assert answer.status_code == 404


@pytest.mark.urs("URS-EXE-080")
def test_a_held_batch_says_on_both_pages_who_can_let_it_go_on(
    supervisor: Visitor, plant: RecordPlant
) -> None:
    supervisor.send(PAGE, f"{PAGE}/hold", reason="power failure in the room")
    assert plant.run().state == RunState.HELD
    for page in (PAGE, STEP):
        shown = text_of(supervisor.get(page))
        assert "What lets it go on" in shown
        assert "Miriam Vogel (P-105)" in shown
    answer = supervisor.send(PAGE, f"{PAGE}/restart", reason="power is back")
    assert answer.status_code == 303
    assert plant.run().state == RunState.RUNNING
    assert "What lets it go on" not in text_of(supervisor.get(PAGE))


def test_a_page_of_an_ended_batch_offers_no_form_that_ends_it(supervisor: Visitor) -> None:
    asked = ask(supervisor, "abort", typed="B-2045")
    supervisor.sign(asked, f"{PAGE}/end/abort", **full("P-105"))
    actions = [action for action, _fields in Forms(text_of(supervisor.get(PAGE))).forms]
    assert not [action for action in actions if "/end/" in action or action.endswith("/hold")]
