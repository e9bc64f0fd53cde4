"""A gateway that stood still has a gap, one whose clock was set none (URS-PRO-040, URS-TIM-020)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.clock import HeldClock
from hardware.drivers.base import Point, Sample
from hardware.historian import Historian
from hardware.recorder import NOT_RUNNING, GapNews, Recorder, SiteTime, Watched
from hardware.rules import Range
from hardware.words import Order, SourceTime, TagType

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
POINT = Point(
    key="D.T1",
    device="D",
    unit_id=None,
    address="T1",
    data_type=TagType.FLOAT64,
    byte_order=Order.HIGH_FIRST,
    word_order=Order.HIGH_FIRST,
    scale=Decimal(1),
    offset=Decimal(0),
    decimals=None,
    unit="Cel",
    sampling_ms=500,
)
GOOD = Sample(key="D.T1", value=Decimal("21.1"), raw="21.1", status=0, status_name="Good")


class Running:
    """A recorder that has heard its device, told every second that it runs."""

    def __init__(self, folder: Path) -> None:
        self.clock = HeldClock(START)
        self.news: list[GapNews] = []
        historian = Historian(folder / "historian.db", clock=self.clock)
        historian.create()
        self.recorder = Recorder(
            historian,
            SiteTime(self.clock),
            self.clock,
            gateway="gateway",
            gap_news=self.news.append,
            counter_news=lambda news: None,
        )
        watched = Watched(
            point=POINT,
            span=Range(),
            dead_band=Decimal(0),
            stuck_seconds=None,
            source_time=SourceTime.NONE,
            map_version=1,
        )
        self.recorder.watch([watched], {})
        self.hear()

    def hear(self) -> None:
        """A sample comes, and the gateway looks at its clock."""
        self.recorder.take([GOOD])
        self.recorder.awake()

    def lengths(self) -> list[timedelta]:
        """How long the gaps were that have ended."""
        begun = [news.at for news in self.news if news.lost]
        ended = [news.at for news in self.news if not news.lost]
        return [end - start for start, end in zip(begun, ended, strict=True)]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(tmp_path)


@pytest.mark.urs("URS-PRO-040", "URS-TIM-020")
@pytest.mark.parametrize("hours", [-1, 1, 2400])
def test_a_clock_that_somebody_sets_makes_no_gap(running: Running, hours: int) -> None:
    running.clock.move(timedelta(seconds=1))
    running.clock.step(timedelta(hours=hours))
    running.hear()
    assert running.news == []


@pytest.mark.urs("URS-PRO-040")
def test_an_hour_asleep_is_a_gap_of_an_hour(running: Running) -> None:
    running.clock.move(timedelta(hours=1))
    running.recorder.awake()
    running.hear()
    assert running.lengths() == [timedelta(hours=1)]


@pytest.mark.urs("URS-PRO-040", "URS-TIM-020")
def test_a_clock_set_back_while_the_machine_slept_hides_no_gap(running: Running) -> None:
    running.clock.move(timedelta(hours=1))
    running.clock.step(timedelta(hours=-1))
    running.recorder.awake()
    running.hear()
    assert len(running.lengths()) == 1


@pytest.mark.urs("URS-PRO-040")
def test_the_longest_silence_that_is_none_is_told_from_one_that_is(running: Running) -> None:
    running.clock.move(NOT_RUNNING)
    running.hear()
    assert running.news == []
    running.clock.move(NOT_RUNNING + timedelta(seconds=1))
    running.recorder.awake()
    assert [news.lost for news in running.news] == [True]
