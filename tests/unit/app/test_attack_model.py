"""The catalogue of manipulations: named once, sorted by what they touch, each with its promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.attack import report
from app.attack.detecting import Finding, kind_of_problem
from app.attack.model import Catalogue, Detector, Family, Manipulation, Means
from app.attack.running import CONTROL, MANIPULATIONS, NothingToAttack, Outcome, named
from app.attack.scene import NotOnThis, Scene, copy_site
from audit.report import Problem
from core.settings import Settings
from tests.support.keptsites import settings_in

FOUND = Finding(Detector.ROWS, "table step, row 1: performed_by is 'P-999'", 0.25)
OTHER = Finding(Detector.LOG, "log leaf 3: it is not the leaf of entry 3", 0.5)


def nothing(scene: Scene) -> None:
    """Nothing."""


def manipulation(*must: Detector, reason: str = "") -> Manipulation:
    return Manipulation(
        name="example",
        family=Family.ROWS,
        means=(Means.DATABASE,),
        does="A row is edited",
        act=nothing,
        must=frozenset(must),
        undetectable=reason,
    )


def outcome(made: Manipulation, *found: Finding, here: bool = True) -> Outcome:
    return Outcome(manipulation=made, here=here, found=found)


CLEAN = outcome(CONTROL)


@pytest.mark.urs("URS-AUD-060")
def test_over_thirty_manipulations_of_every_family_have_names_of_their_own() -> None:
    names = [each.name for each in MANIPULATIONS]
    assert len(names) == len(set(names)) >= 30
    assert {each.family for each in MANIPULATIONS} == set(Family)
    assert all(len(each.does.split()) > 3 for each in MANIPULATIONS)


@pytest.mark.urs("URS-AUD-060")
def test_every_detector_is_promised_somewhere_and_explained_on_the_page() -> None:
    promised = {detector for each in MANIPULATIONS for detector in each.must}
    assert promised == set(Detector) == set(report.CHECKS)


def test_a_manipulation_has_detectors_or_the_reason_why_there_is_none() -> None:
    with pytest.raises(ValueError, match="either detectors or the reason"):
        manipulation()
    with pytest.raises(ValueError, match="either detectors or the reason"):
        manipulation(Detector.ROWS, reason="and a reason")


def test_a_function_is_published_by_its_name_and_its_docstring() -> None:
    catalogue = Catalogue(Family.PDF, Means.TRANSPORT)

    @catalogue.found_by(Detector.SEAL)
    def page_torn_out(scene: Scene) -> None:
        """A page is torn
        out."""

    (made,) = catalogue.all
    assert (made.name, made.does) == ("page-torn-out", "A page is torn out")
    assert made.means == (Means.TRANSPORT,)
    assert made.must == {Detector.SEAL}


@pytest.mark.urs("URS-AUD-060")
def test_an_outcome_is_as_the_model_says_only_when_every_promised_detector_found_it() -> None:
    both = manipulation(Detector.ROWS, Detector.LOG)
    assert outcome(both, FOUND, OTHER).as_the_model_says
    assert not outcome(both, FOUND).as_the_model_says
    assert not outcome(manipulation(Detector.ROWS)).as_the_model_says
    assert outcome(manipulation(Detector.ROWS), FOUND, OTHER).as_the_model_says


@pytest.mark.urs("URS-AUD-060")
def test_a_find_where_the_model_says_that_nothing_finds_it_is_not_as_the_model_says() -> None:
    quiet = manipulation(reason="nobody looks there")
    assert outcome(quiet).as_the_model_says
    assert not outcome(quiet, FOUND).as_the_model_says


@pytest.mark.urs("URS-AUD-060")
def test_an_attack_succeeds_only_with_a_clean_control_and_something_tried() -> None:
    good = outcome(manipulation(Detector.ROWS), FOUND)
    missed = outcome(manipulation(Detector.ROWS))
    absent = outcome(manipulation(Detector.ROWS), here=False)
    assert report.succeeded([CLEAN, good, absent])
    assert not report.succeeded([CLEAN, good, missed])
    assert not report.succeeded([outcome(CONTROL, FOUND), good])
    assert not report.succeeded([CLEAN, absent])


def test_the_report_counts_what_was_tried_and_names_what_was_missed() -> None:
    told = "\n".join(
        report.lines(
            [
                CLEAN,
                outcome(manipulation(Detector.ROWS), FOUND),
                outcome(manipulation(Detector.LOG)),
                outcome(manipulation(reason="nobody looks there")),
                outcome(manipulation(Detector.SEAL), here=False),
            ]
        )
    )
    assert "rows in 0.25 s: table step, row 1" in told
    assert "MISSED by log, which the model promises" in told
    assert "found by nothing: nobody looks there" in told
    assert "2 of 3 detected as the model says (1 of them undetectable by design); 1 not" in told


def test_the_report_for_machines_holds_means_promise_and_finds() -> None:
    told = report.as_json([CLEAN, outcome(manipulation(Detector.ROWS), FOUND)])
    assert told["result"] == "AS THE MODEL SAYS"
    example = told["manipulations"][1]
    assert example["attacker_has"] == [Means.DATABASE.value]
    assert example["found_by"] == [{"detector": "rows", "place": FOUND.place, "seconds": "0.250"}]


@pytest.mark.parametrize(
    ("place", "what", "detector"),
    [
        ("triggers", "missing", Detector.TRIGGERS),
        ("entry 3 of site", "the entry is missing", Detector.CHAIN),
        ("stream site", "its head stands at 2", Detector.CHAIN),
        ("entry 3 of site, signature of P-1", "the key was not valid", Detector.SIGNATURE),
        ("entry 3 of site", "it is neither in the log nor waiting for it", Detector.LOG),
        ("log node 1/1", "it is not the hash of its leaves", Detector.LOG),
        ("checkpoint at size 9", "no known key signed it", Detector.CHECKPOINT),
        ("checkpoint kept outside, size 9", "another root", Detector.OUTSIDE),
        ("table step, row 1", "no entry knows this row", Detector.ROWS),
    ],
)
def test_the_part_of_the_verification_that_speaks_follows_from_the_place(
    place: str, what: str, detector: Detector
) -> None:
    assert kind_of_problem(Problem(place, what)) is detector


def test_an_unknown_manipulation_is_refused_with_where_the_names_stand() -> None:
    assert [each.name for each in named("tail-cut")] == ["tail-cut"]
    with pytest.raises(NothingToAttack, match=r"attacks\.md"):
        named("tail-wag")


@pytest.mark.urs("URS-AUD-060")
def test_the_site_itself_a_folder_around_it_and_a_full_folder_are_never_attacked(
    tmp_path: Path,
) -> None:
    site = settings_in(tmp_path / "site")
    site.home.mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    for folder in (site.home, tmp_path, tmp_path / "full"):
        with pytest.raises(NotOnThis, match="never attacked, only its copy"):
            copy_site(site, folder)


def test_a_site_on_a_database_server_is_refused_because_its_rows_elsewhere_are_another_thing(
    tmp_path: Path,
) -> None:
    url = "postgresql://app@localhost/site"
    site = Settings(home=tmp_path / "site", database_url=url, owner_url=url)
    with pytest.raises(NotOnThis, match="database server"):
        copy_site(site, tmp_path / "copy")


PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "attacks.md"


@pytest.mark.urs("URS-AUD-060")
def test_the_page_lists_every_manipulation_with_its_promise_and_what_found_it() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines()]
    listed = {row[0]: row[1:] for row in rows if row[0].startswith("`")}
    assert len(listed) == len(MANIPULATIONS), "run batchwright attack --page"
    for each in MANIPULATIONS:
        has, must, found = listed[f"`{each.name}`: {each.does}"]
        assert has == "; ".join(means.value for means in each.means)
        promised = {detector.value for detector in each.must}
        assert set(must.split(", ")) == promised or not promised
        assert promised <= set(found.split(", ")) or found.startswith("not tried")
        assert promised or found == "nothing"


@pytest.mark.urs("URS-AUD-060")
def test_the_page_gives_the_reason_of_everything_that_nothing_finds() -> None:
    told = PAGE.read_text()
    for each in MANIPULATIONS:
        assert (
            not each.undetectable or f"- **{each.name}.** {each.does}: {each.undetectable}" in told
        )
    assert all(f"| {detector.value} |" in told for detector in Detector)
