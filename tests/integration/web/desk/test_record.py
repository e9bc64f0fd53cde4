"""The record viewer: every tab, old values struck, the badge, files, filters."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import text

from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from tests.integration.web.desk.conftest import Enter, text_of
from tests.support import batches
from tests.support.records import RECORD, RecordPlant

BASE = "/batches/B-2045/record"
TABS = (
    "", "/route", "/values", "/trends", "/materials", "/equipment", "/signatures",
    "/corrections", "/exceptions", "/attachments", "/trail", "/copies",
)  # fmt: skip
NOT_FOR_PEOPLE = re.compile(
    r">\s*(None|null|NaN|undefined)\s*<|Decimal\(|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-"
)


@pytest.fixture
def recorded(plant: RecordPlant) -> RecordPlant:
    """A batch up to its disposition, with an alert and a correction."""
    batches.plan(plant)
    batches.run_up_to(plant, "D", A=Entry(values={"mass": ("10.30",)}))
    reference = StepReference(record=RECORD, path=plant.path("A"), revision=1)
    plant.person("P-101").sign(
        correct_value,
        reference,
        Correction(code="mass", position=0, text="10.00", reason="misread the display"),
        meaning="performed",
        record=RECORD,
        shown=lambda outcome: outcome.shown,
    )
    return plant


@pytest.mark.urs("URS-REP-010")
def test_every_tab_of_a_record_reads_as_for_people(recorded: RecordPlant, enter: Enter) -> None:
    reader = enter("P-107")
    for tab in TABS:
        answer = reader.get(BASE + tab)
        assert answer.status_code == 200, tab
        visible = re.sub(r"<(script|input|form|a|link)[^>]*>", "", text_of(answer))
        assert not NOT_FOR_PEOPLE.search(visible), tab
        assert "B-2045" in visible


@pytest.mark.urs("URS-AUD-030")
def test_a_corrected_value_stands_struck_beside_the_new_one(
    recorded: RecordPlant, enter: Enter
) -> None:
    page = text_of(enter("P-107").get(f"{BASE}/corrections"))
    assert "<del>10.30 kg</del> → <strong>10.00 kg</strong>" in page
    assert "misread the display" in page


@pytest.mark.urs("URS-REC-110")
def test_the_badge_verifies_the_record_and_finds_a_row_changed_behind_the_application(
    recorded: RecordPlant, enter: Enter
) -> None:
    inspector = enter("P-107")
    whole = inspector.get(f"{BASE}/verified")
    assert "record verified" in text_of(whole)
    assert "<h1>" in whole.text, "who comes without a script gets a whole page"
    assert "<h1>" not in inspector.get(f"{BASE}/verified?fragment=1").text
    house = recorded.house
    with house.database.writer.begin() as connection:
        connection.execute(text("UPDATE step SET performed_by = 'P-103' WHERE key = 'A'"))
    recorded.later(minutes=1)
    batches.comment(recorded, 1)
    page = text_of(inspector.get(f"{BASE}/verified"))
    assert "does not verify" in page
    assert "step" in page


def test_values_can_be_narrowed_and_leave_as_csv(recorded: RecordPlant, enter: Enter) -> None:
    reader = enter("P-107")
    assert "Decision" in text_of(reader.get(f"{BASE}/values"))
    outside = text_of(reader.get(f"{BASE}/values?only=outside"))
    assert "Decision" not in outside
    sheet = reader.get(f"{BASE}/values?csv=t")
    assert sheet.mimetype == "text/csv"
    assert "10.00" in text_of(sheet)


def test_the_route_says_the_same_to_the_diagram_and_in_the_list(
    recorded: RecordPlant, enter: Enter
) -> None:
    page = text_of(enter("P-107").get(f"{BASE}/route"))
    marks = json.loads(re.findall(r'id="marks-[^"]*">(.*?)</script>', page, re.S)[0])
    by_id = {each["id"]: each for each in marks}
    assert by_id["L"]["mark"] == "done"
    assert by_id["Y"]["mark"] == "active"
    assert by_id["A"]["mark"] == "exception"
    for each in marks:
        assert f"-{each['id']}" in page
        assert each["words"] in page


def test_a_record_that_nobody_knows_is_not_found(plant: RecordPlant, enter: Enter) -> None:
    assert enter("P-107").get("/batches/B-9999/record").status_code == 404


def test_a_file_of_another_record_is_not_given_out(recorded: RecordPlant, enter: Enter) -> None:
    assert enter("P-107").get(f"{BASE}/attachments/{'0' * 64}").status_code == 404


def test_asking_for_the_pdf_makes_one_job_however_often_it_is_asked(
    recorded: RecordPlant, enter: Enter
) -> None:
    reader = enter("P-107")
    first = reader.send(BASE, f"{BASE}/pdf")
    second = reader.send(BASE, f"{BASE}/pdf")
    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    page = text_of(reader.get(first.headers["Location"]))
    assert "The copy is being made" in page


def test_the_audit_trail_of_a_record_is_for_those_who_may_read_it(
    recorded: RecordPlant, enter: Enter
) -> None:
    page = text_of(enter("P-107").get(f"{BASE}/trail"))
    assert "value corrected" in page
    assert "misread the display" in page
