"""Every link that a person is shown leads somewhere, and no page speaks like a machine."""

from __future__ import annotations

import pytest

from tests.support.web import Visitor
from tests.ui.crawl.conftest import Walked
from tests.ui.crawl.walking import Said, Visit, walk

ROLES = {
    "operator": "P-101",
    "quality assurance": "P-107",
    "maintenance": "P-110",
    "administrator": "A-001",
}
MORE_ROLES = {
    "dispensary": "P-104",
    "supervisor": "P-105",
    "quality control": "P-106",
    "author": "P-109",
}
FEW, MANY = 1, 100_000
WALKING = [*ROLES.values(), MORE_ROLES["supervisor"], MORE_ROLES["author"]]
NOT_WALKED = {
    "backups.drill": "of a drill that the story does not make; tests/ui/desk",
    "copies.copy": "of a printout that the story does not make; tests/integration/web/desk",
    "documents.waiting": "of a request that the story does not make; tests/integration/web/desk",
    "drawings.findings": "of a drawing that cannot run; tests/ui/plant",
    "drawings.steps": "of a drawing that cannot run; tests/ui/plant",
    "drawings.text": "a fragment of the page about such a drawing; tests/ui/plant",
    "workflows.file": "bytes that the diagram asks for",
    "ebr.file": "a picture of a recipe that has none",
    "ebr.scan": "only scanned codes lead there",
    "ebr.step": "no step is open; tests/ui/work and the kinds of test_screens look at steps",
    "exports.download": "of an export that the story does not make; tests/ui/story",
    "finding.badge": "only a scanned badge leads there",
    "finding.room": "only a scanned door leads there",
    "home.health": "for machines",
    "restored.health": "for machines",
    "backups.health": "for machines",
    "restored.page": "of a site that was restored; tests/integration/app/test_restoring",
    "live.live": "polled, and JSON",
    "personnel.enrol": "for who has a single-use secret; tests/ui/story",
    "personnel.login": "for who is not signed in",
    "personnel.undertaking": "for who has not signed it yet; tests/ui/story",
    "personnel.unlock": "for who is locked out",
    "quality.deviation": "the story opens none; tests/integration/web/desk",
    "run.at_work": "no batch is at work; tests/ui/work",
    "trail_reviews.review": "of a review that the story does not make; tests/integration/web/desk",
    "weighing.step": "no weighing is open; tests/ui/weighing",
}
"""Pages that no link leads to on the site after the story, and where they are looked at."""


def signed_in(site: Walked, badge: str, language: str = "en") -> Visitor:
    visitor = Visitor(site.app)
    assert visitor.login(badge, site.people[badge].passphrase).status_code == 303
    if language != "en":
        form = visitor.forms("/work").to("/language")
        visitor.client.post("/language", data={**form, "language": language})
    return visitor


def walked(site: Walked, badge: str, each: int, language: str = "en") -> list[Visit]:
    """The walk of that person, taken once."""
    asked = (badge, each, language)
    if asked not in site.walks:
        site.walks[asked] = list(walk(site.app, signed_in(site, badge, language), each=each))
    return site.walks[asked]


def what_is_wrong(
    site: Walked, badge: str, *, each: int, language: str = "en"
) -> dict[str, list[str]]:
    visits = walked(site, badge, each, language)
    assert len(visits) > 3
    return {visit.path: visit.wrong for visit in visits if visit.wrong}


@pytest.mark.parametrize("role", ROLES)
def test_each_kind_of_page_opens_and_speaks_to_people(site: Walked, role: str) -> None:
    assert what_is_wrong(site, ROLES[role], each=FEW) == {}


def test_every_page_of_the_product_is_on_a_walk_or_has_its_reason_not_to_be(site: Walked) -> None:
    everything = [visit for badge in WALKING for visit in walked(site, badge, FEW)]
    seen = {visit.kind.endpoint for visit in everything}
    pages = {
        rule.endpoint for rule in site.app.url_map.iter_rules() if "GET" in (rule.methods or ())
    }
    assert sorted(pages - seen - set(NOT_WALKED)) == []
    assert sorted(set(NOT_WALKED) & seen) == [], "these are walked now"
    assert set(NOT_WALKED) <= pages


def test_each_kind_of_page_speaks_to_people_in_german(site: Walked) -> None:
    assert what_is_wrong(site, "P-107", each=1, language="de") == {}


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("role", ROLES | MORE_ROLES)
def test_every_page_opens_and_speaks_to_people(site: Walked, role: str) -> None:
    assert what_is_wrong(site, (ROLES | MORE_ROLES)[role], each=MANY) == {}


@pytest.mark.parametrize(
    "text",
    [
        "None",
        "x is null",
        "NaN kg",
        "Decimal('1')",
        "typed_for_device",
        "{{ name }}",
        "True",
        "0f8fad5b-d9cb-469f-a165-70867728950e",
    ],
)
def test_words_of_the_machine_are_noticed(text: str) -> None:
    assert Said(f"<p>{text}</p>").machine_words()
    assert Said(f'<p title="{text}">plain</p>').machine_words()
    assert not Said(f"<script>{text}</script>").machine_words()


@pytest.mark.parametrize("text", ["Nonetheless", "trend G080 base_power.json", "P-101 · 12.5 mm"])
def test_words_of_people_pass(text: str) -> None:
    assert Said(f"<p>{text}</p>").machine_words() == []
