"""What a question finds is exactly what reading every entry finds, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from audit import checkpoints, keys, searchindex, searchterms
from audit.keys import SiteKeys
from audit.questions import CRITICAL, HOUSE, MAJOR, RANKS, QuestionRefused, save_question, saved
from audit.report import Report
from audit.search import PER_PAGE, Question, Search
from audit.searchindex import packed, places, unpacked
from audit.searchmodels import BLOCK
from audit.sequencer import sequence_pending
from audit.trail import TrailGuard
from core.db import Database
from core.errors import Invalid
from core.house import House
from tests.integration.audit.conftest import OPERATOR, make_site
from tests.support import trailsite
from tests.support.postgres import PostgresServer

COUNT = 4800
"""A block of the search, and an end that none covers."""
FEW = 700
Entry = dict[str, Any]


@pytest.fixture
def site_keys(tmp_path: Path) -> SiteKeys:
    return keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))


@pytest.fixture(scope="module")
def told() -> list[Entry]:
    """The entries of the log in order, as the slow way reads them."""
    return list(trailsite.entries(COUNT))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, told: list[Entry]
) -> Iterator[House]:
    """A log of which the search covers the first block, for tests that only read."""
    folder = tmp_path_factory.mktemp("search")
    url = f"sqlite:///{folder / 'site.db'}"
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create_database())
    make_site(url)
    database = Database(url)
    house = House(database, guards=[TrailGuard(software="batchwright test")])
    site = keys.open_or_make(folder / "keys", checkpoints.origin("Werk Süd"))
    trailsite.fill(house, site, iter(told))
    assert searchindex.catch_up(house, most=1) == BLOCK
    yield house
    database.close()


@pytest.fixture
def small(house: House, site_keys: SiteKeys, told: list[Entry]) -> House:
    """A log of 700 entries that the search covers, for tests that write."""
    trailsite.fill(house, site_keys, islice(told, FEW))
    assert searchindex.catch_up(house) == FEW
    return house


def at(data: Entry) -> datetime:
    return datetime.fromisoformat(data["at"])


def mentions(data: Entry, name: str, value: str) -> bool:
    return any(change["after"].get(name) == value for change in data["changes"])


MORNING = datetime(2025, 3, 3, 9, 30, tzinfo=UTC)
EVENING = datetime(2025, 6, 1, 17, 45, tzinfo=UTC)
CASES: list[tuple[Question, Callable[[Entry], bool]]] = [
    (Question(), lambda e: True),
    (Question(who="P-103"), lambda e: e["actor"]["id"] == "P-103"),
    (Question(who="jonas wei"), lambda e: e["actor"]["id"] == "P-103"),
    (Question(action="value.corrected"), lambda e: e["action"] == "value.corrected"),
    (Question(record="b-00007"), lambda e: e["rec"] == "batch/B-00007"),
    (Question(record="batch/B-00007"), lambda e: e["rec"] == "batch/B-00007"),
    (Question(record="B-0000"), lambda e: False),
    (Question(table="batch"), lambda e: any(c["table"] == "batch" for c in e["changes"])),
    (Question(field="LOD"), lambda e: mentions(e, "code", "lod")),
    (Question(object="g130"), lambda e: "/G130#" in e["object"]),
    (Question(equipment="gra-01"), lambda e: mentions(e, "equipment", "GRA-01")),
    (Question(recipe="REC-0003"), lambda e: int(e["rec"][8:]) % 7 == 3),
    (Question(text="type wrong"), lambda e: e["reason"] == "typed for the wrong container"),
    (Question(text="scale not"), lambda e: bool(e["facts"])),
    (Question(changed=True), lambda e: e["action"] == "value.corrected"),
    (Question(refused=True), lambda e: e["action"] == "attempt.refused"),
    (Question(off_hours=True), lambda e: at(e).weekday() > 4 or not 6 <= at(e).hour < 22),
    (
        Question(off_hours=True, from_hour=8, to_hour=17),
        lambda e: at(e).weekday() > 4 or not 8 <= at(e).hour < 17,
    ),
    (Question(since=MORNING), lambda e: at(e) >= MORNING),
    (Question(until=MORNING), lambda e: at(e) < MORNING),
    (Question(since=MORNING, until=EVENING), lambda e: MORNING <= at(e) < EVENING),
    (
        Question(since=MORNING, until=MORNING.replace(hour=18)),
        lambda e: MORNING <= at(e) < MORNING.replace(hour=18),
    ),
    (Question(rank=CRITICAL), lambda e: e["action"] == "value.corrected"),
    (
        Question(rank=MAJOR),
        lambda e: e["action"] in ("value.corrected", "attempt.refused"),
    ),
    (
        Question(who="P-101", equipment="TAB-01", field="ph", since=MORNING, text="typ"),
        lambda e: (
            e["actor"]["id"] == "P-101" and mentions(e, "equipment", "TAB-01")
            and mentions(e, "code", "ph") and at(e) >= MORNING and (e["reason"] or "")[:3] == "typ"
        ),
    ),
    (Question(text="nothing says this"), lambda e: False),
]  # fmt: skip


@pytest.mark.urs("URS-AUD-100", "URS-AUD-110")
def test_every_question_finds_exactly_what_reading_all_entries_finds(
    filled: House, told: list[Entry]
) -> None:
    with filled.reading() as session:
        search = Search(session, ranks=RANKS)
        for question, fits in CASES:
            expected = [index for index, data in enumerate(told) if fits(data)]
            assert list(places(search.matching(question))) == expected, question
            assert search.page(question).total == len(expected)
        assert search.postings.through == search.postings.logged == COUNT


@pytest.mark.urs("URS-AUD-100")
@pytest.mark.parametrize("sort", ["new", "old", "who", "action"])
def test_the_pages_of_an_answer_are_all_of_it_once_in_the_order_asked(
    filled: House, told: list[Entry], sort: str
) -> None:
    question, found, after = Question(equipment="COA-01", object="G100"), [], ""
    with filled.reading() as session:
        while True:
            page = Search(session).page(question, sort=sort, after=after)
            found += [hit.index for hit in page.hits]
            assert [hit.entry.data["request"] for hit in page.hits] == [
                f"r-{hit.index}" for hit in page.hits
            ]
            if page.following is None:
                break
            after = page.following
    orders: dict[str, Callable[[int], Any]] = {
        "new": lambda i: -i, "old": lambda i: i,
        "who": lambda i: (told[i]["actor"]["id"], -i), "action": lambda i: (told[i]["action"], -i),
    }  # fmt: skip
    expected = [
        index
        for index, data in enumerate(told)
        if mentions(data, "equipment", "COA-01") and "/G100#" in data["object"]
    ]
    assert len(expected) > 0
    assert found == sorted(expected, key=orders[sort])


@pytest.mark.urs("URS-AUD-100")
def test_a_page_stays_what_it_was_while_entries_arrive(
    house: House, site_keys: SiteKeys, told: list[Entry]
) -> None:
    trailsite.fill(house, site_keys, islice(told, 200))
    with house.reading() as session:
        first = Search(session).page(Question())
        second = Search(session).page(Question(), after=str(first.following))
    house.perform(save_question, "mine", Question(who="P-101"), shared=False, by=OPERATOR)
    assert sequence_pending(house, site_keys) == 1
    with house.reading() as session:
        again = Search(session).page(Question(), after=str(first.following))
        assert [hit.index for hit in again.hits] == [hit.index for hit in second.hits]
        newest = Search(session).page(Question())
        assert newest.hits[0].entry.action == "question.saved"
        assert (first.total, newest.total, len(first.hits)) == (200, 201, PER_PAGE)


@pytest.mark.urs("URS-IAM-020", "URS-REP-040")
def test_a_reader_of_some_records_finds_nothing_of_the_others(filled: House) -> None:
    with filled.reading() as session:
        search = Search(session, records=["batch/B-00003", "batch/B-00009"])
        assert search.page(Question()).total == 600
        assert search.page(Question(record="batch/B-00004")).total == 0
        assert Search(session, records=[]).page(Question()).total == 0


def test_the_search_follows_the_log_and_can_be_made_anew(small: House, site_keys: SiteKeys) -> None:
    small.perform(save_question, "torn labels", Question(), shared=False, by=OPERATOR)
    sequence_pending(small, site_keys)
    asked = Question(object="torn")
    with small.reading() as session:
        assert searchindex.is_behind(session)
        assert list(places(Search(session).matching(asked))) == [FEW]
    assert searchindex.catch_up(small) == 1
    with small.transaction() as session:
        assert not searchindex.is_behind(session)
        assert list(places(Search(session).matching(asked))) == [FEW]
        searchindex.begin_anew(session)
    assert searchindex.catch_up(small) == FEW + 1
    with small.reading() as session:
        assert list(places(Search(session).matching(asked))) == [FEW]


def test_terms_of_another_version_are_made_anew(
    small: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchterms, "TERMS", searchterms.TERMS + 1)
    assert searchindex.catch_up(small) == FEW


@pytest.mark.urs("URS-REC-110")
def test_a_search_that_was_tampered_with_is_found(small: House) -> None:
    report = Report()
    with small.reading() as session:
        searchindex.compare(session, report)
        assert report.ok
    with small.transaction() as session:
        session.execute(text("DELETE FROM search_block WHERE kind = 'who' AND value = 'p-102'"))
    with small.reading() as session:
        searchindex.compare(session, report)
    assert [problem.place for problem in report.problems] == ["search, who 'p-102', entries from 0"]


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 4096])
def test_a_set_is_stored_and_read_back(count: int) -> None:
    members = {(place * 16 + place // 256) % 4096 for place in range(count)}
    found = sum(1 << place for place in members)
    assert len(members) == count
    assert unpacked(packed(found)) == found
    assert len(packed(found)) <= 512


@pytest.mark.parametrize("place", ["-1", "x", "1" * 20, "½"])
def test_a_place_that_is_none_is_refused(filled: House, place: str) -> None:
    with filled.reading() as session, pytest.raises(Invalid):
        Search(session).page(Question(), after=place)


def test_a_question_is_told_and_read_back() -> None:
    for question, _fits in CASES:
        assert Question.of_json(question.as_json()) == question
    with pytest.raises(Invalid, match="colour"):
        Question.of_json({"colour": "red"})


@pytest.mark.urs("URS-AUD-100")
def test_saved_questions_are_kept_by_revisions_and_shared_or_not(house: House) -> None:
    other = replace(OPERATOR, id="P-102", name="Paul Roth")
    question = Question(who="P-101", refused=True)
    assert house.perform(save_question, "mine", question, shared=False, by=OPERATOR) == 1
    with house.reading() as session:
        assert [row.name for row in saved(session, "P-101")] == ["mine"]
        assert saved(session, "P-102") == []
    assert house.perform(save_question, "mine", question, shared=True, by=OPERATOR) == 2
    with house.reading() as session:
        (row,) = saved(session, "P-102")
        assert Question.of_json(row.question) == question
    with pytest.raises(QuestionRefused, match="no question of yours"):
        house.perform(save_question, "mine", question, shared=True, withdrawn=True, by=other)
    house.perform(save_question, "mine", question, shared=True, withdrawn=True, by=OPERATOR)
    with house.reading() as session:
        assert saved(session, "P-101") == []
        assert saved(session, "P-102") == []


def test_a_question_without_a_name_is_refused(house: House) -> None:
    with pytest.raises(QuestionRefused):
        house.perform(save_question, "  ", Question(), shared=False, by=OPERATOR)


def test_the_questions_of_the_house_have_codes_of_their_own() -> None:
    assert len({each.code for each in HOUSE}) == len(HOUSE)
    assert {rule.rank for rule in RANKS} == {CRITICAL, MAJOR}
