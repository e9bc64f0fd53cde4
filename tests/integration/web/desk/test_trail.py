"""The explorer of the whole trail: what it finds, says, exports and warns of (W16)."""

from __future__ import annotations

import csv
import hashlib
import io

import pytest
from flask import Flask
from sqlalchemy import text

from audit import anchors, searchexport, searchindex, trail, verifier
from audit.anchormodels import AnchorState
from audit.sequencer import sequence_pending
from audit.streams import SITE, Stream
from core.house import moment
from core.sites import the_site
from tests.integration.app.test_scheduled_verification import OTHER
from tests.support.records import SETUP, RecordPlant
from tests.support.web import Visitor
from tests.support.webrecipe import recipe


@pytest.fixture
def logged(plant: RecordPlant) -> RecordPlant:
    """The staffed site, its entries in the log, with a reason that is a formula."""
    plant.start(recipe())
    with (
        plant.house.transaction() as session,
        trail.act(
            session, "site.made", stream=SITE, by=SETUP, reason="=cmd|' /C calc'!A0 because"
        ) as act,
    ):
        act.attest(the_site(session))
    sequence_pending(plant.house, plant.house.services["site_keys"])
    searchindex.catch_up(plant.house)
    return plant


@pytest.fixture
def reader(logged: RecordPlant, visitor: Visitor) -> Visitor:
    """Samuel Okafor of quality assurance, signed in, everything in the log."""
    assert visitor.login("P-107").status_code == 303
    return visitor


def page(reader: Visitor, query: str = "") -> str:
    answer = reader.get(f"/trail{query}")
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.urs("URS-AUD-060")
def test_the_page_says_what_vouches_for_the_log_outside(
    logged: RecordPlant, reader: Visitor
) -> None:
    assert "Nothing outside vouches for this log" in page(reader)
    with logged.house.transaction() as session:
        known = moment(session).steady
        session.add(
            AnchorState(
                kind=anchors.WITNESS, name="example.com/qa", size=3, known_since=known,
                succeeded_at=known, problem=None,
            )
        )  # fmt: skip
    shown = page(reader)
    assert "Nothing outside vouches" not in shown
    assert "log witness example.com/qa" in shown
    assert "entries 1 to 3" in shown


def test_a_record_without_a_page_is_named_and_no_link(logged: RecordPlant, reader: Visitor) -> None:
    for stream in (Stream("material", "300010"), Stream("lot", "PA-0411")):
        with (
            logged.house.transaction() as session,
            trail.act(session, "record.looked_at", stream=stream, by=SETUP),
        ):
            pass
    sequence_pending(logged.house, logged.house.services["site_keys"])
    shown = page(reader)
    assert "material/300010" in shown
    assert "q=300010" not in shown
    assert "/find?q=PA-0411" in shown


@pytest.mark.urs("URS-AUD-100")
def test_a_question_in_the_address_narrows_and_stays_in_the_form(reader: Visitor) -> None:
    everything, some = page(reader), page(reader, "?record=B-2045&sort=old")
    assert "Ask the trail" in everything
    assert "batch/B-2045" in some
    assert 'value="B-2045"' in some
    assert "because" in everything
    assert "because" not in some
    assert "No entry fits the question." in page(reader, "?record=B-9999")


@pytest.mark.urs("URS-AUD-020")
def test_the_page_of_an_entry_shows_all_of_it_and_its_proof(
    reader: Visitor, logged: RecordPlant
) -> None:
    found = reader.get("/trail/entry/0")
    shown = found.get_data(as_text=True)
    assert found.status_code == 200
    for label in ("Who", "Where", "Object", "Reason", "Site time", "Real time", "Software",
                  "Configuration", "Request", "Inclusion proof", "Checkpoint"):  # fmt: skip
        assert label in shown
    assert reader.get("/trail/entry/999999").status_code == 404


