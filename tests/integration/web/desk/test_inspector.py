"""An invited inspector reads the records of one product, and nothing else, and changes nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from personnel import commands, invitations
from personnel.invitations import Invitation
from tests.integration.web.desk.conftest import Enter, text_of
from tests.integration.web.test_door import UNSAFE, address_of
from tests.support import batches
from tests.support.records import RecordPlant
from tests.support.web import Visitor
from web.access import matrix

BADGE = "I-001"
PASSPHRASE = "lantern under the bridge"
BASE = "/batches/B-2045"
RECIPES = Path(__file__).parents[4] / "workflows" / "production"
EXPORTS = {
    "record.ask_pdf",
    "record.ask_bundle",
    "exports.ask",
    "trail.export",
    "documents.ask",
}
OWN_DOOR = {"personnel.change_passphrase", "personnel.touch"}


def prepare(plant: RecordPlant, product: str = "500010") -> None:
    """An account whose role an administrator asked for."""
    first, house = plant.person("A-001").actor, plant.house
    house.perform(commands.add_person, BADGE, "Inspector 01", natural_key="N-I-001", by=first)
    house.perform(
        commands.request_role,
        BADGE,
        "INSPECTOR",
        reason="next inspection",
        scope=f"product {product}",
        by=first,
    )


def invite(plant: RecordPlant) -> Invitation:
    """Another administrator opens it for a week."""
    made: Invitation = plant.house.perform(
        invitations.invite,
        BADGE,
        lasting=timedelta(days=7),
        reason="inspection of March",
        by=plant.person("A-002").actor,
    )
    return made


def enrol(visitor: Visitor, secret: str, again: str = PASSPHRASE) -> int:
    """Choose the passphrase on its page; answers the status."""
    form = visitor.forms("/enrol").with_field("secret")
    given = {"badge": BADGE, "secret": secret, "new": PASSPHRASE, "again": again}
    return visitor.client.post("/enrol", data={**form, **given}).status_code


@pytest.fixture
def inspector(plant: RecordPlant, app: Flask) -> Visitor:
    """Inspector 01, signed in, with a batch of the product at its disposition step."""
    batches.plan(plant)
    batches.run_up_to(plant, "I")
    prepare(plant)
    visitor = Visitor(app)
    assert enrol(visitor, invite(plant).secret) == 303
    assert visitor.login(BADGE, PASSPHRASE).status_code == 303
    return visitor


@pytest.mark.urs("URS-IAM-070")
def test_a_passphrase_is_chosen_with_the_secret_once(plant: RecordPlant, app: Flask) -> None:
    prepare(plant)
    visitor = Visitor(app)
    assert visitor.login(BADGE, PASSPHRASE).status_code == 401
    secret = invite(plant).secret
    assert enrol(visitor, secret, again="another passphrase") == 422
    assert enrol(visitor, "not the secret") == 401
    assert enrol(visitor, secret) == 303
    assert enrol(visitor, secret) == 401
    assert visitor.login(BADGE, PASSPHRASE).status_code == 303


@pytest.mark.urs("URS-IAM-050")
def test_after_the_week_the_login_is_refused_with_the_reason(
    plant: RecordPlant, inspector: Visitor
) -> None:
    assert inspector.get("/batches").status_code == 200
    plant.later(days=7, minutes=1)
    assert inspector.get("/batches").headers["Location"].startswith("/login")
    refused = inspector.login(BADGE, PASSPHRASE)
    assert refused.status_code == 403
    assert "the access of Inspector 01 (I-001) ended on 2026-03-09" in text_of(refused)
    assert "The attempt is noted in the audit trail." in text_of(refused)


@pytest.mark.urs("URS-IAM-020")
def test_the_inspector_reads_every_tab_of_a_record_and_finds_no_form_that_acts(
    inspector: Visitor,
) -> None:
    harmless = re.compile(
        r"/(look|language|logout|lock|unlock|record/pdf|record/bundle|documents/[a-z]+)$"
    )
    for tab in ("", "/route", "/values", "/trends", "/signatures", "/exceptions", "/trail"):
        page = inspector.get(f"{BASE}/record{tab}")
        assert page.status_code == 200, tab
        forms = inspector.forms(f"{BASE}/record{tab}").forms
        sent = [to for to, fields in forms if "csrf_token" in fields]
        assert [to for to in sent if not harmless.search(to)] == [], tab


@pytest.mark.urs("URS-IAM-020")
def test_no_form_of_any_page_changes_anything_for_an_inspector(
    plant: RecordPlant, app: Flask, inspector: Visitor
) -> None:
    form = inspector.forms(f"{BASE}/record").to("/record/pdf")
    before = plant.actions()
    answers = {}
    for name, access in matrix(app).items():
        rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == name)
        if access.public or name in EXPORTS | OWN_DOOR:
            continue
        for method in (rule.methods or set()) & UNSAFE:
            answer = inspector.client.open(address_of(app, name), method=method, data=form)
            answers[name] = answer.status_code
    assert {name: status for name, status in answers.items() if status != 403} == {}
    assert len(answers) > 30
    assert [action for action in plant.actions() if action != "attempt.refused"] == before


@pytest.mark.urs("URS-IAM-020", "URS-AUD-010")
@pytest.mark.parametrize(
    "path",
    ["/materials", "/equipment", "/maintenance", "/deviations", "/reviews", "/find?q=B-2045",
     "/records/B-2045", "/records/B-2045/steps/A/1", "/recipes/files/" + "0" * 64, "/plant"],
)  # fmt: skip
def test_a_page_that_shows_more_than_the_product_is_refused_and_noted(
    plant: RecordPlant, inspector: Visitor, path: str
) -> None:
    answer = inspector.get(path)
    assert answer.status_code == 403
    assert plant.actions("site")[-1] == "attempt.refused"


@pytest.mark.urs("URS-IAM-020")
def test_the_inspector_of_another_product_sees_nothing_of_this_batch(
    plant: RecordPlant, app: Flask
) -> None:
    batches.plan(plant)
    prepare(plant, "500020")
    visitor = Visitor(app)
    enrol(visitor, invite(plant).secret)
    visitor.login(BADGE, PASSPHRASE)
    for page in ("/batches", "/exceptions"):
        assert "B-2045" not in text_of(visitor.get(page)), page
    for page in (BASE, f"{BASE}/record", f"{BASE}/record/trail", f"{BASE}/record/values?csv=t"):
        answer = visitor.get(page)
        assert answer.status_code == 403, page
        assert "records of product 500020 only" in text_of(answer)
    unknown = visitor.get("/batches/B-9999/record")
    assert unknown.status_code == 403, "nor does it tell which numbers exist"
    assert visitor.get("/live?watch=batch/B-2045").get_json()["cursor"] == ""


def test_the_menu_and_the_start_page_lead_an_inspector_only_where_it_opens(
    inspector: Visitor,
) -> None:
    assert inspector.get("/work").headers["Location"] == "/batches"
    page = text_of(inspector.get("/batches"))
    menu = re.findall(r'<li><a href="(/[a-z]+)"', page.partition("</nav>")[0])
    assert menu == ["/batches", "/exceptions", "/documents", "/exports", "/recipes", "/trail"]
    assert "B-2045" in page


def test_people_of_the_site_are_not_limited(plant: RecordPlant, enter: Enter) -> None:
    batches.plan(plant)
    reader = enter("P-101")
    for page in ("/batches", "/materials", "/equipment", "/records/B-2045", f"{BASE}/record"):
        assert reader.get(page).status_code == 200, page
    assert reader.get("/live?watch=batch/B-2045").get_json()["cursor"] != ""


@pytest.mark.urs("URS-AUD-010")
def test_a_form_beyond_the_product_is_noted_once_and_the_page_says_so(
    plant: RecordPlant, inspector: Visitor
) -> None:
    form = inspector.forms(f"{BASE}/record").to("/record/pdf")
    before = plant.actions("site").count("attempt.refused")
    answer = inspector.client.post("/records/B-2045/end/stop", data=form)
    assert answer.status_code == 403
    assert "The attempt is noted in the audit trail." in text_of(answer)
    assert plant.actions("site").count("attempt.refused") == before + 1
    assert plant.actions().count("attempt.refused") == 0
