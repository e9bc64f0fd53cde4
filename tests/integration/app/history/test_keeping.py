"""A finished history is kept, copied as a whole, and goes on from where it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app import making
from app.bootstrap import compose
from app.history import keeping, running, site
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
    """Stands in for making the whole history: the site alone, as it begins; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.breaks = False

    def __call__(self, settings: Settings, s: datetime, *, say: Say) -> datetime:
        self.calls += 1
        numbers = FirstNumbers(batch=2017, deviation=306, cleaning=90)
        site.make(settings, s, LONG_AGO, numbers, vault_of=light_vault, say=say)
        if self.breaks:
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
    assert maker.calls == 1
    house = compose(settings_of(homes[1]))
    with house.reading() as session:
        entries = session.scalars(select(Entry).order_by(Entry.id)).all()
        assert [entry.action for entry in entries][-1] == "clock.resumed"
        ended = entries[-2].at
        assert timedelta(0) <= entries[-1].at - ended < timedelta(seconds=60)
        now = moment(session)
        assert now.real - now.site > LONG_AGO - timedelta(minutes=5)
    house.database.close()


def test_a_history_that_breaks_off_is_not_kept(maker: Maker, tmp_path: Path) -> None:
    maker.breaks = True
    settings = settings_of(tmp_path / "site")
    with pytest.raises(BrokenPromise, match="otherwise"):
        keeping.make_or_copy(settings, tmp_path / "kept", say=silent)
    assert not settings.home.exists()
    maker.breaks = False
    keeping.make_or_copy(settings, tmp_path / "kept", say=silent)
    assert maker.calls == 2
    manifest = json.loads((tmp_path / "kept" / keeping.key() / keeping.MANIFEST).read_text())
    assert datetime.fromisoformat(manifest["ended"]) <= SystemClock().now()


def test_a_site_is_never_overwritten(maker: Maker, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "site")
    settings.home.mkdir()
    (settings.home / "something").write_text("of somebody")
    with pytest.raises(SiteExists):
        keeping.make_or_copy(settings, tmp_path / "kept", say=silent)
    assert maker.calls == 0


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
