"""A selection of the trail is reviewed and signed by somebody who did none of it (URS-AUD-110)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import searchindex
from audit.log import size_of
from audit.models import Entry, LogLeaf
from audit.search import Question
from audit.sequencer import sequence_pending
from personnel import commands as people
from quality import selections
from quality.commands.selections import Reviewed, review_selection
from quality.errors import NothingSelected, OwnActs
from tests.integration.web.desk.conftest import Enter, full, text_of
from tests.support.records import RecordPlant
from tests.support.untouched import untouched

NEW = "/trail/reviews/new"
TO = "/trail/reviews"
SAID = {"findings": "14 accounts, all as asked for", "conclusion": "no objection"}


@pytest.fixture
def log(plant: RecordPlant) -> Callable[[], None]:
    """Everything is in the log and found by the search, now and after each call."""

    def follow() -> None:
        sequence_pending(plant.house, plant.house.services["site_keys"])
        searchindex.catch_up(plant.house)

    follow()
    return follow


@pytest.mark.urs("URS-AUD-110", "URS-SIG-050")
def test_a_selection_is_reviewed_with_its_question_counts_and_signature(
    plant: RecordPlant, log: Callable[[], None], enter: Enter
) -> None:
    quality, page = enter("P-107"), f"{NEW}?action=person.added"
    found = text_of(quality.get("/trail?action=person.added"))
    assert f"{NEW}?action=person.added" in found
    shown = text_of(quality.get(page))
    assert "person added" in shown
    asked = quality.send(page, TO, marker="through", **SAID)
    assert "14 accounts, all as asked for" in text_of(asked)
    assert quality.sign(asked, TO, **full("P-107")).status_code == 303
    (row,) = plant.ask(selections.reviews)
    kept = plant.ask(leaves_of, "person.added")
    assert (row.selected, row.by) == (len(kept), "P-107")
    assert row.selected_sha256 == hashlib.sha256(b"".join(kept)).hexdigest()
    assert row.question == {"action": "person.added"}
    assert row.signature_id is not None
    page = text_of(quality.get(f"{TO}/1"))
    for words in ("no objection", "Samuel Okafor", row.root):
        assert words in page
    assert "no objection" in text_of(quality.get(TO))


def leaves_of(session: Session, action: str) -> list[bytes]:
    """The leaves of all entries of an action, in the order of the log, without the search."""
    query = (
        select(LogLeaf.leaf)
        .join(Entry, Entry.id == LogLeaf.entry_id)
        .where(Entry.action == action)
        .order_by(LogLeaf.idx)
    )
    return list(session.scalars(query))


@pytest.mark.urs("URS-AUD-110")
def test_who_did_one_of_the_acts_reviews_the_rest(
    plant: RecordPlant, log: Callable[[], None], enter: Enter
) -> None:
    reviewed = Reviewed(question=Question(), through=plant.ask(size), **SAID)
    with pytest.raises(OwnActs), untouched(plant.house):
        plant.house.rehearse(
            review_selection, reviewed, by=plant.person("P-107").actor, rehearsal=True
        )
    quality = enter("P-107")
    shown = text_of(quality.get(NEW))
    assert "are your own acts" in shown
    assert "Sign the review" not in shown
    rest = f"{NEW}?without=P-107"
    assert rest in shown
    asked = quality.send(rest, TO, marker="through", **SAID)
    assert quality.sign(asked, TO, **full("P-107")).status_code == 303
    (row,) = plant.ask(selections.reviews)
    assert row.question == {"without": "P-107"}


def size(session: Session) -> int:
    """How many entries the log has."""
    return size_of(session)


@pytest.mark.urs("URS-AUD-110")
def test_what_comes_after_a_review_is_counted_as_not_reviewed(
    plant: RecordPlant, log: Callable[[], None], enter: Enter
) -> None:
    quality, page = enter("P-107"), f"{NEW}?action=person.renamed"
    assert quality.get(page).status_code == 422, "there is nothing to review"
    admin = plant.person("A-001").actor
    rename = people.rename_person
    plant.house.perform(rename, "P-101", "Anna Kern-Lind", reason="married", by=admin)
    log()
    asked = quality.send(page, TO, marker="through", **SAID)
    assert quality.sign(asked, TO, **full("P-107")).status_code == 303
    assert "came after this review" not in text_of(quality.get(f"{TO}/1"))
    plant.house.perform(rename, "P-102", "Paul Roth-Lind", reason="married", by=admin)
    log()
    (row,) = plant.ask(selections.reviews)
    assert plant.ask(selections.later, row) == 1
    assert "1 entries that fit the question came after this review" in text_of(
        quality.get(f"{TO}/1")
    )


@pytest.mark.urs("URS-AUD-110")
def test_a_review_of_entries_that_are_not_there_is_refused(
    plant: RecordPlant, log: Callable[[], None], enter: Enter
) -> None:
    quality = plant.person("P-107").actor
    for through in (0, plant.ask(size) + 1):
        reviewed = Reviewed(question=Question(without="P-107"), through=through, **SAID)
        with pytest.raises(NothingSelected):
            plant.house.rehearse(review_selection, reviewed, by=quality, rehearsal=True)
    assert plant.ask(selections.reviews) == []
    assert enter("P-107").get(f"{TO}/7").status_code == 404


@pytest.mark.urs("URS-IAM-020")
def test_an_operator_reviews_no_trail(log: Callable[[], None], enter: Enter) -> None:
    operator = enter("P-101")
    assert operator.get(NEW).status_code == 403
