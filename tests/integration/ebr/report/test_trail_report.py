"""The audit-trail report of a record and of a question (URS-AUD-100, URS-REP-040)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from audit import trail
from audit.search import Question
from audit.sequencer import sequence_pending
from audit.streams import Stream
from core.errors import NotPermitted
from ebr.report.trailreport import NoQuestion
from tests.support import sheets
from tests.support.records import RECORD, RecordPlant


@pytest.fixture
def plant(batch: RecordPlant) -> RecordPlant:
    """The recorded batch, its entries in the log, at a site that issues everything."""
    sheets.register(batch)
    sequence_pending(batch.house, batch.house.services["site_keys"])
    return batch


def asked(plant: RecordPlant, question: Question, **more: str) -> sheets.Issued:
    by = plant.person("P-107").actor
    told = json.dumps(question.as_json())
    return sheets.issue(plant.house, "trail", by, question=told, **more)


@pytest.mark.urs("URS-AUD-020", "URS-AUD-030", "URS-REP-010")
def test_every_entry_of_a_record_is_printed_with_who_when_where_why_and_digest(
    plant: RecordPlant,
) -> None:
    made = sheets.issue(plant.house, "trail", plant.person("P-107").actor, record="B-2045")
    with plant.house.reading() as session:
        entries = trail.entries(session, Stream.parse(RECORD))
    entries = [entry for entry in entries if entry.action != "document.issued"]
    rows = made.rows("entries")
    assert [row["entry"] for row in rows] == [str(entry.rseq) for entry in entries]
    for row, entry in zip(rows, entries, strict=True):
        actor = entry.data["actor"]
        assert actor["name"] in row["who"]
        assert actor["terminal"] in row["who"]
        assert row["reason"] == (entry.data["reason"] or "–")
    assert f"{len(rows)} entries of this record, without a gap." in made.data["statement"]
    assert len(made.rows("signatures")) > 5
    assert sheets.unsaid(made) == []


@pytest.mark.urs("URS-AUD-100")
def test_a_question_is_answered_with_all_that_fits_and_tells_what_was_asked(
    plant: RecordPlant,
) -> None:
    made = asked(plant, Question(action="step.performed", who="P-101"))
    with plant.house.reading() as session:
        entries = trail.entries(session, Stream.parse(RECORD))
    fitting = [e for e in entries if (e.action, e.actor) == ("step.performed", "P-101")]
    assert len(made.rows("entries")) == len(fitting) > 0
    assert {"name": "Action", "text": "step performed"} in made.data["facts"]
    assert sheets.unsaid(made) == []


@pytest.mark.urs("URS-AUD-100", "URS-REP-030")
def test_the_same_question_up_to_the_same_place_is_the_same_report(plant: RecordPlant) -> None:
    first = asked(plant, Question(refused=True), through="40")
    sequence_pending(plant.house, plant.house.services["site_keys"])
    assert asked(plant, Question(refused=True), through="40").id == first.id
    assert first.data["version"].startswith("Entries 1 to 40 of the log")


def test_a_question_that_finds_nothing_says_so(plant: RecordPlant) -> None:
    made = asked(plant, Question(action="lot.released"))
    assert made.rows("entries") == []
    assert made.holds("No entry fits the question.")
    assert "None of the first" in made.data["statement"]


@pytest.mark.parametrize(
    "subject",
    [{}, {"question": "nonsense"}, {"question": '{"colour": "red"}'}, {"question": "[]"},
     {"question": "{}", "through": "999999999"}, {"question": "{}", "through": "-1"}],
)  # fmt: skip
def test_what_is_no_question_is_refused(plant: RecordPlant, subject: dict[str, str]) -> None:
    with pytest.raises(NoQuestion):
        sheets.issue(plant.house, "trail", plant.person("P-107").actor, **subject)


@pytest.mark.urs("URS-IAM-020")
def test_who_may_not_read_the_trail_gets_no_report(plant: RecordPlant) -> None:
    stranger = replace(plant.person("P-101").actor, id="P-999", name="Nobody")
    with pytest.raises(NotPermitted):
        sheets.issue(plant.house, "trail", stranger, question="{}")
