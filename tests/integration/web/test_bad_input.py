"""Bad input on the pages: refused with rule, fact and who resolves it; nothing changed; kept.

Each test compares the whole database before and after (URS-AUD-010, and the rule it breaks). What a
page must remember of the attempt itself is named: the life of a session, a counted failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from core.errors import NoRoom
from personnel import credentials
from tests.integration.web.test_work import (
    LOOK,
    STEP,
    begin,
    correct,
    full,
    text_of,
    weigh,
)
from tests.support.records import RecordPlant
from tests.support.untouched import untouched
from tests.support.web import Forms, Visitor

SESSION = frozenset({"login_session"})
"""When somebody was last active at a terminal: no fact of GMP, kept of refused requests too."""
COUNTED = SESSION | {"credential", "terminal_tries"}
"""Where a wrong passphrase is counted."""


@contextmanager
def one_attempt(
    plant: RecordPlant, rule: str, *, besides: frozenset[str] = SESSION, action: str = ""
) -> Iterator[list[TestResponse]]:
    """Requests that are refused by `rule`: the answers, put into the list, name it; nothing
    changes; one attempt stands in the trail, as a refusal or under an `action` of its own."""
    answers: list[TestResponse] = []
    with untouched(plant.house, besides=besides) as written:
        yield answers
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert rule in text_of(answer), "the page names the rule"
        assert "Who can resolve it" in text_of(answer)
    (entry,) = written
    assert entry["action"] == (action or "attempt.refused")
    if not action:
        assert entry["facts"]["rule"] == rule
        assert entry["facts"]["fact"]
        assert entry["facts"]["resolver"]


def asked_to_sign(operator: Visitor, mass: str = "10.05") -> TestResponse:
    """The dialog of the first step, with a value typed."""
    begin(operator)
    return operator.send(STEP, f"{STEP}/perform", **{"v-mass": mass})


@pytest.mark.urs("URS-SIG-080", "URS-IAM-080", "URS-AUD-010")
def test_a_wrong_passphrase(operator: Visitor, plant: RecordPlant) -> None:
    asked = asked_to_sign(operator)
    given: dict[str, Any] = {"badge": "P-101", "passphrase": "guess after guess"}
    action = "signing.failed"
    with one_attempt(plant, "signature.secret", besides=COUNTED, action=action) as answers:
        answers.append(operator.sign(asked, f"{STEP}/perform", **given))
    assert "2 tries left" in text_of(answers[0])


@pytest.mark.urs("URS-IAM-080", "URS-AUD-010")
def test_a_wrong_passphrase_at_the_door(visitor: Visitor, plant: RecordPlant) -> None:
    with one_attempt(plant, "login.refused", besides=COUNTED, action="login.failed") as answers:
        answers.append(visitor.login("P-101", "guess after guess"))


@pytest.mark.urs("URS-IAM-080", "URS-SIG-080")
def test_a_lock_out_and_its_way_back(operator: Visitor, plant: RecordPlant) -> None:
    asked = asked_to_sign(operator)
    wrong: dict[str, Any] = {"badge": "P-101", "passphrase": "guess after guess"}
    with untouched(plant.house, besides=COUNTED) as written:
        for _ in range(3):
            asked = operator.sign(asked, f"{STEP}/perform", **wrong)
    assert [entry["action"] for entry in written].count("signing.failed") == 3
    assert operator.get("/work").headers["Location"].startswith("/unlock")
    visitor = Visitor(operator.client.application)
    locked = visitor.login("P-101")
    assert locked.status_code == 401
    assert "administrator" in text_of(locked)
    administrator = plant.person("A-001").actor
    plant.house.perform(
        credentials.unlock_account, "P-101", reason="mistyped, asked in person", by=administrator
    )
    assert visitor.login("P-101").status_code == 303


@pytest.mark.urs("URS-IAM-110", "URS-AUD-010")
def test_an_unqualified_person(app: Flask, operator: Visitor, plant: RecordPlant) -> None:
    form = operator.forms(STEP).to("/start")
    other = Visitor(app)
    assert other.login("P-103").status_code == 303
    own = other.forms("/work").to("/lock")
    sent = {**form, "csrf_token": own["csrf_token"], "_for": "P-103"}
    with one_attempt(plant, "person.qualification") as answers:
        answers.append(other.client.post(f"{STEP}/start", data=sent))
    assert "never qualified for TST-1 v1" in text_of(answers[0])
    assert "Anna Kern (P-101)" in text_of(answers[0])


@pytest.mark.urs("URS-SIG-080", "URS-AUD-010")
def test_a_replayed_form_with_other_content(operator: Visitor, plant: RecordPlant) -> None:
    asked = asked_to_sign(operator)
    signed = operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    assert signed.status_code == 303
    with one_attempt(plant, "request.replayed") as answers:
        sent: dict[str, Any] = {**full("P-101"), "v-mass": "9.99"}
        answers.append(operator.sign(asked, f"{STEP}/perform", **sent))


@pytest.mark.urs("URS-SIG-080", "URS-EXE-090")
def test_a_replayed_form_with_the_same_content_gets_the_first_answer(
    operator: Visitor, plant: RecordPlant
) -> None:
    asked = asked_to_sign(operator)
    first = operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    with untouched(plant.house, besides=SESSION) as written:
        again = operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    assert (again.status_code, again.headers["Location"]) == (303, first.headers["Location"])
    assert written == []


@pytest.mark.urs("URS-EXE-010", "URS-SIG-080", "URS-AUD-010")
def test_a_stale_page(operator: Visitor, plant: RecordPlant) -> None:
    weigh(operator)
    asked = operator.send(STEP, f"{STEP}/sign/verifier")
    assert correct(operator, "10.06").status_code == 303
    besides = SESSION | {"signing_ceremony"}
    with one_attempt(plant, "step.changed", besides=besides) as answers:
        answers.append(operator.sign(asked, f"{STEP}/sign/verifier", **full("P-102")))


@pytest.mark.urs("URS-SIG-080", "URS-EXE-090")
def test_a_double_click(app: Flask, operator: Visitor, plant: RecordPlant) -> None:
    form = operator.forms(STEP).to("/start")
    first = operator.client.post(f"{STEP}/start", data=form)
    assert first.status_code == 303
    names = ("bw_session", "bw_form", "bw_terminal")
    cookies = {name: operator.client.get_cookie(name) for name in names}

    def send(_: int) -> int:
        client = app.test_client()
        for name, cookie in cookies.items():
            assert cookie is not None
            client.set_cookie(name, cookie.value)
        return client.post(f"{STEP}/start", data=form).status_code

    with untouched(plant.house, besides=SESSION) as written, ThreadPoolExecutor(4) as pool:
        assert set(pool.map(send, range(8))) == {303}
    assert written == []


@pytest.mark.urs("URS-IAM-100", "URS-AUD-010")
def test_the_page_of_another_person_s_session(operator: Visitor, plant: RecordPlant) -> None:
    form = operator.forms(STEP).to("/start")
    operator.client.post("/logout", data=operator.forms("/work").to("/logout"))
    assert operator.login("P-102").status_code == 303
    fresh = operator.forms("/work").to("/lock")["csrf_token"]
    with one_attempt(plant, "page.other_person") as answers:
        answers.append(operator.client.post(f"{STEP}/start", data={**form, "csrf_token": fresh}))
    assert "This page belongs to Anna Kern (P-101)" in text_of(answers[0])


@pytest.mark.urs("URS-SIG-040", "URS-AUD-010")
def test_a_signature_with_another_person_s_badge(operator: Visitor, plant: RecordPlant) -> None:
    asked = asked_to_sign(operator)
    with one_attempt(plant, "page.other_person") as answers:
        answers.append(operator.sign(asked, f"{STEP}/perform", **full("P-102")))


@pytest.mark.urs("URS-SIG-040", "URS-AUD-010")
def test_the_same_person_as_verifier(operator: Visitor, plant: RecordPlant) -> None:
    weigh(operator)
    asked = operator.send(STEP, f"{STEP}/sign/verifier")
    besides = SESSION | {"signing_ceremony"}
    with one_attempt(plant, "signature.independence", besides=besides) as answers:
        answers.append(operator.sign(asked, f"{STEP}/sign/verifier", **full("P-101")))


@pytest.mark.urs("URS-EXE-010", "URS-AUD-010")
def test_a_step_out_of_order(operator: Visitor, plant: RecordPlant) -> None:
    form = operator.forms(STEP).to("/start")
    with one_attempt(plant, "step.unknown") as answers:
        answers.append(operator.client.post(f"{LOOK}/start", data=form))
    weigh(operator)
    done = Forms(text_of(operator.get(STEP))).to("/comment")
    with one_attempt(plant, "step.order") as answers:
        answers.append(operator.client.post(f"{STEP}/start", data=done))


@pytest.mark.urs("URS-SIG-080", "URS-AUD-010")
def test_content_changed_after_it_was_shown(operator: Visitor, plant: RecordPlant) -> None:
    asked = asked_to_sign(operator)
    besides = SESSION | {"signing_ceremony"}
    with one_attempt(plant, "signature.content_changed", besides=besides) as answers:
        sent: dict[str, Any] = {**full("P-101"), "v-mass": "10.06"}
        answers.append(operator.sign(asked, f"{STEP}/perform", **sent))


@pytest.mark.urs("URS-EXE-060", "URS-AUD-010")
@pytest.mark.parametrize(
    ("typed", "rule"), [("8,3", "value.format"), ("1e9", "value.format"), ("", "value.missing")]
)
def test_a_value_in_the_wrong_form(
    operator: Visitor, plant: RecordPlant, typed: str, rule: str
) -> None:
    begin(operator)
    with one_attempt(plant, rule) as answers:
        answers.append(operator.send(STEP, f"{STEP}/perform", **{"v-mass": typed}))


def test_a_change_behind_the_page_would_be_seen(plant: RecordPlant) -> None:
    administrator = plant.person("A-001").actor
    issue = credentials.issue_secret
    with pytest.raises(AssertionError) as caught, untouched(plant.house):
        plant.house.perform(issue, "P-101", reason="forgot it", by=administrator)
    assert "credential" in str(caught.value)


@pytest.mark.urs("URS-AUD-010")
def test_an_attempt_that_cannot_be_kept_is_told_as_trouble_of_the_database(
    operator: Visitor, plant: RecordPlant
) -> None:
    form = {**operator.forms(STEP).to("/start"), "_for": "P-103"}

    def no_room(*_: object, **__: object) -> None:
        raise NoRoom("the disk of the database takes nothing more", resolver="the administrator")

    plant.house.on_refusal = no_room
    with untouched(plant.house, besides=SESSION) as written:
        answer = operator.client.post(f"{STEP}/start", data=form)
    assert answer.status_code == 503
    assert "database.no_room" in text_of(answer)
    assert "noted in the audit trail" not in text_of(answer)
    assert written == []
