"""kill -9 of web server, worker, gateway and machines at random moments while batches are made:
no acknowledged step is lost, none is there twice, spawned work once (promise 1, F1 and F7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.conftest import BATCHES
from tests.support import faultbreaks, faultcheck, faultreport
from tests.support.faultcheck import Findings
from tests.support.faultdriver import Driver
from tests.support.faultkills import Outcome, killed
from tests.support.faultsite import Break, open_copy

KILLS, NIGHTLY_KILLS = 30, 300
SEED = 20260302  # a fixed seed: kills fall in the same order, at nearly the same moments


def check_nothing_found(outcome: Outcome, kills: int) -> None:
    assert outcome.kills.total() == kills
    assert not outcome.findings.any, outcome.findings
    assert outcome.acknowledged >= kills // 6, "there was work to be lost"
    assert [answer for answer in outcome.refused if answer.endswith(": 500")] == []


@pytest.mark.urs("URS-EXE-090", "URS-REC-020", "URS-AUD-080")
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_or_doubled_through_thirty_kills(
    fault_site: Path, tmp_path: Path
) -> None:
    outcome = killed(fault_site, tmp_path, BATCHES, kills=KILLS, seed=SEED)
    faultreport.tell("kills", outcome.findings, runs=KILLS, note=outcome.told())
    check_nothing_found(outcome, KILLS)


@pytest.mark.nightly
@pytest.mark.urs("URS-EXE-090", "URS-REC-020", "URS-AUD-080")
@pytest.mark.timeout(7200)
def test_nothing_acknowledged_is_lost_or_doubled_through_three_hundred_kills(
    nightly_fault_site: Path, tmp_path: Path
) -> None:
    batches = [f"B-{number}" for number in range(1, 200)]
    outcome = killed(
        nightly_fault_site, tmp_path, batches, kills=NIGHTLY_KILLS, seed=SEED + 1, pause=3.0
    )
    faultreport.tell("kills", outcome.findings, runs=NIGHTLY_KILLS, note=outcome.told())
    check_nothing_found(outcome, NIGHTLY_KILLS)


@pytest.mark.timeout(300)
def test_a_server_that_answers_before_the_commit_is_caught_by_the_same_checker(
    fault_site: Path, tmp_path: Path
) -> None:
    broken = faultbreaks.answers_before_the_commit
    wrong = {"web": broken}
    outcome = killed(
        fault_site, tmp_path, BATCHES, kills=4, seed=SEED, parts=("web",), broken=wrong
    )
    faultreport.tell_control("kills", told(broken), faultreport.counted(outcome.findings))
    assert outcome.findings.lost


def comment_twice(fault_site: Path, home: Path, broken: Break) -> Findings:
    """A comment whose answer never came is sent again; then everything is checked."""
    site = open_copy(fault_site, home, broken={"web": broken})
    site.start("web")
    driver = Driver.at(site)
    try:
        answer = driver.comment("B-1", "P", "the answer to this is lost")
        assert answer.done
        assert driver.browser.resent == 1, "the server died before it could answer"
        return faultcheck.check(driver.house, site.settings, driver.acknowledged)
    finally:
        site.stop()
        driver.close()


@pytest.mark.urs("URS-SIG-080")
@pytest.mark.timeout(300)
def test_a_form_whose_answer_was_lost_is_sent_again_and_done_once(
    fault_site: Path, tmp_path: Path
) -> None:
    assert not comment_twice(fault_site, tmp_path, faultbreaks.dies_after_a_comment).any


@pytest.mark.timeout(300)
def test_without_the_key_of_a_form_the_same_checker_finds_it_twice(
    fault_site: Path, tmp_path: Path
) -> None:
    broken = faultbreaks.forgets_what_it_answered
    found = comment_twice(fault_site, tmp_path, broken)
    faultreport.tell_control("kills", told(broken), faultreport.counted(found))
    assert len(found.doubled) == 1


@pytest.mark.timeout(300)
def test_a_server_that_commits_in_two_transactions_is_caught_by_the_same_checker(
    fault_site: Path, tmp_path: Path
) -> None:
    broken = faultbreaks.commits_twice
    found = comment_twice(fault_site, tmp_path, broken)
    faultreport.tell_control("kills", told(broken), faultreport.counted(found))
    assert found.broken


def told(broken: Break) -> str:
    """What a broken rule does, in words."""
    return f"{broken.__name__.replace('_', ' ')}"
