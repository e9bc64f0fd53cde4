"""An installation is started on a copy of the past, and time goes on from where the past ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.bootstrap import compose
from app.clock import site_now
from app.history import keeping
from app.history import running as running_past
from core.house import House
from core.settings import Settings
from hardware import queries as plant
from hardware.models import GapEvent
from tests.integration.app.test_serving import eventually, interrupt, page, run
from tests.support.history import Past, settings_of

ONE_BATCH = 155_000
"""Tablets that a batch makes at least."""
OVERDUE = frozenset({"BAL-02"})


@pytest.fixture
def copy(past: Past, tmp_path: Path) -> Settings:
    """A copy of the past that was taken into use."""
    shutil.copytree(past.settings.home, tmp_path / "site")
    settings = settings_of(tmp_path / "site")
    keeping.take_into_use(settings, "a copy of the past is shown to somebody")
    return settings


@contextmanager
def looking(settings: Settings) -> Iterator[House]:
    """A look into a site that is served by other processes."""
    house = compose(settings)
    try:
        yield house
    finally:
        house.database.close()


def doubtful(house: House) -> set[str]:
    """Units with a value that is not good, but for those that are overdue."""
    with house.reading() as session:
        now = plant.current_of(session, [tag.key for tag in plant.tags(session)])
    return {key.partition(".")[0] for key, value in now.items() if not value.good} - OVERDUE


def standstills(house: House) -> list[GapEvent]:
    """The gaps of the dryer's line in the last minutes."""
    now = site_now(house)
    with house.reading() as session:
        return plant.gaps(session, "FBD-01", now - timedelta(minutes=10), now)


@pytest.mark.urs("URS-TIM-020", "URS-PRO-040")
def test_an_installation_goes_on_with_a_copy_of_the_past(past: Past, copy: Settings) -> None:
    with run(copy.home) as running, looking(copy) as house:
        assert "<form" in page(running.address())
        eventually(lambda: not doubtful(house))
        begun = site_now(house)
        assert timedelta(0) < begun - past.ended < timedelta(minutes=10)
        eventually(lambda: site_now(house) > begun)
        assert standstills(house), "while nobody recorded there is a gap"
        eventually(lambda: all(gap.ended_at is not None for gap in standstills(house)))
        with house.reading() as session:
            tools = plant.current(session, "TAB-01.KQ203").value
        assert tools is not None
        assert tools > running_past.TOOL_COUNTER + 2 * ONE_BATCH, "the tools stay worn"
        interrupt(running)
