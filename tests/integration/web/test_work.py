"""Work on the pages: perform, sign, verify, refuse, correct, let go on, hold."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pikepdf
import pytest
from flask import Flask
from PIL import Image
from werkzeug.test import TestResponse

from ebr import queries
from tests.support.records import PEOPLE, RECORD, RecordPlant
from tests.support.web import Forms, Visitor

STEP = "/records/B-2045/steps/A/1"
LOOK = "/records/B-2045/steps/B/1"


def full(badge: str) -> dict[str, str]:
    """Badge and passphrase of somebody."""
    return {"badge": badge, "passphrase": PEOPLE[badge].passphrase}


def text_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def begin(visitor: Visitor, step: str = STEP) -> None:
    assert visitor.send(step, f"{step}/start").status_code == 303


def weigh(visitor: Visitor, mass: str = "10.05") -> None:
    begin(visitor)
    asked = visitor.send(STEP, f"{STEP}/perform", **{"v-mass": mass})
    assert visitor.sign(asked, f"{STEP}/perform", **full("P-101")).status_code == 303


def verify(visitor: Visitor, badge: str = "P-102", **more: Any) -> TestResponse:
    asked = visitor.send(STEP, f"{STEP}/sign/verifier")
    return visitor.sign(asked, f"{STEP}/sign/verifier", **{**full(badge), **more})


@pytest.mark.urs("URS-EXE-030", "URS-SIG-020", "URS-SIG-040")
def test_an_operator_performs_and_another_verifies_in_the_same_session(
    operator: Visitor, plant: RecordPlant
) -> None:
    weigh(operator)
    assert plant.step("A").state == "performed"
    assert verify(operator).status_code == 303
    assert plant.step("A").state == "complete"
    entries = [e for e in plant.entries() if e["action"].startswith("step.")]
    assert [e["actor"]["id"] for e in entries] == ["P-101", "P-101", "P-102"]
    assert "Anna Kern" in text_of(operator.get("/work"))


@pytest.mark.urs("URS-SIG-020")
def test_the_dialog_shows_what_is_signed_by_whom_with_which_meaning(operator: Visitor) -> None:
    begin(operator)
    shown = text_of(operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.31"}))
    for words in ("Net mass", "10.31", "alert limit passed", "performed", "Anna Kern (P-101)"):
        assert words in shown
    assert "07:00:00 +01:00" in shown


@pytest.mark.urs("URS-SIG-080")
def test_a_wrong_passphrase_signs_nothing_and_keeps_what_was_typed(
    operator: Visitor, plant: RecordPlant
) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    wrong = operator.sign(asked, f"{STEP}/perform", badge="P-101", passphrase="not this one")
    assert wrong.status_code == 422
    assert "2 tries left" in text_of(wrong)
    assert plant.texts("A") == {}
    assert operator.sign(wrong, f"{STEP}/perform", **full("P-101")).status_code == 303
    assert plant.texts("A") == {"mass": ["10.05"]}


@pytest.mark.urs("URS-SIG-080")
def test_three_wrong_passphrases_lock_account_and_screen(operator: Visitor) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    for _ in range(3):
        asked = operator.sign(asked, f"{STEP}/perform", badge="P-101", passphrase="not this one")
    assert operator.get("/live").get_json()["session"]["state"] == "locked"


@pytest.mark.urs("URS-SIG-080")
def test_content_changed_between_display_and_signature_signs_nothing(
    operator: Visitor, plant: RecordPlant
) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    answer = operator.sign(asked, f"{STEP}/perform", **full("P-101"), **{"v-mass": "10.06"})
    assert answer.status_code == 409
    assert plant.texts("A") == {}


@pytest.mark.urs("URS-SIG-080")
def test_a_request_shown_too_long_ago_is_shown_again_and_not_signed(
    operator: Visitor, plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    monkeypatch.setattr("web.signing.VALID_SECONDS", -1)
    answer = operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    assert answer.status_code == 409
    assert "two minutes ago" in text_of(answer)
    assert plant.texts("A") == {}


@pytest.mark.urs("URS-SIG-040")
def test_the_performer_cannot_verify_and_nobody_signs_as_another(
    operator: Visitor, plant: RecordPlant
) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    assert operator.sign(asked, f"{STEP}/perform", **full("P-102")).status_code == 409
    operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    assert verify(operator, "P-101").status_code == 403
    assert plant.step("A").state == "performed"


@pytest.mark.urs("URS-SIG-030")
def test_the_second_person_gives_badge_and_passphrase(operator: Visitor) -> None:
    weigh(operator)
    alone = {"badge": "", "passphrase": PEOPLE["P-102"].passphrase}
    assert verify(operator, passphrase="").status_code == 403
    asked = operator.send(STEP, f"{STEP}/sign/verifier")
    assert operator.sign(asked, f"{STEP}/sign/verifier", **alone).status_code == 403


@pytest.mark.urs("URS-SIG-020")
def test_who_disagrees_signs_a_reason_and_a_major_exception_holds_the_flow(
    operator: Visitor, plant: RecordPlant
) -> None:
    weigh(operator)
    refusal = {"_decision": "disagree", "disagreement": "the display showed 10.50"}
    assert verify(operator, **refusal).status_code == 303
    assert plant.exceptions() == [("not_verified", "major")]
    assert plant.step("A").state == "performed"
    assert "step.disagreed" in plant.actions()


@pytest.mark.urs("URS-SIG-020")
def test_disagreeing_needs_a_reason(operator: Visitor, plant: RecordPlant) -> None:
    weigh(operator)
    assert verify(operator, _decision="disagree", disagreement=" ").status_code == 422
    assert plant.exceptions() == []


@pytest.mark.urs("URS-EXE-060")
@pytest.mark.parametrize("text", ["8,3", "abc", "1e9", ""])
def test_a_refused_value_comes_back_as_typed_with_the_rule(operator: Visitor, text: str) -> None:
    begin(operator)
    answer = operator.send(STEP, f"{STEP}/perform", **{"v-mass": text})
    assert answer.status_code == 422
    assert 'data-field="mass"' in text_of(answer)
    assert f'value="{text}"' in text_of(answer)
    assert "Nothing was recorded" in text_of(answer)


@pytest.mark.urs("URS-SIG-080")
def test_one_form_sent_twenty_times_at_once_is_recorded_once(
    app: Flask, operator: Visitor, plant: RecordPlant
) -> None:
    form = operator.forms(STEP).to("/start")
    cookies = {
        name: operator.client.get_cookie(name) for name in ("bw_session", "bw_form", "bw_terminal")
    }

    def send(_: int) -> int:
        client = app.test_client()
        for name, cookie in cookies.items():
            assert cookie is not None
            client.set_cookie(name, cookie.value)
        return client.post(f"{STEP}/start", data=form).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(send, range(20)))
    assert codes == [303] * 20
    assert plant.actions().count("step.started") == 1
    assert "attempt.refused" not in plant.actions()


@pytest.mark.urs("URS-SIG-080")
def test_a_signed_form_sent_again_is_signed_once_and_other_content_is_refused(
    operator: Visitor, plant: RecordPlant
) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    for _ in range(3):
        assert operator.sign(asked, f"{STEP}/perform", **full("P-101")).status_code == 303
    changed = operator.sign(asked, f"{STEP}/perform", **full("P-101"), **{"v-mass": "9.99"})
    assert changed.status_code == 409
    assert plant.actions().count("step.performed") == 1


@pytest.mark.urs("URS-EXE-010")
def test_a_stale_page_changes_nothing(operator: Visitor, plant: RecordPlant) -> None:
    weigh(operator)
    stale = operator.forms(STEP).to("/sign/verifier")
    correct(operator, "10.06")
    answer = operator.client.post(f"{STEP}/sign/verifier", data={**stale, "_request": ""})
    assert answer.status_code == 409
    asked = operator.client.post(f"{STEP}/sign/verifier", data=stale)
    signed = operator.sign(asked, f"{STEP}/sign/verifier", **full("P-102"))
    assert signed.status_code == 409
    assert "corrected meanwhile" in text_of(signed)


@pytest.mark.urs("URS-IAM-100")
def test_the_page_of_another_person_is_refused_by_name(operator: Visitor) -> None:
    form = operator.forms(STEP).to("/start")
    token = operator.forms("/work").to("/logout")
    operator.client.post("/logout", data=token)
    assert operator.login("P-102").status_code == 303
    fresh = operator.forms("/work").to("/lock")["csrf_token"]
    answer = operator.client.post(f"{STEP}/start", data={**form, "csrf_token": fresh})
    assert answer.status_code == 409
    assert "This page belongs to Anna Kern (P-101)" in text_of(answer)


@pytest.mark.urs("URS-IAM-110")
def test_an_unqualified_person_reads_the_gap_and_who_can_act(visitor: Visitor) -> None:
    visitor.login("P-103")
    page = text_of(visitor.get(STEP))
    assert "never qualified for TST-1 v1" in page
    assert "Anna Kern (P-101)" in page
    assert "Start this step" not in page


def correct(visitor: Visitor, mass: str, reason: str = "misread the display") -> TestResponse:
    to = f"{STEP}/correct/mass/0"
    asked = visitor.send(STEP, to, text=mass, reason=reason)
    if asked.status_code != 200:
        return asked
    return visitor.sign(asked, to, passphrase=PEOPLE["P-101"].passphrase)


@pytest.mark.urs("URS-SIG-060", "URS-AUD-030")
def test_a_correction_keeps_the_old_value_and_asks_for_new_signatures(
    operator: Visitor, plant: RecordPlant
) -> None:
    weigh(operator)
    assert correct(operator, "10.15").status_code == 303
    page = text_of(operator.get(STEP))
    assert re.search(r"<s>.*10\.05", page)
    assert "misread the display" in page
    assert "superseded by a correction" in page
    assert plant.step("A").revision == 2


@pytest.mark.urs("URS-AUD-040")
def test_a_correction_without_a_reason_is_refused(operator: Visitor, plant: RecordPlant) -> None:
    weigh(operator)
    assert correct(operator, "10.15", reason="x").status_code == 422
    assert plant.texts("A") == {"mass": ["10.05"]}


@pytest.mark.urs("URS-DEV-020")
def test_after_a_critical_value_the_quality_unit_lets_the_flow_go_on_at_the_same_terminal(
    operator: Visitor, plant: RecordPlant
) -> None:
    weigh(operator, "10.91")
    verify(operator)
    assert plant.run().state == "held"
    assert "Samuel Okafor (P-107)" in text_of(operator.get(STEP))
    to = "/records/B-2045/exceptions/1/go-on"
    asked = operator.send(STEP, to, reason="the scale was checked, the value is right")
    assert operator.sign(asked, to, **full("P-102")).status_code == 403
    asked = operator.send(STEP, to, reason="the scale was checked, the value is right")
    assert operator.sign(asked, to, **full("P-107")).status_code == 303
    assert plant.run().state == "running"
    assert plant.step("A").state == "complete"


@pytest.mark.urs("URS-DEV-010")
def test_comments_and_reported_exceptions_stand_at_the_step(
    operator: Visitor, plant: RecordPlant
) -> None:
    operator.send(STEP, f"{STEP}/comment", text="The hopper was wet")
    operator.send(STEP, f"{STEP}/report", severity="minor", text="A glove was found beside it")
    operator.send(STEP, "/records/B-2045/exceptions/1/comment", text="It was new and is binned")
    page = text_of(operator.get(STEP))
    for words in ("The hopper was wet", "A glove was found beside it", "It was new and is binned"):
        assert words in page
    assert plant.exceptions() == [("reported", "minor")]


@pytest.mark.urs("URS-EXE-080")
def test_the_supervisor_holds_and_restarts_a_batch(visitor: Visitor, plant: RecordPlant) -> None:
    visitor.login("P-105")
    page = "/records/B-2045"
    assert visitor.send(page, f"{page}/hold", reason="power failure in the room").status_code == 303
    assert plant.run().state == "held"
    assert "power failure in the room" in text_of(visitor.get(page))
    assert visitor.send(page, f"{page}/restart", reason="power is back").status_code == 303
    assert plant.run().state == "running"


@pytest.mark.urs("URS-EXE-080")
def test_an_operator_cannot_hold_a_batch(operator: Visitor) -> None:
    form = operator.forms(STEP).to("/start")
    answer = operator.client.post("/records/B-2045/hold", data={**form, "reason": "because I say"})
    assert answer.status_code == 403


def picture(kind: str = "PNG") -> bytes:
    """A small picture with a hidden text in it."""
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, format=kind)
    return data.getvalue() + b"<script>hidden</script>"


def to_look(visitor: Visitor, plant: RecordPlant) -> None:
    weigh(visitor)
    verify(visitor)
    plant.work()
    begin(visitor, LOOK)


@pytest.mark.urs("URS-SEC-030")
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_cleaned_survives_the_dialog_and_joins_the_record(
    operator: Visitor, plant: RecordPlant, kind: str
) -> None:
    to_look(operator, plant)
    sent = (io.BytesIO(picture(kind)), "../../vessel.exe")
    given: dict[str, Any] = {"v-look": "clear", "picture": sent}
    asked = operator.send(LOOK, f"{LOOK}/perform", **given)
    signed = operator.sign(asked, f"{LOOK}/perform", passphrase=PEOPLE["P-101"].passphrase)
    assert signed.status_code == 303
    with plant.house.reading() as session:
        kept = queries.attachments(session, queries.run_of(session, "B-2045"))
        assert [(each.name[:6], b"hidden" in each.data) for each in kept] == [("vessel", False)]
        digest = kept[0].digest
    answer = operator.get(f"/records/B-2045/files/{digest}")
    assert answer.mimetype == f"image/{kind.lower()}"


@pytest.mark.urs("URS-SEC-030")
@pytest.mark.parametrize("data", [b"<html></html>", b"MZ\x90\x00", b"%PDF-1.7 broken", b"GIF89a"])
def test_a_file_of_another_kind_is_refused_and_what_was_typed_stays(
    operator: Visitor, plant: RecordPlant, data: bytes
) -> None:
    to_look(operator, plant)
    fields: dict[str, Any] = {"v-look": "clear", "v-note": "as expected"}
    answer = operator.send(
        LOOK, f"{LOOK}/perform", picture=(io.BytesIO(data), "photo.png"), **fields
    )
    assert answer.status_code == 422
    assert "readable PNG, JPEG or PDF" in text_of(answer)
    assert 'value="as expected"' in text_of(answer)


@pytest.mark.urs("URS-SEC-030", "URS-AUD-010")
def test_a_pdf_that_runs_a_script_is_refused_with_what_it_holds(
    operator: Visitor, plant: RecordPlant
) -> None:
    to_look(operator, plant)
    out = io.BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        made.save(out)
    sent = (io.BytesIO(out.getvalue()), "protocol.pdf")
    answer = operator.send(LOOK, f"{LOOK}/perform", picture=sent, **{"v-look": "clear"})
    assert answer.status_code == 422
    assert "it holds a script" in text_of(answer)


@pytest.mark.urs("URS-SIG-030")
def test_the_first_signing_takes_badge_and_passphrase_the_next_the_passphrase(
    operator: Visitor, plant: RecordPlant
) -> None:
    begin(operator)
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    assert "badge" in Forms(text_of(asked)).with_field("_request")
    passphrase = PEOPLE["P-101"].passphrase
    alone = operator.sign(asked, f"{STEP}/perform", badge="", passphrase=passphrase)
    assert alone.status_code == 403
    operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    verify(operator)
    plant.work()
    begin(operator, LOOK)
    asked = operator.send(LOOK, f"{LOOK}/perform", **{"v-look": "clear"})
    assert "badge" not in Forms(text_of(asked)).with_field("_request")


@pytest.mark.urs("URS-EXE-030")
def test_not_applicable_needs_a_reason_and_is_listed(operator: Visitor, plant: RecordPlant) -> None:
    begin(operator)
    given = {"v-mass": "", "n-mass": "the scale is out, weighed in room 1.13"}
    asked = operator.send(STEP, f"{STEP}/perform", **given)
    operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    assert plant.exceptions() == [("not_applicable", "minor")]


def test_the_queue_says_what_is_mine_what_waits_and_who_asks_for_help(
    app: Flask, operator: Visitor
) -> None:
    assert "NEXT" in text_of(operator.get("/work"))
    begin(operator)
    assert "NOW" in text_of(operator.get("/work"))
    asked = operator.send(STEP, f"{STEP}/perform", **{"v-mass": "10.05"})
    operator.sign(asked, f"{STEP}/perform", **full("P-101"))
    other = Visitor(app)
    other.login("P-102")
    page = text_of(other.get("/work"))
    assert "HELP" in page
    assert "verifier" in page


def test_the_page_tells_news_of_the_record_by_its_cursor(operator: Visitor) -> None:
    first = operator.get(f"/live?watch={RECORD}").get_json()
    assert first["changed"] == []
    begin(operator)
    news = operator.get(f"/live?watch={RECORD}&since={first['cursor']}").get_json()
    assert news["changed"] == [RECORD]
    assert news["clock"] == "07:00:00 CET (+01:00)"
