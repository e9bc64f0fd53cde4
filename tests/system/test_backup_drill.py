"""The played site is backed up, drilled and brought to work elsewhere: its records verify and its
recipe runs (URS-BAK-010, URS-BAK-020)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest

from app import wholesite
from app.backup import age, drilling, making, restoring
from app.backup.making import Order
from app.bootstrap import opened
from audit.sequencer import sequence_pending
from core.actors import Actor
from core.settings import Settings
from tests.support.story import Played

pytestmark = pytest.mark.sqlite("it takes copies of the site's file")
BY = Actor.service("backup", trigger="a test")


@pytest.fixture
def copy(story: Played, tmp_path: Path) -> Settings:
    """A copy of the played site."""
    home = tmp_path / "site"
    copytree(story.settings.home, home)
    url = f"sqlite:///{home / 'site.db'}"
    return replace(story.settings, home=home, database_url=url, owner_url=url)


@pytest.mark.urs("URS-BAK-010", "URS-BAK-020")
def test_the_played_site_is_restored_verified_and_its_run_done_again(
    copy: Settings, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir()
    secret, recipient = age.new_identity()
    escrow_secret, escrow = age.new_identity()
    (tmp_path / "key").write_text(secret)
    order = Order(folder=tmp_path / "kept", recipient=recipient, escrow=escrow)
    with opened(copy) as house:
        made = making.back_up(house, copy, order, by=BY, now=datetime.now(UTC))
        done = drilling.drill(
            house, copy, tmp_path / "key", by=BY, now=datetime.now(UTC), scheduled=False
        )
    assert done.figures.rehearsed == "batch/B-2045"
    assert done.figures.entries > 500
    assert done.figures.signatures > 100
    home, key = tmp_path / "elsewhere", age.identity_key(secret)
    restoring.restore(made.file, home, key, escrow=age.identity_key(escrow_secret))
    url = f"sqlite:///{home / 'site.db'}"
    there = replace(copy, home=home, database_url=url, owner_url=url)
    with opened(there) as house:
        sequence_pending(house, house.services["site_keys"])
        with house.reading() as session:
            report = wholesite.verify(house, session)
    assert report.ok, report.lines()
