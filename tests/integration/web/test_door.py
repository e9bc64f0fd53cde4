"""Who gets in, what every answer carries, what every form must show."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, url_for
from werkzeug.routing import Rule
from werkzeug.routing.converters import AnyConverter, NumberConverter, UUIDConverter

from tests.support.records import PEOPLE, RecordPlant
from tests.support.web import Visitor, app_of
from web import blueprints
from web.access import matrix, needs
from web.security import HEADERS

PUBLIC = {
    "home.health", "restored.health", "backups.health", "live.live", "live.csp_report",
    "personnel.login", "personnel.log_in",
    "personnel.unlock", "personnel.go_on_after_lock", "personnel.lock", "personnel.logout",
    "personnel.terminal", "personnel.set_terminal", "personnel.look", "personnel.language",
    "personnel.enrol", "personnel.set_first_passphrase",
}  # fmt: skip
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
STEP = "/records/B-2045/steps/A/1"


def address_of(app: Flask, endpoint: str) -> str:
    """An address of that page with plausible arguments."""
    rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == endpoint)
    given: dict[str, Any] = {name: _sample(rule, name) for name in rule.arguments}
    with app.test_request_context():
        return url_for(endpoint, **given)


def _sample(rule: Rule, name: str) -> Any:
    converter = rule._converters[name]
    if isinstance(converter, AnyConverter):
        return sorted(converter.items)[0]
    if isinstance(converter, UUIDConverter):
        return UUID(int=1)
    plain = {"key": "A", "number": "B-2045"}.get(name, "x")
    return 1 if isinstance(converter, NumberConverter) else plain


@pytest.mark.urs("URS-IAM-020")
def test_every_page_names_a_permission_or_stands_on_the_public_list(app: Flask) -> None:
    found = {name for name, access in matrix(app).items() if access.public}
    assert found == PUBLIC


@pytest.mark.urs("URS-IAM-020")
def test_nobody_gets_past_a_page_that_is_not_public_without_signing_in(app: Flask) -> None:
    visitor = Visitor(app)
    token = visitor.forms("/login").with_field("csrf_token")["csrf_token"]
    opened = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = visitor.client.open(
                address_of(app, rule.endpoint), method=method, data={"csrf_token": token}
            )
            away = answer.headers.get("Location", "/login").startswith("/login")
            if answer.status_code not in (303, 401) or not away:
                opened.append((rule.endpoint, method, answer.status_code))
    assert opened == []


@pytest.mark.urs("URS-IAM-020", "URS-IAM-030")
def test_the_administrator_opens_no_page_of_gmp_work(app: Flask) -> None:
    admin = Visitor(app)
    assert admin.login("A-001").status_code == 303
    for name, access in matrix(app).items():
        rule = next(rule for rule in app.url_map.iter_rules() if rule.endpoint == name)
        if access.permission == "record.read" and "GET" in (rule.methods or ()):
            assert admin.get(address_of(app, name)).status_code == 403, name


@pytest.mark.urs("URS-AUD-010")
def test_a_refused_page_is_an_audited_attempt(app: Flask, plant: RecordPlant) -> None:
    admin = Visitor(app)
    admin.login("A-001")
    admin.get("/work")
    assert "attempt.refused" in plant.actions("site")


@pytest.mark.urs("URS-SEC-010")
@pytest.mark.parametrize("path", ["/login", "/nothing-here", "/live", "/health", "/"])
def test_every_answer_carries_the_policy_and_the_headers(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for name in HEADERS:
        assert name in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.urs("URS-SEC-010")
def test_every_form_of_every_method_is_refused_without_its_token(
    app: Flask, operator: Visitor
) -> None:
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) & UNSAFE:
            if rule.endpoint == "live.csp_report":
                continue
            answer = operator.client.open(address_of(app, rule.endpoint), method=method)
            assert answer.status_code == 400, rule.endpoint


@pytest.mark.urs("URS-SEC-010")
@pytest.mark.parametrize("origin", ["cross-site", "same-site"])
def test_a_form_from_another_site_is_refused_even_with_its_token(
    operator: Visitor, origin: str
) -> None:
    form = operator.forms(STEP).to("/start")
    answer = operator.client.post(f"{STEP}/start", data=form, headers={"Sec-Fetch-Site": origin})
    assert answer.status_code == 400


@pytest.mark.urs("URS-IAM-100")
def test_cookies_are_for_this_host_only_and_no_script_reads_them(visitor: Visitor) -> None:
    for cookie in visitor.login("P-101").headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Domain" not in cookie


@pytest.mark.urs("URS-IAM-100")
def test_over_tls_the_cookies_are_host_bound_and_secure(app: Flask) -> None:
    client = app.test_client()
    base = "https://localhost"
    page = client.get("/login", base_url=base).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    answer = client.post(
        "/login",
        base_url=base,
        headers={"Referer": f"{base}/login"},
        data={"csrf_token": token[1], "badge": "P-101", "passphrase": PEOPLE["P-101"].passphrase},
    )
    assert answer.status_code == 303
    cookies = answer.headers.getlist("Set-Cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("__Host-bw_session="))
    assert "Secure" in session
    assert "max-age" in answer.headers["Strict-Transport-Security"]


@pytest.mark.urs("URS-IAM-080")
def test_a_wrong_passphrase_says_no_more_than_that(visitor: Visitor) -> None:
    known = visitor.login("P-101", "not the right one")
    unknown = visitor.login("P-999", "not the right one")
    assert known.status_code == unknown.status_code == 401
    for answer in (known, unknown):
        assert "Badge or passphrase is wrong" in answer.get_data(as_text=True)


@pytest.mark.urs("URS-IAM-100")
def test_after_logging_in_only_an_address_of_ours_is_opened(visitor: Visitor) -> None:
    form = visitor.forms("/login").with_field("badge")
    for foreign in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"):
        page = visitor.get("/login", query_string={"next": foreign}).get_data(as_text=True)
        assert 'name="next" value="/work"' in page
    given = {"badge": "P-101", "passphrase": PEOPLE["P-101"].passphrase, "next": "//evil.example"}
    assert visitor.client.post("/login", data={**form, **given}).headers["Location"] == "/work"


@pytest.mark.urs("URS-IAM-100")
def test_passphrases_do_not_cross_a_network_in_clear(visitor: Visitor) -> None:
    form = visitor.forms("/login").with_field("badge")
    answer = visitor.client.post(
        "/login", data={**form, "badge": "P-101"}, environ_base={"REMOTE_ADDR": "10.0.0.7"}
    )
    assert answer.status_code == 403
    assert "not encrypted" in answer.get_data(as_text=True)


@pytest.mark.urs("URS-IAM-100")
def test_a_locked_session_opens_nothing_and_its_own_person_unlocks_it(operator: Visitor) -> None:
    operator.client.post("/lock", data=operator.forms("/work").to("/lock"))
    assert operator.get("/work").headers["Location"].startswith("/unlock")
    assert operator.get("/live").get_json()["session"]["state"] == "locked"
    form = operator.forms("/unlock").to("/unlock")
    wrong = operator.client.post("/unlock", data={**form, "passphrase": "another one"})
    assert wrong.status_code == 401
    right = {**form, "passphrase": PEOPLE["P-101"].passphrase}
    assert operator.client.post("/unlock", data=right).status_code == 303
    assert operator.get("/work").status_code == 200


@pytest.mark.urs("URS-IAM-100")
def test_polling_does_not_keep_a_session_open(operator: Visitor, plant: RecordPlant) -> None:
    for _ in range(3):
        plant.later(minutes=4)
        operator.get("/live")
        operator.get("/work?fragment=parts")
    assert operator.get("/live").get_json()["session"]["state"] == "locked"


@pytest.mark.urs("URS-IAM-100")
def test_working_keeps_a_session_open(operator: Visitor, plant: RecordPlant) -> None:
    for _ in range(3):
        plant.later(minutes=4)
        operator.get("/work")
    assert operator.get("/live").get_json()["session"]["state"] == "open"


def test_a_session_is_bound_to_its_terminal(operator: Visitor) -> None:
    stolen = operator.client.get_cookie("bw_session")
    assert stolen is not None
    other = operator.client.application.test_client()
    other.set_cookie("bw_session", stolen.value)
    assert other.get("/work").status_code == 303


@pytest.mark.parametrize("path", ["/nothing", "/records/B-9999", f"{STEP[:-1]}7"])
def test_what_is_not_there_is_said_so_with_who_can_help(operator: Visitor, path: str) -> None:
    answer = operator.get(path)
    assert answer.status_code == 404
    assert "Who can resolve it" in answer.get_data(as_text=True)


def test_a_code_that_nothing_bears_is_named_and_can_be_given_again(operator: Visitor) -> None:
    answer = operator.get("/scan?code=xx", follow_redirects=True)
    assert answer.status_code == 404
    text = answer.get_data(as_text=True)
    assert "Nothing here is called “xx”" in text
    assert 'value="xx"' in text


def test_a_fault_gives_a_reference_and_no_details(
    app: Flask, operator: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setitem(app.view_functions, "ebr.queue", needs("record.read")(broken))
    answer = operator.get("/work")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in text
    assert "secret detail" not in text


def test_a_gmp_site_has_no_page_of_pieces(plant: RecordPlant) -> None:
    names = {blueprint.name for blueprint in blueprints.DEMONSTRATION_ONLY}
    assert "pieces" in names
    assert names <= set(app_of(plant).blueprints)
    assert names.isdisjoint(blueprint.name for blueprint in blueprints.EVERYWHERE)


def test_the_example_table_of_the_pieces_is_given_as_csv(visitor: Visitor) -> None:
    visitor.login("P-105")
    answer = visitor.get("/pieces?csv=lots")
    assert answer.mimetype == "text/csv"
    assert "PA-0463" in answer.get_data(as_text=True)


def test_assets_are_served_with_names_that_never_change_their_content(visitor: Visitor) -> None:
    page = visitor.get("/login").get_data(as_text=True)
    found = re.search(r'src="(/static/core-[^"]+\.js)"', page)
    assert found is not None
    answer = visitor.get(found[1])
    answer.close()
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