def export(reader: Visitor, form: str, **asked: str) -> bytes:
    fields = reader.forms("/trail").to("/trail/export")
    answer = reader.client.post("/trail/export", data={**fields, **asked, "form": form})
    assert answer.status_code == 200
    return answer.get_data()


@pytest.mark.urs("URS-AUD-100", "URS-REP-040")
def test_a_spreadsheet_of_a_selection_is_the_selection_and_safe_to_open(
    reader: Visitor, logged: RecordPlant
) -> None:
    data = export(reader, "csv", record="site")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == len(logged.entries("site")) - 1
    assert [row["Reason"] for row in rows if "calc" in row["Reason"]] == [
        "'=cmd|' /C calc'!A0 because"
    ]
    assert not any(cell.startswith(("=", "@", "+")) for row in rows for cell in row.values())
    event = logged.entries("site")[-1]
    assert event["action"] == "trail.exported"
    assert event["actor"]["id"] == "P-107"
    assert event["facts"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert event["facts"]["count"] == len(rows)


@pytest.mark.urs("URS-AUD-100")
def test_a_selection_as_json_is_proved_by_the_keys_of_the_log_alone(
    reader: Visitor, logged: RecordPlant
) -> None:
    keys = logged.house.services["site_keys"].log_keys()
    data = export(reader, "json", record="B-2045")
    assert searchexport.check_selection(data, keys) == len(logged.entries())
    changed = data.replace(b"P-105", b"P-101", 1)
    assert changed != data
    with pytest.raises(verifier.Invalid, match="entry"):
        searchexport.check_selection(changed, keys)


@pytest.mark.urs("URS-REP-040")
def test_a_selection_that_is_too_large_is_refused(
    reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = reader.forms("/trail").to("/trail/export")
    monkeypatch.setattr(searchexport, "MOST", 3)
    answer = reader.client.post("/trail/export", data={**fields, "form": "csv"})
    assert answer.status_code == 422


@pytest.mark.urs("URS-AUD-100")
def test_a_question_is_kept_and_asked_again(reader: Visitor) -> None:
    fields = reader.forms("/trail?who=P-105").to("/trail/questions")
    kept = reader.client.post("/trail/questions", data={**fields, "name": "the supervisor"})
    assert kept.status_code == 303
    assert "the supervisor" in page(reader)


@pytest.mark.urs("URS-REC-110")
def test_a_verification_is_asked_for_and_its_failure_stands_on_every_page(
    reader: Visitor, logged: RecordPlant
) -> None:
    assert "This site was not verified yet." in page(reader)
    fields = reader.forms("/trail").to("/trail/verify")
    assert reader.client.post("/trail/verify", data=fields).status_code == 303
    assert "A verification is under way." in page(reader)
    with logged.house.transaction() as session:
        session.execute(text("DELETE FROM search_block WHERE kind = 'who'"))
    logged.work()
    assert "BROKEN: the records of this site do not verify." in reader.get("/batches").get_data(
        as_text=True
    )
    assert "search, who" in page(reader)


@pytest.mark.urs("URS-AUD-060")
def test_an_entry_that_waits_too_long_for_the_log_is_told_on_every_page(
    reader: Visitor, logged: RecordPlant
) -> None:
    sequence_pending(logged.house, logged.house.services["site_keys"])
    assert "The log is behind" not in reader.get("/batches").get_data(as_text=True)
    logged.start(OTHER, number="B-2046")
    logged.later(seconds=6)
    assert "The log is behind" in reader.get("/batches").get_data(as_text=True)


@pytest.mark.parametrize("query", ["?since=yesterday", "?after=x"])
def test_what_is_no_day_or_place_is_refused_in_words(reader: Visitor, query: str) -> None:
    assert reader.get(f"/trail{query}").status_code in (400, 409, 422)


@pytest.mark.urs("URS-AUD-050")
def test_no_verb_changes_an_entry(app: Flask) -> None:
    changing = {
        str(rule): sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/trail/entry")
    }
    assert changing == {"/trail/entry/<int:index>": ["GET"]}
