"""A finished history is kept, copied as a whole, and goes on from where it ended."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app import making
from app.bootstrap import compose
from app.history import keeping, progress, running, site
from app.history.site import FirstNumbers
from app.making import SiteExists
from audit.models import Entry
from core.clock import SystemClock
from core.errors import BrokenPromise
from core.house import moment
from core.settings import Settings
from core.sites import ClockNotMovable, SiteClock, SiteMode, go_on_from
from tests.support.history import light_vault, settings_of

pytestmark = pytest.mark.sqlite("a kept history is a file that is copied whole")

LONG_AGO = timedelta(days=30)
Say = Callable[[str], None]


class Maker:
    """Stands in for making the whole history: the site alone, as it begins, and two batches of
    which nothing is seen; remembers how it was called."""

    def __init__(self) -> None:
        self.done: list[int | None] = []
        self.days: list[datetime] = []
        self.breaks_after: int | None = None

    def __call__(
        self,
        settings: Settings,
        s: datetime,
        *,
        done: int | None = None,
        finished: running.Finished,
        say: Say,
    ) -> datetime:
        self.done.append(done)
        self.days.append(s)
        if done is None:
            numbers = FirstNumbers(batch=2017, deviation=306, cleaning=90)
            site.make(settings, s, LONG_AGO, numbers, vault_of=light_vault, say=say)
        for batch in (2017, 2018):
            if batch > (done or 0):
                finished(batch)
            if batch == self.breaks_after:
                raise BrokenPromise("a batch went otherwise than its script")
        return s


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    made = Maker()
    monkeypatch.setattr(running, "make", made)
    return made


def silent(_text: str) -> None:
    """Nobody listens."""


@pytest.mark.urs("URS-TIM-020")
def test_the_second_time_it_is_copied_and_goes_on_from_where_it_ended(
    maker: Maker, tmp_path: Path
) -> None:
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        keeping.make_or_copy(settings_of(home), tmp_path / "kept", say=silent)
    assert maker.done == [None]
    house = compose(settings_of(homes[1]))
    with house.reading() as session:
        entries = session.scalars(select(Entry).order_by(Entry.id)).all()
        assert [entry.action for entry in entries][-1] == "clock.resumed"
        ended = entries[-2].at
        assert timedelta(0) <= entries[-1].at - ended < timedelta(seconds=60)
        now = moment(session)
        assert now.real - now.site > LONG_AGO - timedelta(minutes=5)
    house.database.close()


def broken_off(maker: Maker, settings: Settings, kept: Path, *, after: int) -> None:
    """A history that ends with an error after one of its batches."""
    maker.breaks_after = after
    with pytest.raises(BrokenPromise, match="otherwise"):
        keeping.make_or_copy(settings, kept, say=silent)
    assert not settings.home.exists()
    maker.breaks_after = None


def test_a_history_that_breaks_off_goes_on_after_its_last_finished_batch(
    maker: Maker, tmp_path: Path
) -> None:
    settings, kept = settings_of(tmp_path / "site"), tmp_path / "kept"
    broken_off(maker, settings, kept, after=2017)
    keeping.make_or_copy(settings, kept, say=silent)
    assert maker.done == [None, 2017]
    assert maker.days[0] == maker.days[1], "all dates count from the day on which it was begun"
    manifest = json.loads((kept / keeping.key() / keeping.MANIFEST).read_text())
    assert datetime.fromisoformat(manifest["ended"]) == maker.days[0] <= SystemClock().now()
    assert [place.name for place in kept.iterdir()] == [keeping.key()], "nothing lies around"


@pytest.mark.urs("URS-TIM-020")
def test_the_clock_of_one_that_goes_on_says_so(maker: Maker, tmp_path: Path) -> None:
    settings, kept = settings_of(tmp_path / "site"), tmp_path / "kept"
    broken_off(maker, settings, kept, after=2018)
    keeping.make_or_copy(settings, kept, say=silent)
    house = compose(settings)
    with house.reading() as session:
        entries = session.scalars(select(Entry).order_by(Entry.id)).all()
        resumed = [entry.data["reason"] for entry in entries if entry.action == "clock.resumed"]
        assert len(resumed) == 2
        assert "after its last finished batch" in resumed[0]
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    house.database.close()


def test_what_broke_off_while_it_was_kept_is_not_gone_on_with(maker: Maker, tmp_path: Path) -> None:
    settings, kept = settings_of(tmp_path / "site"), tmp_path / "kept"
    broken_off(maker, settings, kept, after=2017)
    room = kept / f"making-{keeping.key()}"
    shutil.copytree(room / "after-2017", room / progress.DRAFT)
    (room / progress.DRAFT / "site.db").write_bytes(b"half of it")
    (room / "after-2018").mkdir()
    found = progress.latest(room)
    assert found is not None
    assert found.place == room / "after-2017"
    keeping.make_or_copy(settings, kept, say=silent)
    assert maker.done == [None, 2017]


def test_a_site_is_never_overwritten(maker: Maker, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "site")
    settings.home.mkdir()
    (settings.home / "something").write_text("of somebody")
    with pytest.raises(SiteExists):
        keeping.make_or_copy(settings, tmp_path / "kept", say=silent)
    assert maker.done == []


def test_only_a_database_that_is_a_file_can_be_copied(tmp_path: Path) -> None:
    url = "postgresql+psycopg://nobody@localhost/none"
    settings = Settings(home=tmp_path / "site", database_url=url, owner_url=url)
    with pytest.raises(BrokenPromise, match="SQLite"):
        keeping.make_or_copy(settings, tmp_path / "kept", say=silent)


def test_another_seed_is_another_history(monkeypatch: pytest.MonkeyPatch) -> None:
    before = keeping.key()
    assert keeping.key() == before
    monkeypatch.setattr(running, "SEED", running.SEED + 1)
    assert keeping.key() != before


@pytest.mark.urs("URS-TIM-020")
def test_the_clock_of_a_gmp_site_is_never_set(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "site")
    making.make_site(settings, name="Works", mode=SiteMode.GMP, zone="UTC")
    house = compose(settings)
    with house.transaction() as session, pytest.raises(ClockNotMovable):
        go_on_from(session, moment(session).site + LONG_AGO, moment(session).real)
    with house.reading() as session:
        assert session.scalars(select(SiteClock)).all() == []
        assert not moment(session).simulated
    house.database.close()
