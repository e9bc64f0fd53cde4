"""Verification of what vouches for the log, and of the times of entries between checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from audit import anchorcheck, checkpoints, keys, trail
from audit.anchors import log_is_late
from audit.keys import SiteKeys
from audit.report import Report
from audit.sequencer import sequence_pending
from audit.streams import SITE
from audit.trail import TrailGuard
from core.clock import HeldClock
from core.db import Database
from core.house import House
from tests.integration.app.test_anchoring import SOMEBODY
from tests.integration.audit.conftest import START, make_site


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock(START)


@pytest.fixture
def house(chosen_url: str, clock: HeldClock) -> Iterator[House]:
    yield from opened(chosen_url, clock)


def opened(url: str, clock: HeldClock) -> Iterator[House]:
    make_site(url)
    database = Database(url)
    yield House(database, guards=[TrailGuard(software="batchwright test")], clock=clock)
    database.close()


@pytest.fixture
def site_keys(tmp_path: Path) -> SiteKeys:
    return keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))


def note(house: House, action: str = "test.noted") -> None:
    with (
        house.transaction() as session,
        trail.act(session, action, stream=SITE, by=SOMEBODY),
    ):
        pass


def times(house: House) -> Report:
    report = Report()
    with house.reading() as session:
        anchorcheck.check_times(session, report)
    return report


@pytest.mark.urs("URS-TIM-010", "URS-TIM-020")
def test_times_between_the_checkpoints_are_in_order(
    house: House, site_keys: SiteKeys, clock: HeldClock
) -> None:
    for _ in range(4):
        note(house)
        clock.move(timedelta(seconds=1))
        sequence_pending(house, site_keys)
        clock.move(timedelta(minutes=5))
    assert times(house).ok
    assert not times(house).not_checked


@pytest.mark.urs("URS-TIM-020", "URS-AUD-060")
def test_an_entry_with_an_old_time_leaves_its_bracket(
    house: House, site_keys: SiteKeys, clock: HeldClock
) -> None:
    """Pitfall 21: the clock is set back and nobody tells; the checkpoint before says when."""
    set_back(house, site_keys, clock, timedelta(seconds=90))
    [problem] = times(house).problems
    assert problem.place == "entry 2 of site"
    assert "lies before the checkpoint" in problem.what


def set_back(house: House, site_keys: SiteKeys, clock: HeldClock, by: timedelta) -> None:
    """One entry in order, then one while the clock shows an earlier time."""
    note(house)
    sequence_pending(house, site_keys)
    clock.step(-by)
    note(house)
    clock.step(by)
    sequence_pending(house, site_keys)


@pytest.mark.urs("URS-TIM-020")
def test_three_seconds_back_are_seen_where_writers_queue(
    sqlite_url: str, site_keys: SiteKeys, clock: HeldClock
) -> None:
    for found in opened(sqlite_url, clock):
        set_back(found, site_keys, clock, timedelta(seconds=3))
        assert not times(found).ok


@pytest.mark.urs("URS-TIM-020")
def test_what_a_long_transaction_may_explain_is_a_note_where_writers_work_side_by_side(
    postgres_url: str, site_keys: SiteKeys, clock: HeldClock
) -> None:
    for found in opened(postgres_url, clock):
        set_back(found, site_keys, clock, timedelta(seconds=3))
        report = times(found)
        assert report.ok
        assert [line for line in report.not_checked if "long transaction" in line]


def test_an_entry_with_a_time_to_come_leaves_its_bracket(
    house: House, site_keys: SiteKeys, clock: HeldClock
) -> None:
    clock.step(timedelta(seconds=30))
    note(house)
    clock.step(timedelta(seconds=-30))
    sequence_pending(house, site_keys)
    [problem] = times(house).problems
    assert "lies after the checkpoint that covers it" in problem.what


def test_two_seconds_are_tolerated(house: House, site_keys: SiteKeys, clock: HeldClock) -> None:
    note(house)
    sequence_pending(house, site_keys)
    clock.step(timedelta(seconds=-2))
    note(house)
    sequence_pending(house, site_keys)
    assert times(house).ok


@pytest.mark.urs("URS-TIM-020")
def test_a_step_that_the_trail_tells_is_a_note_and_no_problem(
    house: House, site_keys: SiteKeys, clock: HeldClock
) -> None:
    note(house)
    sequence_pending(house, site_keys)
    clock.step(timedelta(hours=-1))
    note(house)
    note(house, "clock.stepped")
    sequence_pending(house, site_keys)
    found = times(house)
    assert found.ok
    assert [line for line in found.not_checked if "the clock was stepped there" in line]


@pytest.mark.urs("URS-AUD-060")
def test_a_log_that_is_behind_is_an_alarm_after_five_seconds(
    house: House, site_keys: SiteKeys, clock: HeldClock
) -> None:
    note(house)
    for seconds, late in ((5, False), (1, True)):
        clock.move(timedelta(seconds=seconds))
        with house.reading() as session:
            assert log_is_late(session) is late
    sequence_pending(house, site_keys)
    with house.reading() as session:
        assert not log_is_late(session)
