"""What the product says in a record is said in German to who reads German."""

from __future__ import annotations

import re

import pytest
from babel.messages.pofile import read_po

from tests.support.sentences import sentences
from tests.support.web import Visitor
from web import sentences as spoken
from web.i18n import FOLDER

PLACE = re.compile(r"\{\d+\}")
BOOK = spoken._book("de")


def german() -> dict[str, str]:
    """Messages that stand by themselves."""
    found: dict[str, str] = {}
    for path in sorted((FOLDER / "de" / "record").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="de"):
                if message.id and message.context is None:
                    found[str(message.id)] = str(message.string)
    return found


def filled(text: str) -> str:
    """The message with facts that are no words of ours."""
    return PLACE.sub(lambda place: f"«{place.group()[1:-1]}»", text)


def test_every_sentence_of_the_product_has_a_german_one() -> None:
    known = german()
    missing = {text: where for text, where in sentences().items() if not known.get(text)}
    assert missing == {}, "say it in web/translations/de/record/PACKAGE.po"


def test_no_refusal_leaves_people_without_a_way_on() -> None:
    bare = {text: where for text, where in sentences().items() if text == "nobody"}
    assert bare == {}, "say who can do it, or what to do instead"


def test_translations_keep_the_places_of_facts() -> None:
    wrong = [t for t, g in german().items() if set(PLACE.findall(t)) != set(PLACE.findall(g))]
    assert wrong == []


def test_every_sentence_is_taken_for_itself_and_no_other() -> None:
    told = {text: BOOK.say(filled(text)) for text in sentences()}
    known = german()
    assert {t: said for t, said in told.items() if said != filled(known[t])} == {}


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("all 82 steps are closed", "alle 82 Schritte sind abgeschlossen"),
        ("REC-0017 v4 is in_review, not effective", "REC-0017 v4 ist in Prüfung, nicht gültig"),
        (
            "Mean mass 638.2 mg is outside the alert limit 612.5 to 637.5 mg",
            "Mean mass 638,2 mg liegt außerhalb der Alarmgrenze 612,5 bis 637,5 mg",
        ),
        (
            "FBD-01 cannot be used: to be cleaned; in use by B-2041",
            "FBD-01 kann nicht verwendet werden: zu reinigen; in Gebrauch von B-2041",
        ),
        ("lot CC-0771 is BLOCKED", "Los CC-0771 ist gesperrt"),
        ("lot PA-0463 is in quarantine", "Los PA-0463 ist in Quarantäne"),
        ("look again; try again", "sehen Sie noch einmal nach; versuchen Sie es noch einmal"),
    ],
)
def test_facts_stand_where_they_belong(english: str, said: str) -> None:
    assert BOOK.say(english) == said


@pytest.mark.parametrize(
    "typed", ["The drum was wet.", "Anna Kern (P-101), Paul Roth (P-102)", "2026-03-02 14.00", "x"]
)
def test_what_is_no_sentence_of_the_product_stays_as_it_is(typed: str) -> None:
    assert BOOK.say(typed) == typed


def test_a_text_without_end_is_left_alone() -> None:
    endless = "is " * 100_000
    assert BOOK.say(endless) == endless


def test_a_refusal_is_read_in_the_language_of_the_person(visitor: Visitor) -> None:
    visitor.login("P-101")
    form = visitor.forms("/work").to("/language")
    visitor.client.post("/language", data={**form, "language": "de"})
    page = visitor.get("/batches/B-9999/record").get_data(as_text=True)
    assert "es gibt kein Protokoll B-9999" in page
    assert "sehen Sie im Chargenregister nach" in page
    assert "record.unknown" in page
